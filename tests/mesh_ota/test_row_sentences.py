"""Why a node waits or how it ended, in the language of this Home Assistant, on the entity and in the API."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.mesh_ota.hub import MeshOta
from custom_components.mesh_ota.jobs.rollout import Rollout
from custom_components.mesh_ota.jobs.sentences import SENTENCES
from homeassistant.core import HomeAssistant

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
