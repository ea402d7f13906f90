"""What Home Assistant's own logbook says of nodes' updates."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.mesh_ota.const import DOMAIN
from custom_components.mesh_ota.hub import MeshOta
from custom_components.mesh_ota.jobs.job import Job
from custom_components.mesh_ota.logbook import SENTENCES
from custom_components.mesh_ota.outcomes import EVENT_NODE_UPDATE, OUTCOMES
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util

from .conftest import NODE
from .gateway_client import GatewayClient

type Read = Callable[[], Awaitable[list[tuple[str, str]]]]


@pytest.fixture(autouse=True)
def _custom_integrations(recorder_mock: object, enable_custom_integrations: None) -> None:
    """Let Home Assistant find ours; the recorder has to come first."""


@pytest.fixture
async def read(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    paired: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> Read:
    """Read (name, message) of all that the logbook has of the node's device, as its page does."""
    hass.config.components.add("frontend")  # where the logbook is shown; not installed here
    assert await async_setup_component(hass, "logbook", {})
    began = dt_util.utcnow() - timedelta(minutes=1)

    async def read() -> list[tuple[str, str]]:
        await hass.async_block_till_done()
        await async_wait_recording_done(hass)
        device = device_registry.async_get_device_by_identifier((DOMAIN, NODE), paired.entry_id)
        client = await hass_ws_client()
        await client.send_json_auto_id(
            {
                "type": "logbook/get_events",
                "start_time": began.isoformat(),
                "device_ids": [device.id],
            }
        )
        told = (await client.receive_json())["result"]
        return [(each["name"], each["message"]) for each in told if each.get("domain") == DOMAIN]

    return read


async def test_an_update_that_went_well_is_two_sentences_on_the_nodes_page(
    job: Job, caller: GatewayClient, read: Read
):
    (listed,) = (await caller.pending()).json["jobs"]
    await caller.report_progress(listed, NODE, "offered")
    await caller.report_progress(listed, NODE, "downloading", current_part=1)
    await caller.report_progress(listed, NODE, "restarting", boot=7)
    last = {"tag": f"{listed['token']}-1", "proof": listed["proof"], "outcome": "confirmed"}
    await caller.report_node(
        NODE, boot=8, proof=listed["proof"], last=last | {"reason": ""}, version="1.1.0"
    )
    assert await read() == [
        ("hall", "begins the update to 1.1.0."),
        ("hall", "was updated to 1.1.0."),
    ]


async def test_a_node_that_went_back_is_told_of_with_what_it_said(
    job: Job, caller: GatewayClient, read: Read
):
    (listed,) = (await caller.pending()).json["jobs"]
    await caller.report_progress(listed, NODE, "restarting", boot=7)
    last = {"tag": f"{listed['token']}-1", "proof": "", "outcome": "refused"}
    await caller.report_node(NODE, boot=9, last=last | {"reason": "No sensor on GPIO4."})
    told = await read()
    assert told[-1] == (
        "hall",
        "did not keep version 1.1.0. The node went back to its old firmware. No sensor on GPIO4.",
    )


async def test_the_name_is_the_one_that_the_user_gave_the_device(
    hub: MeshOta,
    job: Job,
    paired: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    read: Read,
):
    device = device_registry.async_get_device_by_identifier((DOMAIN, NODE), paired.entry_id)
    device_registry.async_update_device(device.id, name_by_user="Lamp in the hall")
    await hub.async_cancel_job(job.id)
    assert await read() == [
        ("Lamp in the hall", "keeps its firmware: the update to 1.1.0 was cancelled.")
    ]


async def test_nothing_is_told_of_a_step_in_the_middle_or_after_the_entry_is_unloaded(
    hass: HomeAssistant, hub: MeshOta, job: Job, caller: GatewayClient, paired: MockConfigEntry
):
    told = list[Event[dict[str, Any]]]()
    hass.bus.async_listen(EVENT_NODE_UPDATE, told.append)
    (listed,) = (await caller.pending()).json["jobs"]
    await caller.report_progress(listed, NODE, "offered")
    await caller.report_progress(listed, NODE, "downloading", current_part=1)
    await hass.async_block_till_done()
    assert [event.data["outcome"] for event in told] == ["started"]
    assert await hass.config_entries.async_unload(paired.entry_id)
    await hub.async_cancel_job(job.id)
    await hass.async_block_till_done()
    assert len(told) == 1


def test_every_outcome_has_its_sentence():
    assert SENTENCES.keys() == set(OUTCOMES)
