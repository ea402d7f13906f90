"""Why a node waits or how it ended, in the language of this Home Assistant, on the entity and in the API."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.mesh_ota.hub import MeshOta
from custom_components.mesh_ota.jobs.rollout import Rollout, Window
from custom_components.mesh_ota.jobs.sentences import SAID, SENTENCES
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from .conftest import GATEWAY_ID, Upload
from .gateway_client import GatewayClient
from .translation_check import english

NODE = "2222222222"
API = "/api/mesh_ota/v1/ota/updates"


@pytest.fixture
async def row(hass: HomeAssistant, hub: MeshOta, caller: GatewayClient, upload: Upload) -> Any:
    """The row of a node that has left."""
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    await caller.report_node(NODE)
    await caller.report(tree=[])
    firmware = await upload("pir", "1.1.0")
    job = await hub.async_create_job(firmware["id"], node_ids=[NODE])
    return job.nodes[NODE]


def test_english_says_the_same_in_the_texts_as_in_the_code():
    texts = english()["exceptions"]
    assert {reason: texts[reason]["message"] for reason in SENTENCES} == SENTENCES


@pytest.mark.parametrize(
    ("language", "beginning"), [("en", "Not heard since 20"), ("de", "Nicht gehört seit 20")]
)
async def test_the_sentence_is_in_the_language_of_the_house(
    hass: HomeAssistant,
    row: Any,
    hass_client: ClientSessionGenerator,
    language: str,
    beginning: str,
):
    await hass.config.async_update(language=language)
    await hass.async_block_till_done()
    (job,) = await (await (await hass_client()).get(API)).json()
    shown = job["nodes"][0]
    assert shown["message"].startswith(beginning)
    assert shown["error_message"].startswith("Not heard since")
    assert hass.states.get("update.hall_firmware").attributes["reason"] == shown["message"]


async def test_what_a_gateway_says_in_its_own_words_stays_as_it_is(
    hass: HomeAssistant, hub: MeshOta, caller: GatewayClient, row: Any
):
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    (listed,) = (await caller.pending()).json["jobs"]
    await caller.report_progress(listed, NODE, "failed", error_message="The flash is worn out.")
    await hass.config.async_update(language="de")
    await hass.async_block_till_done()
    assert hub.message_of(row) == "The flash is worn out."
    assert hass.states.get("update.hall_firmware").attributes["reason"] == "The flash is worn out."


def codes_of_the_protocol() -> list[str]:
    """The codes in the table of docs/mesh-protocol.md §6."""
    page = (Path(__file__).parents[2] / "docs" / "mesh-protocol.md").read_text()
    table = page.split("## 6.")[1].split("## 7.")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return re.findall(r"`(\w+)`", " ".join(rows))


def test_every_reason_that_a_node_may_give_has_a_sentence():
    assert set(SAID) == {*codes_of_the_protocol(), "no_answer"}
    assert len(SAID) > 10
    assert set(SAID.values()) <= set(SENTENCES)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            {"reason": "space", "error_message": "12 KiB free."},
            "Der Knoten hat keinen Platz für diese Firmware. 12 KiB free.",
        ),
        (
            {"reason": "refused"},
            "Diese Firmware ist auf dem Knoten schon auf Probe gescheitert; mit Zwang wird sie noch einmal versucht.",
        ),
        ({"reason": "of_tomorrow"}, "Das Gateway hat aufgegeben: of_tomorrow."),
        ({}, "Das Gateway hat aufgegeben und nicht gesagt, warum."),
    ],
)
async def test_the_reason_of_a_node_is_in_that_language_before_its_own_words(
    hass: HomeAssistant,
    hub: MeshOta,
    caller: GatewayClient,
    row: Any,
    said: dict[str, str],
    shown: str,
):
    await hass.config.async_update(language="de")
    await hass.async_block_till_done()
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    (listed,) = (await caller.pending()).json["jobs"]
    await caller.report_progress(listed, NODE, "failed", **said)
    assert hub.message_of(row) == shown
    assert hub.message_of(type(row).restored(row.stored())) == shown
    assert hass.states.get("update.hall_firmware").attributes["reason"] == shown


async def test_a_row_says_which_of_entity_and_template_it_waits_for(
    hass: HomeAssistant, hub: MeshOta, caller: GatewayClient, upload: Upload
):
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    await caller.report_node(NODE)
    firmware = await upload("pir", "1.1.0")
    window = Window(entity_id="input_boolean.free", template="{{ is_state('sun.sun', 'below') }}")
    job = await hub.async_create_job(firmware["id"], rollout=Rollout(window=window))
    said = "Waits until input_boolean.free allows it."
    assert hub.message_of(job.nodes[NODE]) == said
    hass.states.async_set("input_boolean.free", "on")
    await hass.async_block_till_done()
    said = "Waits until the template of its time window allows it."
    assert hub.message_of(job.nodes[NODE]) == said


async def test_entity_and_api_say_when_it_is_tried_next(
    hass: HomeAssistant,
    hub: MeshOta,
    caller: GatewayClient,
    upload: Upload,
    hass_client: ClientSessionGenerator,
):
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    await caller.report_node(NODE)
    firmware = await upload("pir", "1.1.0")
    opens = dt_util.now().replace(second=0, microsecond=0) + timedelta(hours=3)
    clock = opens.strftime("%H:%M")
    window = Window(start=clock, end=(opens + timedelta(hours=1)).strftime("%H:%M"))
    await hub.async_create_job(firmware["id"], rollout=Rollout(window=window))
    await hass.async_block_till_done()
    shown = hass.states.get("update.hall_firmware").attributes
    assert shown["next_try"] == opens
    assert shown["reason"].startswith("Waits for its time window") and clock in shown["reason"]
    (job,) = await (await (await hass_client()).get(API)).json()
    assert datetime.fromisoformat(job["nodes"][0]["next_try"]) == opens


async def test_why_a_job_stopped_and_what_a_plan_says_are_in_that_language_too(
    hass: HomeAssistant, hub: MeshOta, caller: GatewayClient, upload: Upload
):
    """English stays beside it, for whoever reads logs."""
    await hass.config.async_update(language="de")
    await hass.async_block_till_done()
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    await caller.report_node(NODE)
    await caller.report_node("3333333333", name="lamp", type="led")
    firmware = await upload("pir", "1.1.0")
    plan = await hub.async_plan_job(firmware["id"], node_ids=["3333333333"])
    assert plan["nodes"][0]["message"] == (
        "Die Firmware ist für pir; Knoten 3333333333 ist vom Typ led."
    )
    await caller.report(tree=[])
    (leg,) = (await hub.async_plan_job(firmware["id"]))["nodes"]
    assert leg["message"].startswith("Nicht gehört seit 20")
    job = await hub.async_create_job(firmware["id"], rollout=Rollout(stop_after=1))
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    (listed,) = (await caller.pending()).json["jobs"]
    await caller.report_progress(listed, NODE, "failed")
    shown = hub.shown(job)
    assert shown["error_message"] == "Stopped after 1 failures."
    assert shown["message"] == "Gestoppt nach 1 Fehlschlägen."
    assert hub.shown(type(job).restored(job.stored())) == shown
