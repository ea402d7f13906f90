"""What happens by itself, per node type; and the update entity of a whole type."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.mesh_ota.const import DOMAIN, JOB_DEADLINE
from custom_components.mesh_ota.errors import InvalidRequest, StorageFailed
from custom_components.mesh_ota.hub import MeshOta
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util

from .conftest import GATEWAY_ID, Upload
from .gateway_client import GatewayClient

API = "/api/mesh_ota/v1/"
NODE, SECOND = "2222222222", "3333333333"
FLEET = f"update.gateway_{GATEWAY_ID}_all_pir"


@pytest.fixture
async def nodes(hass: HomeAssistant, caller: GatewayClient) -> None:
    """Two nodes of type pir on 1.0.0."""
    await caller.report(tree=[[NODE, GATEWAY_ID], [SECOND, GATEWAY_ID]])
    await caller.report_node(NODE)
    await caller.report_node(SECOND, name="attic")
    await hass.async_block_till_done()


def later(hours: float) -> Any:
    """Now and so many hours."""
    return dt_util.utcnow() + timedelta(hours=hours)


async def test_nothing_happens_by_itself_until_somebody_says_so(
    hub: MeshOta, nodes: None, upload: Upload
):
    await upload("pir", "1.1.0", is_stable="true")
    await hub.policies.async_run(later(1000))
    assert hub.jobs() == []


async def test_stable_firmware_is_installed_once_its_delay_is_over(
    hub: MeshOta, nodes: None, upload: Upload
):
    await hub.policies.async_set("pir", {"auto_update": True, "rollout": {"canary": 1}})
    await upload("pir", "1.1.0", is_stable="true")
    await hub.policies.async_run(later(23))
    assert hub.jobs() == []
    await hub.policies.async_run(later(25))
    (job,) = hub.jobs()
    assert (set(job.nodes), job.actor) == ({NODE, SECOND}, "auto-update")
    assert len(job.canaries) == 1
    await hub.policies.async_run(later(26))
    assert len(hub.jobs()) == 1


@pytest.mark.parametrize("version", ["1.0.0", "0.9.0"])
async def test_nothing_is_set_back_by_itself(
    hub: MeshOta, nodes: None, upload: Upload, version: str
):
    await hub.policies.async_set("pir", {"auto_update": True, "delay_hours": 0})
    await upload("pir", version, is_stable="true")
    await hub.policies.async_run(later(1))
    assert hub.jobs() == []


async def test_what_is_not_stable_waits_for_a_person(hub: MeshOta, nodes: None, upload: Upload):
    await hub.policies.async_set("pir", {"auto_update": True, "delay_hours": 0})
    await upload("pir", "1.1.0")
    await hub.policies.async_run(later(1))
    assert hub.jobs() == []


async def test_a_node_is_tried_once_per_firmware(
    hub: MeshOta, nodes: None, upload: Upload, caller: GatewayClient
):
    await hub.policies.async_set("pir", {"auto_update": True, "delay_hours": 0})
    await upload("pir", "1.1.0", is_stable="true")
    await hub.policies.async_run(later(1))
    (listed,) = (await caller.pending()).json["jobs"]
    for node in (NODE, SECOND):
        await caller.report_progress(listed, node, "failed")
    await hub.policies.async_run(later(2))
    assert len(hub.jobs()) == 1


async def test_a_node_that_was_away_for_all_of_its_job_gets_it_when_it_is_back(
    hub: MeshOta, nodes: None, upload: Upload, caller: GatewayClient
):
    """It is not tried in vain each week either, while it is away."""
    await hub.policies.async_set("pir", {"auto_update": True, "delay_hours": 0})
    await upload("pir", "1.1.0", is_stable="true")
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    await hub.policies.async_run(later(1))
    (job,) = hub.jobs()
    (listed,) = (await caller.pending()).json["jobs"]
    await caller.report_progress(listed, NODE, "downloading", current_part=1)
    hub.engine.tick(job.created_at + JOB_DEADLINE)
    hub.outlet.publish()
    assert {row.reason for row in job.nodes.values()} == {"deadline"}
    await hub.policies.async_run(later(200))
    assert hub.jobs() == [job]
    await caller.report(tree=[[NODE, GATEWAY_ID], [SECOND, GATEWAY_ID]])
    await hub.policies.async_run(later(201))
    assert [list(each.nodes) for each in hub.jobs()] == [[NODE, SECOND], [SECOND]]


async def test_the_clock_runs_it_and_a_restart_keeps_it(
    hass: HomeAssistant, hub: MeshOta, nodes: None, upload: Upload, hass_storage: dict[str, Any]
):
    await hub.policies.async_set("pir", {"auto_update": True, "delay_hours": 0})
    await upload("pir", "1.1.0", is_stable="true")
    async_fire_time_changed(hass, later(1))
    await hass.async_block_till_done()
    assert len(hub.jobs()) == 1
    stored = hass_storage["mesh_ota.policies"]["data"]["policies"]
    assert [(each["node_type"], each["auto_update"]) for each in stored] == [("pir", True)]


async def test_policies_by_api_and_action(
    hass: HomeAssistant, nodes: None, hass_client: ClientSessionGenerator
):
    client = await hass_client()
    answer = await client.put(f"{API}policies/pir", json={"delay_hours": 48})
    assert (await answer.json())["delay_hours"] == 48
    said = {"node_type": "pir", "auto_update": True, "window": {"start": "01:00", "end": "05:00"}}
    policy = await hass.services.async_call(
        DOMAIN, "set_policy", said, blocking=True, return_response=True
    )
    assert (policy["delay_hours"], policy["rollout"]["window"]["end"]) == (48, "05:00")
    assert [each["node_type"] for each in await (await client.get(f"{API}policies")).json()] == [
        "pir"
    ]
    assert (await client.delete(f"{API}policies/pir")).status == 200
    assert (await client.delete(f"{API}policies/pir")).status == 404
    assert not (await (await client.get(f"{API}policies/pir")).json())["auto_update"]


async def test_the_action_leaves_what_it_does_not_say(hass: HomeAssistant, nodes: None):
    """Stages too, one by one: an automation that lengthens the soak time must not send the canary home."""

    async def set_policy(**said: Any) -> dict[str, Any]:
        return await hass.services.async_call(
            DOMAIN, "set_policy", {"node_type": "pir", **said}, blocking=True, return_response=True
        )

    window = {"weekdays": [5, 6], "start": "22:00", "end": "06:00"}
    await set_policy(canary=1, window=window, go_back_if_unhealthy=True, delay_hours=2)
    before = await set_policy(auto_update=True)
    assert (before["auto_update"], before["delay_hours"]) == (True, 2)
    stages = before["rollout"]
    assert (stages["canary"], stages["go_back"], stages["window"]["end"]) == (1, True, "06:00")
    after = await set_policy(soak_minutes=30, go_back_if_unhealthy=False)
    assert after["rollout"] == stages | {"soak_minutes": 30, "go_back": False}
    with pytest.raises(ServiceValidationError, match=r"rollout\.soak_minutes"):
        await set_policy(soak_minutes=100_000)
    assert await set_policy(canary=0) == after | {"rollout": after["rollout"] | {"canary": 0}}


async def test_a_node_is_tried_once_even_when_the_job_is_long_gone(
    hub: MeshOta, nodes: None, upload: Upload, caller: GatewayClient
):
    """The history remembers."""
    await hub.policies.async_set("pir", {"auto_update": True, "delay_hours": 0})
    await upload("pir", "1.1.0", is_stable="true")
    await hub.policies.async_run(later(1))
    (listed,) = (await caller.pending()).json["jobs"]
    for node in (NODE, SECOND):
        await caller.report_progress(listed, node, "failed")
    hub.engine.ledger.jobs.clear()
    await hub.policies.async_run(later(2))
    assert hub.jobs() == []


async def test_what_is_kept_is_set_for_the_house_and_holds_at_once_and_after_a_restart(
    hass: HomeAssistant, hub: MeshOta, nodes: None, upload: Upload, hass_storage: dict[str, Any]
):
    firmware = await upload("pir", "1.1.0")
    old, new = [await hub.async_create_job(firmware["id"]) for _ in range(2)]
    await hub.async_cancel_job(new.id)
    told: list[Any] = []
    hub.async_subscribe(told.append, "job")
    assert old.completed_at is not None
    old.completed_at -= timedelta(days=20)
    await hub.policies.async_keep({"jobs_days": 10, "library_mib": 32})
    assert [job.id for job in hub.jobs()] == [new.id]
    assert [(change.kind, change.id) for change in told] == [("job", str(old.id))]
    assert {e["job_id"] for e in await hub.history.async_entries()} == {old.id, new.id}
    assert hub.library.most == 32 * 2**20
    rollout = {"canary": 1, "window": {"weekdays": [5, 6], "start": "22:00", "end": "06:00"}}
    policy = await hub.policies.async_set("pir", {"delay_hours": 3, "rollout": rollout})
    again = MeshOta(hass)
    await again.policies.async_load()
    assert again.policies.everything() == [policy]
    assert (again.policies.retention.jobs_days, again.library.most) == (10, 32 * 2**20)


@pytest.mark.parametrize(
    "said", [{"jobs_days": 0}, {"library_mib": 1}, {"history_days": "1"}, {"x": 1}]
)
async def test_what_cannot_be_kept_is_refused(hub: MeshOta, said: dict[str, Any]):
    before = hub.policies.retention
    with pytest.raises(InvalidRequest):
        await hub.policies.async_keep(said)
    assert hub.policies.retention == before


@pytest.mark.parametrize(
    "said", [{"auto_update": 1}, {"delay_hours": -1}, {"rollout": 3}, {"rollout": {"canary": "x"}}]
)
async def test_a_policy_that_makes_no_sense_is_refused(
    hub: MeshOta, hass_client: ClientSessionGenerator, said: dict[str, Any]
):
    answer = await (await hass_client()).put(f"{API}policies/pir", json=said)
    assert answer.status == 400
    assert hub.policies.everything() == []


# The whole type


async def test_a_type_with_two_nodes_has_an_entity_that_names_who_is_behind(
    hass: HomeAssistant, nodes: None, upload: Upload, caller: GatewayClient
):
    assert hass.states.get(FLEET).state == "off"
    await upload("pir", "1.1.0")
    await caller.report_node(SECOND, name="attic", version="1.1.0")
    await hass.async_block_till_done()
    state = hass.states.get(FLEET)
    assert (state.state, state.attributes["behind"]) == ("on", ["hall"])
    assert (state.attributes["installed_version"], state.attributes["latest_version"]) == (
        "1.0.0",
        "1.1.0",
    )


async def test_a_node_of_the_type_that_the_newest_is_not_for_is_not_behind(
    hass: HomeAssistant, hub: MeshOta, nodes: None, upload: Upload, caller: GatewayClient
):
    await caller.report_node("2999999999", name="sealed", kind="esp-image")
    await upload("pir", "1.1.0")
    await hass.async_block_till_done()
    assert hass.states.get(FLEET).attributes["behind"] == ["attic", "hall"]
    await hass.services.async_call("update", "install", {"entity_id": FLEET}, blocking=True)
    assert [set(job.nodes) for job in hub.jobs()] == [{NODE, SECOND}]


async def test_install_on_the_type_is_one_job_and_shows_the_mean(
    hass: HomeAssistant, hub: MeshOta, nodes: None, upload: Upload, caller: GatewayClient
):
    await upload("pir", "1.1.0")
    await hass.services.async_call("update", "install", {"entity_id": FLEET}, blocking=True)
    (job,) = hub.jobs()
    assert set(job.nodes) == {NODE, SECOND}
    (listed,) = (await caller.pending()).json["jobs"]
    await caller.report_progress(listed, NODE, "downloading", current_part=1)
    await hass.async_block_till_done()
    state = hass.states.get(FLEET)
    assert state.attributes["in_progress"] is True
    row = job.nodes[NODE]
    assert state.attributes["update_percentage"] == (row.percentage or 0) // 2
    for entity in ("update.hall_firmware", "update.attic_firmware"):
        if not hass.states.get(entity).attributes["in_progress"]:
            await hass.services.async_call(
                "update", "install", {"entity_id": entity}, blocking=True
            )
    assert hub.jobs() == [job]


async def test_a_version_of_the_users_choice_is_installed_on_the_type_and_no_other(
    hass: HomeAssistant, hub: MeshOta, nodes: None, upload: Upload
):
    await upload("pir", "1.1.0")
    await upload("pir", "1.2.0")
    install = {"entity_id": FLEET, "version": "1.1.0"}
    await hass.services.async_call("update", "install", install, blocking=True)
    (job,) = hub.jobs()
    assert (job.version, set(job.nodes)) == ("1.1.0", {NODE, SECOND})
    assert hass.states.get(FLEET).attributes["title"] == "2 \N{MULTIPLICATION SIGN} pir"
    await hass.services.async_call("update", "install", install, blocking=True)
    assert hub.jobs() == [job]
    with pytest.raises(ServiceValidationError, match=r"9\.9\.9 for nodes of type pir"):
        await hass.services.async_call(
            "update", "install", install | {"version": "9.9.9"}, blocking=True
        )


async def test_a_type_with_a_node_that_cannot_say_what_it_runs_says_so(
    hass: HomeAssistant, nodes: None, caller: GatewayClient
):
    await caller.report_node(SECOND, name="attic", damaged="node/app.py")
    await hass.async_block_till_done()
    assert hass.states.get(FLEET).attributes["installed_version"] == "unknown"


async def test_a_type_that_nobody_is_of_any_more_has_nothing_to_say(
    hass: HomeAssistant, hub: MeshOta, nodes: None
):
    for node in (NODE, SECOND):
        await hub.async_forget_node(node)
    await hass.async_block_till_done()
    assert hass.states.get(FLEET).state == "unavailable"


# When nothing may, or can, happen


async def test_nothing_moves_by_itself_before_somebody_has_looked_at_a_restored_house(
    hub: MeshOta, nodes: None, upload: Upload, caller: GatewayClient
):
    firmware = await upload("pir", "1.1.0")
    old = await hub.async_create_job(firmware["id"], node_ids=[NODE])
    await caller.open()
    await caller.report(highest_revision=1000)
    await hub.policies.async_set("pir", {"auto_update": True, "delay_hours": 0})
    await upload("pir", "1.2.0", is_stable="true")
    await hub.policies.async_run(later(1))
    assert hub.jobs() == [old]
    await hub.async_cancel_job(old.id)
    await hub.policies.async_run(later(1))
    assert [job.version for job in hub.jobs()] == ["1.1.0", "1.2.0"]


async def test_an_update_that_cannot_be_made_is_logged_and_the_others_come_all_the_same(
    hub: MeshOta,
    nodes: None,
    upload: Upload,
    caller: GatewayClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    await caller.report_node("4000000000", type="led", name="lamp")
    for kind in ("led", "pir"):
        await hub.policies.async_set(kind, {"auto_update": True, "delay_hours": 0})
        await upload(kind, "1.1.0", is_stable="true")
    make = hub.async_create_job

    async def sometimes(firmware_id: int, **wanted: Any) -> Any:
        if hub.library.get(firmware_id).node_type == "led":
            raise StorageFailed("not_saved")
        return await make(firmware_id, **wanted)

    monkeypatch.setattr(hub, "async_create_job", sometimes)
    await hub.policies.async_run(later(1))
    assert [job.node_type for job in hub.jobs()] == ["pir"]
    assert "No automatic update: " in caplog.text
