"""A job made in the options: its flight plan is shown first, and nothing happens without a confirmation."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.mesh_ota.hub import MeshOta
from homeassistant.auth.models import User
from homeassistant.components.config import config_entries
from homeassistant.core import HomeAssistant

from .conftest import GATEWAY_ID, Upload
from .gateway_client import GatewayClient
from .test_options_flow import menu, submit

HALL, ATTIC, LAMP, CELLAR = "2222222222", "3333333333", "4000000000", "4000000001"

pytestmark = pytest.mark.usefixtures("checked_translations")


@pytest.fixture
async def firmware(caller: GatewayClient, upload: Upload) -> dict[str, Any]:
    """A firmware for two nodes that are there and one that is away; a lamp beside them."""
    await caller.report(tree=[[each, GATEWAY_ID] for each in (HALL, ATTIC, LAMP, CELLAR)])
    await caller.report_node(HALL)
    await caller.report_node(ATTIC, name="attic <b>|")
    await caller.report_node(LAMP, type="led", name="lamp")
    await caller.report_node(CELLAR, name="cellar")
    await caller.report(tree=[[each, GATEWAY_ID] for each in (HALL, ATTIC, LAMP)])
    return await upload("pir", "1.1.0")


def fields(firmware: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The page `install` as it is filled in."""
    return {"firmware_id": str(firmware["id"]), "as_policy": True, "force_update": False} | more


async def test_without_firmware_there_is_nothing_to_plan(
    hass: HomeAssistant, paired: MockConfigEntry
):
    flow = await menu(hass, paired, "install")
    assert flow["reason"] == "library_empty"


async def test_the_plan_says_of_each_node_whether_why_when_and_in_which_order(
    hass: HomeAssistant, paired: MockConfigEntry, firmware: dict[str, Any], hub: MeshOta
):
    flow = await submit(hass, await menu(hass, paired, "install"), fields(firmware))
    shown = flow["description_placeholders"]
    assert flow["step_id"] == "plan"
    assert (shown["eligible"], shown["count"]) == ("3", "3")
    first, second, away = shown["nodes"].splitlines()
    assert first.startswith(("| 1 | hall", "| 1 | attic"))
    assert second.startswith("| 2 |")
    assert "⏳ Not heard since" in away
    assert away.endswith("| 0.8 | — |")
    assert all(line.count("|") == 6 for line in (first, second, away))
    assert "<" not in shown["nodes"]
    assert shown["ends"].startswith("20")
    assert hub.jobs() == []


async def test_confirming_makes_the_job_that_was_shown(
    hass: HomeAssistant, paired: MockConfigEntry, firmware: dict[str, Any], hub: MeshOta
):
    await hub.policies.async_set("pir", {"rollout": {"canary": 1, "soak_minutes": 5}})
    flow = await submit(hass, await menu(hass, paired, "install"), fields(firmware))
    flow = await submit(hass, flow, {})
    (job,) = hub.jobs()
    assert (flow["reason"], flow["description_placeholders"]["job"]) == ("job_created", str(job.id))
    assert (job.for_type, job.rollout.canary, job.force_update) == (True, 1, False)


async def test_chosen_nodes_are_updated_at_once_where_that_is_wanted(
    hass: HomeAssistant, paired: MockConfigEntry, firmware: dict[str, Any], hub: MeshOta
):
    await hub.policies.async_set("pir", {"rollout": {"canary": 1}})
    said = fields(firmware, nodes=[HALL], as_policy=False, force_update=True)
    flow = await submit(hass, await menu(hass, paired, "install"), said)
    await submit(hass, flow, {})
    (job,) = hub.jobs()
    assert (list(job.nodes), job.rollout.canary, job.force_update) == ([HALL], 0, True)


async def test_a_node_that_the_firmware_is_not_for_is_said_and_the_job_refused(
    hass: HomeAssistant, paired: MockConfigEntry, firmware: dict[str, Any], hub: MeshOta
):
    """Then the user can go back and choose others; nothing was made."""
    said = fields(firmware, nodes=[HALL, LAMP])
    flow = await submit(hass, await menu(hass, paired, "install"), said)
    shown = flow["description_placeholders"]
    (lamp,) = [line for line in shown["nodes"].splitlines() if LAMP in line]
    assert "❌ The firmware is for pir" in lamp
    flow = await submit(hass, flow, {})
    assert (flow["step_id"], flow["errors"]) == ("plan", {"base": "refused"})
    assert "is a led" in flow["description_placeholders"]["reason"]
    assert hub.jobs() == []


async def test_firmware_that_goes_between_two_pages_is_said(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    firmware: dict[str, Any],
    hub: MeshOta,
    upload: Upload,
):
    await upload("pir", "1.2.0")
    flow = await menu(hass, paired, "install")
    await hub.library.async_delete(firmware["id"])
    flow = await submit(hass, flow, fields(firmware))
    assert (flow["step_id"], flow["errors"]) == ("install", {"base": "refused"})


async def test_a_plan_for_a_whole_house_is_cut(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    firmware: dict[str, Any],
    caller: GatewayClient,
):
    for number in range(33):
        await caller.report_node(str(4100000000 + number), name=f"n{number}")
    flow = await submit(hass, await menu(hass, paired, "install"), fields(firmware))
    lines = flow["description_placeholders"]["nodes"].splitlines()
    assert len(lines) == 31
    assert "… + 6" in lines[-1]


async def test_the_job_names_the_user_who_sat_before_the_dialog(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    firmware: dict[str, Any],
    hub: MeshOta,
    hass_client: ClientSessionGenerator,
    hass_admin_user: User,
):
    """Over HTTP, as the frontend does it."""
    client, path = await hass_client(), "/api/config/config_entries/options/flow"
    config_entries.async_setup(hass)
    flow = await (await client.post(path, json={"handler": paired.entry_id})).json()
    for said in ({"next_step_id": "install"}, fields(firmware), {}):
        flow = await (await client.post(f"{path}/{flow['flow_id']}", json=said)).json()
    assert flow["reason"] == "job_created"
    assert hub.jobs()[0].actor == hass_admin_user.id
