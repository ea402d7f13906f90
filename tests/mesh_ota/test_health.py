"""The health gate: a canary whose device falls silent in Home Assistant stops the job."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.mesh_ota.hub import MeshOta
from custom_components.mesh_ota.jobs.job import Job
from custom_components.mesh_ota.jobs.rollout import Rollout
from custom_components.mesh_ota.jobs.states import JobStatus, NodeStatus
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util import dt as dt_util

from .conftest import GATEWAY_ID, Upload
from .gateway_client import GatewayClient

NODE, SECOND = "2222222222", "3333333333"
MOTION = "binary_sensor.hall_motion"
OLD = "aa" * 32


async def updated(hub: MeshOta, caller: GatewayClient, upload: Upload, **rollout: Any) -> Job:
    """A job whose canary has just proved the new firmware and is being watched."""
    await caller.report(tree=[[NODE, GATEWAY_ID], [SECOND, GATEWAY_ID]])
    await caller.report_node(NODE)
    await caller.report_node(SECOND, name="attic")
    uploaded = await upload("pir", "1.1.0")
    wanted = Rollout(canary_node_ids=(NODE,), soak_minutes=30, **rollout)
    job = await hub.async_create_job(uploaded["id"], rollout=wanted)
    (listed,) = (await caller.pending()).json["jobs"]
    await caller.report_progress(listed, NODE, "restarting", boot=7)
    last = {"tag": f"{job.token}-1", "proof": job.proof, "outcome": "confirmed", "reason": ""}
    other = {"proof": OLD, "version": "1.0.0"}
    await caller.report_node(NODE, boot=8, proof=job.proof, last=last, other=other)
    assert job.nodes[NODE].status is NodeStatus.COMPLETED
    hub.engine.review(dt_util.utcnow())
    return job


def soaked(hub: MeshOta, job: Job) -> None:
    """The time of watching is over."""
    assert job.soak_until is not None
    hub.engine.review(job.soak_until + timedelta(seconds=1))
    hub.outlet.publish()


async def test_a_healthy_canary_lets_the_others_follow(
    hass: HomeAssistant, hub: MeshOta, caller: GatewayClient, upload: Upload
):
    hass.states.async_set(MOTION, "off")
    job = await updated(hub, caller, upload, health_entities=(MOTION,))
    soaked(hub, job)
    (listed,) = (await caller.pending()).json["jobs"]
    assert [target["node_id"] for target in listed["targets"]] == [SECOND]


@pytest.mark.parametrize("state", ["unavailable", "unknown", None])
async def test_an_entity_that_has_no_state_any_more_stops_the_job(
    hass: HomeAssistant, hub: MeshOta, caller: GatewayClient, upload: Upload, state: str | None
):
    hass.states.async_set(MOTION, "off")
    job = await updated(hub, caller, upload, health_entities=(MOTION,))
    if state is None:
        hass.states.async_remove(MOTION)
    else:
        hass.states.async_set(MOTION, state)
    soaked(hub, job)
    assert job.status is JobStatus.FAILED
    assert MOTION in (job.error_message or "")
    assert not job.nodes[SECOND].handed_out


async def test_entities_of_the_nodes_own_device_are_watched_unasked(
    hass: HomeAssistant,
    hub: MeshOta,
    caller: GatewayClient,
    upload: Upload,
    device_registry: dr.DeviceRegistry,
    entity_registry: er.EntityRegistry,
):
    mqtt = MockConfigEntry(domain="mqtt")
    mqtt.add_to_hass(hass)
    device = device_registry.async_get_or_create(
        config_entry_id=mqtt.entry_id, identifiers={("mqtt", NODE)}
    )
    entity = entity_registry.async_get_or_create(
        "sensor", "mqtt", "hall-temp", device_id=device.id, config_entry=mqtt
    )
    for domain in ("button", "sensor"):
        # Never pressed, never heard: they said as little before the update.
        entity_registry.async_get_or_create(
            domain, "mqtt", f"hall-{domain}", device_id=device.id, config_entry=mqtt
        )
    hass.states.async_set(entity.entity_id, "21.5")
    job = await updated(hub, caller, upload)
    assert hub.health.entities_of(job) == [entity.entity_id]
    hass.states.async_set(entity.entity_id, "unavailable")
    soaked(hub, job)
    assert job.status is JobStatus.FAILED
    assert job.gaps == {"suspicious": entity.entity_id}


async def test_a_node_that_joins_the_canary_later_is_watched_like_the_first(
    hass: HomeAssistant,
    hub: MeshOta,
    caller: GatewayClient,
    upload: Upload,
    device_registry: dr.DeviceRegistry,
    entity_registry: er.EntityRegistry,
):
    mqtt, speaking = MockConfigEntry(domain="mqtt"), []
    mqtt.add_to_hass(hass)
    for node in (NODE, SECOND):
        device = device_registry.async_get_or_create(
            config_entry_id=mqtt.entry_id, identifiers={("mqtt", node)}
        )
        _mute, entity = (
            entity_registry.async_get_or_create(
                "sensor", "mqtt", f"{name}-{node}", device_id=device.id, config_entry=mqtt
            )
            for name in ("mute", "temp")
        )
        hass.states.async_set(entity.entity_id, "21.5")
        speaking.append(entity.entity_id)
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    await caller.report_node(NODE)
    uploaded = await upload("pir", "1.1.0")
    job = await hub.async_create_job(uploaded["id"], rollout=Rollout(canary=2, soak_minutes=30))
    assert hub.health.entities_of(job) == speaking[:1]
    await caller.report(tree=[[NODE, GATEWAY_ID], [SECOND, GATEWAY_ID]])
    await caller.report_node(SECOND, name="attic")
    assert job.canaries == [NODE, SECOND]
    assert hub.health.entities_of(job) == speaking
    await hub.async_cancel_job(job.id)
    assert not hub.health._unwatch and not hub.health._watched


async def test_after_a_restart_of_home_assistant_silence_counts_only_from_then_on(
    hass: HomeAssistant, hub: MeshOta, caller: GatewayClient, upload: Upload
):
    """It changed 60 times an hour, and those of the soak so far are forgotten with the restart."""
    hass.states.async_set(MOTION, "off")
    job = await updated(hub, caller, upload, health_entities=(MOTION,))
    begun = dt_util.utcnow()
    job.soak_until = begun - timedelta(minutes=1)
    hub.health.async_stop()
    hub.health.async_follow()
    hub.health._rates[job.id, MOTION] = 60.0
    assert job.soak_until >= begun + timedelta(minutes=10)
    hub.engine.review(begun + timedelta(minutes=2))
    assert job.canaries
    # Two minutes promise too little to be a rate; ten do.
    assert hub.health.suspicious(job, begun + timedelta(minutes=2)) is None
    assert hub.health.suspicious(job, begun + timedelta(minutes=11)) == MOTION


async def test_the_canary_goes_back_where_that_was_asked_for(
    hass: HomeAssistant, hub: MeshOta, caller: GatewayClient, upload: Upload
):
    job = await updated(hub, caller, upload, health_entities=(MOTION,), go_back=True)
    soaked(hub, job)
    await hass.async_block_till_done()
    (back,) = [each for each in hub.jobs() if each.mode == "flip"]
    assert (list(back.nodes), back.actor, back.proof) == ([NODE], "health-gate", OLD)


async def test_a_canary_that_has_nothing_to_go_back_to_stays_and_the_job_stops_all_the_same(
    hass: HomeAssistant, hub: MeshOta, caller: GatewayClient, upload: Upload
):
    job = await updated(hub, caller, upload, health_entities=(MOTION,), go_back=True)
    hub.nodes.nodes[NODE].other = None
    soaked(hub, job)
    await hass.async_block_till_done()
    assert hub.jobs() == [job]
    assert job.status is JobStatus.FAILED


async def test_a_cancelled_job_is_watched_no_more(
    hass: HomeAssistant, hub: MeshOta, caller: GatewayClient, upload: Upload
):
    """Its canary had not proved itself yet."""
    hass.states.async_set(MOTION, "off")
    before = hass.bus.async_listeners().get("state_changed", 0)
    job = await updated(hub, caller, upload, health_entities=(MOTION,))
    assert hass.bus.async_listeners()["state_changed"] == before + 1
    await hub.async_cancel_job(job.id)
    assert hass.bus.async_listeners().get("state_changed", 0) == before


async def test_when_home_assistant_stops_nothing_is_counted_any_more(
    hass: HomeAssistant, hub: MeshOta, caller: GatewayClient, upload: Upload
):
    hass.states.async_set(MOTION, "off")
    await updated(hub, caller, upload, health_entities=(MOTION,))
    listening = hass.bus.async_listeners()["state_changed"]
    hub.health.async_stop()
    assert hass.bus.async_listeners().get("state_changed", 0) == listening - 1
