"""Events, diagnostic sensors and issues: what an automation or a person is told of by itself."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.mesh_ota.const import DOMAIN, GATEWAY_MISSED
from custom_components.mesh_ota.hub import MeshOta
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.util import dt as dt_util

from .conftest import GATEWAY_ID, Upload
from .gateway_client import GatewayClient

NODE = "2222222222"
EVENT = f"event.gateway_{GATEWAY_ID}_update"


@pytest.fixture
async def job(hub: MeshOta, caller: GatewayClient, upload: Upload) -> dict[str, Any]:
    """A job for one node, as its gateway sees it."""
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    await caller.report_node(NODE)
    uploaded = await upload("pir", "1.1.0")
    await hub.async_create_job(uploaded["id"], node_ids=[NODE])
    return (await caller.pending()).json["jobs"][0]


async def test_an_update_is_told_from_start_to_success(
    hass: HomeAssistant, caller: GatewayClient, job: dict[str, Any]
):
    await caller.report_progress(job, NODE, "offered")
    await hass.async_block_till_done()
    state = hass.states.get(EVENT)
    assert (state.attributes["event_type"], state.attributes["node_id"]) == ("started", NODE)
    await caller.report_progress(job, NODE, "restarting", boot=7)
    last = {"tag": f"{job['token']}-1", "proof": job["proof"], "outcome": "confirmed", "reason": ""}
    await caller.report_node(NODE, boot=8, proof=job["proof"], last=last, version="1.1.0")
    await hass.async_block_till_done()
    attributes = hass.states.get(EVENT).attributes
    assert (attributes["event_type"], attributes["to_version"]) == ("succeeded", "1.1.0")
    assert hass.states.get("sensor.hall_last_update").state == "completed"


@pytest.mark.parametrize("end", ["failed", "cancelled", "rolled_back"])
async def test_every_end_is_told(
    hass: HomeAssistant, hub: MeshOta, caller: GatewayClient, job: dict[str, Any], end: str
):
    if end == "failed":
        await caller.report_progress(job, NODE, "failed", error_message="The flash is worn out.")
    elif end == "cancelled":
        await hub.async_cancel_job(job["id"])
    else:
        await caller.report_progress(job, NODE, "restarting", boot=7)
        last = {"tag": f"{job['token']}-1", "proof": "", "outcome": "refused", "reason": "no"}
        await caller.report_node(NODE, boot=9, last=last)
    await hass.async_block_till_done()
    attributes = hass.states.get(EVENT).attributes
    assert attributes["event_type"] == end
    assert attributes["message"]


async def test_of_the_sensors_only_what_matters_is_on_at_first(
    hass: HomeAssistant,
    job: dict[str, Any],
    entity_registry: er.EntityRegistry,
    paired: MockConfigEntry,
):
    entries = er.async_entries_for_config_entry(entity_registry, paired.entry_id)
    mine = {e.unique_id: e.disabled for e in entries if e.unique_id.startswith(NODE)}
    assert {name for name, off in mine.items() if not off} == {
        f"{NODE}-firmware",
        f"{NODE}-last_outcome",
        f"{NODE}-signing",
    }
    assert {f"{NODE}-signal", f"{NODE}-heap", f"{NODE}-running_hash", f"{NODE}-last_heard"} <= set(
        mine
    )


@pytest.fixture
async def all_sensors(
    hass: HomeAssistant,
    caller: GatewayClient,
    job: dict[str, Any],
    entity_registry: er.EntityRegistry,
    paired: MockConfigEntry,
) -> None:
    """Each sensor of the node is turned on, and its gateway calls again."""
    for key in ("signal", "heap", "running_hash", "last_heard"):
        entity = entity_registry.async_get_entity_id("sensor", DOMAIN, f"{NODE}-{key}")
        entity_registry.async_update_entity(entity, disabled_by=None)
    assert await hass.config_entries.async_reload(paired.entry_id)
    await caller.open()
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    await caller.report_node(NODE)
    await hass.async_block_till_done()


def sensors(hass: HomeAssistant) -> dict[str, str]:
    """What the node's sensors show, but for the time."""
    names = ("signal", "free_memory", "running_hash", "last_update")
    return {name: hass.states.get(f"sensor.hall_{name}").state for name in names}


async def test_a_sensor_that_is_turned_on_shows_what_the_node_said(
    hass: HomeAssistant, all_sensors: None
):
    assert sensors(hass) == {
        "signal": "-61",
        "free_memory": "81234",
        "running_hash": "cd" * 32,
        "last_update": "unknown",
    }
    heard = datetime.fromisoformat(hass.states.get("sensor.hall_last_heard").state)
    assert abs(heard - dt_util.utcnow()) < timedelta(seconds=30)


async def test_of_a_node_that_is_away_what_was_true_of_the_moment_is_shown_no_more(
    hass: HomeAssistant, all_sensors: None, caller: GatewayClient
):
    """What it runs is still what it runs, and it can be told to update."""
    await caller.report(tree=[])
    await hass.async_block_till_done()
    assert sensors(hass) == {
        "signal": "unavailable",
        "free_memory": "unavailable",
        "running_hash": "cd" * 32,
        "last_update": "unknown",
    }
    assert hass.states.get("update.hall_firmware").state == "on"
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    await hass.async_block_till_done()
    assert sensors(hass)["signal"] == "-61"


async def test_a_node_that_gets_stuck_is_an_issue_until_it_succeeds(
    hass: HomeAssistant,
    hub: MeshOta,
    caller: GatewayClient,
    job: dict[str, Any],
    issue_registry: ir.IssueRegistry,
):
    own = hub.job(job["id"])
    assert own is not None
    row = own.nodes[NODE]
    await caller.report_progress(job, NODE, "offered")
    row.waited = timedelta(hours=1)
    hub.engine.tick(own.created_at)
    hub.outlet.publish()
    issue = issue_registry.async_get_issue(DOMAIN, f"node_stuck_{NODE}")
    assert issue is not None and "did not ask" in issue.translation_placeholders["sentence"]
    again = await hub.async_retry_job(own.id)
    (listed,) = (await caller.pending()).json["jobs"]
    last = {"tag": f"{again.token}-1", "proof": "", "outcome": "confirmed", "reason": ""}
    await caller.report_progress(listed, NODE, "restarting", boot=7)
    await caller.report_node(NODE, boot=8, proof=listed["proof"], last=last)
    assert issue_registry.async_get_issue(DOMAIN, f"node_stuck_{NODE}") is None


@pytest.fixture
async def stuck(
    hub: MeshOta, caller: GatewayClient, job: dict[str, Any], issue_registry: ir.IssueRegistry
) -> str:
    """The issue of a node that did not react."""
    await caller.report_progress(job, NODE, "failed", reason="no_answer")
    issue = f"node_stuck_{NODE}"
    assert issue_registry.async_get_issue(DOMAIN, issue) is not None
    return issue


async def test_a_stuck_node_is_an_issue_after_a_restart_too(
    hass: HomeAssistant, stuck: str, paired: MockConfigEntry, issue_registry: ir.IssueRegistry
):
    """Issues are not kept; how the update ended is."""
    await hass.config_entries.async_unload(paired.entry_id)
    assert issue_registry.async_get_issue(DOMAIN, stuck) is None
    await hass.config_entries.async_setup(paired.entry_id)
    await hass.async_block_till_done()
    assert issue_registry.async_get_issue(DOMAIN, stuck) is not None


async def test_a_cancelled_attempt_frees_no_node_and_a_cable_does(
    hub: MeshOta,
    caller: GatewayClient,
    job: dict[str, Any],
    stuck: str,
    issue_registry: ir.IssueRegistry,
):
    again = await hub.async_retry_job(job["id"])
    await hub.async_cancel_job(again.id)
    assert issue_registry.async_get_issue(DOMAIN, stuck) is not None
    await caller.report_node(NODE, boot=9, proof=job["proof"], version="1.1.0")
    assert issue_registry.async_get_issue(DOMAIN, stuck) is None


async def test_a_node_that_is_removed_takes_its_issue_along(
    hub: MeshOta, stuck: str, issue_registry: ir.IssueRegistry
):
    await hub.async_forget_node(NODE)
    assert issue_registry.async_get_issue(DOMAIN, stuck) is None


async def test_a_node_that_gives_up_what_it_had_installed_is_an_issue_until_it_runs_it_again(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    caller: GatewayClient,
    job: dict[str, Any],
    issue_registry: ir.IssueRegistry,
):
    """Its loader went back by itself, long after the job had ended well."""
    issue = f"node_gave_up_{NODE}"
    tag, new = f"{job['token']}-1", job["proof"]
    confirmed = {"tag": tag, "proof": new, "outcome": "confirmed", "reason": ""}
    await caller.report_progress(job, NODE, "restarting", boot=7)
    await caller.report_node(NODE, boot=8, proof=new, last=confirmed, version="1.1.0")
    assert issue_registry.async_get_issue(DOMAIN, issue) is None
    refused = confirmed | {"outcome": "refused", "reason": "10 failed starts: OSError: <b>"}
    await caller.report_node(NODE, boot=19, proof="ab" * 32, last=refused, version="1.0.0")
    found = issue_registry.async_get_issue(DOMAIN, issue)
    assert found is not None
    assert found.translation_placeholders == {
        "node": "hall",
        "version": "1.1.0",
        "running": "1.0.0",
        "sentence": "10 failed starts: OSError: &lt;b&gt;",
    }
    # Nothing of it is left while the gateway is not looked after, and it is told again afterwards.
    await hass.config_entries.async_unload(paired.entry_id)
    assert issue_registry.async_get_issue(DOMAIN, issue) is None
    await hass.config_entries.async_setup(paired.entry_id)
    await hass.async_block_till_done()
    assert issue_registry.async_get_issue(DOMAIN, issue) is not None
    await caller.open()
    await caller.report_node(NODE, boot=20, proof=new, last=confirmed, version="1.1.0")
    assert issue_registry.async_get_issue(DOMAIN, issue) is None


async def test_a_node_that_rolls_back_in_a_job_is_told_by_the_job_alone(
    hass: HomeAssistant,
    caller: GatewayClient,
    job: dict[str, Any],
    issue_registry: ir.IssueRegistry,
):
    await caller.report_progress(job, NODE, "restarting", boot=7)
    last = {"tag": f"{job['token']}-1", "proof": job["proof"], "outcome": "refused", "reason": "no"}
    await caller.report_node(NODE, boot=9, last=last)
    assert issue_registry.async_get_issue(DOMAIN, f"node_gave_up_{NODE}") is None


async def test_a_gateway_that_is_silent_is_an_issue_until_it_calls(
    hass: HomeAssistant,
    caller: GatewayClient,
    issue_registry: ir.IssueRegistry,
    freezer: FrozenDateTimeFactory,
):
    issue = f"gateway_silent_{GATEWAY_ID}"
    for step in (timedelta(minutes=4), GATEWAY_MISSED - timedelta(minutes=1)):
        freezer.tick(step)
        async_fire_time_changed(hass)
        await hass.async_block_till_done()
    assert issue_registry.async_get_issue(DOMAIN, issue) is None
    freezer.tick(timedelta(minutes=2))
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    assert issue_registry.async_get_issue(DOMAIN, issue) is not None
    await caller.open()
    await caller.report()
    await hass.async_block_till_done()
    assert issue_registry.async_get_issue(DOMAIN, issue) is None
