"""What a gateway reports over real HTTP (docs/gateway-api.md §5, §6)."""

import asyncio
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, flush_store

from custom_components.mesh_ota.hub import Change, MeshOta
from custom_components.mesh_ota.jobs.job import Job
from custom_components.mesh_ota.jobs.states import JobStatus, NodeStatus
from custom_components.mesh_ota.nodes import NodeRegistry
from homeassistant.core import HomeAssistant

from .conftest import GATEWAY_ID, NewGateway
from .gateway_client import GatewayClient, status

NODE, SECOND = "2222222222", "3333333333"
NOT_ACCEPTED = b'{"message": "Not accepted."}'


# Reports


async def test_a_report_makes_nodes_known(hub: MeshOta, caller: GatewayClient):
    await caller.report(
        tree=[[NODE, GATEWAY_ID], [SECOND, NODE]],
        nodes=[
            {"node_id": NODE, "heard": 2, "status": status(rssi=-70)},
            {"node_id": SECOND, "heard": 0, "asks_for": {"role": "dht", "hardware": "ESP32"}},
        ],
    )
    ours, stock = hub.node(NODE), hub.node(SECOND)
    assert (ours.node_type, ours.rssi, ours.online, ours.stock) == ("pir", -70, True, False)
    assert (stock.node_type, stock.parent, stock.online, stock.stock) == ("dht", NODE, True, True)
    assert hub.node(GATEWAY_ID).version == "0.1.0"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 9000, b'{"a":' * 3000, b"NaN"],
)
async def test_a_body_that_is_no_object_is_told_so(caller: GatewayClient, body: bytes):
    answer = await caller.call("POST", "report", body)
    assert (answer.status, answer.signed) == (400, True)


HOSTILE: list[Any] = [None, True, -1, 2**70, 1.5, "x" * 3000, [], {}, [[]], [None], [{}], {"a": []}]


@pytest.mark.parametrize("key", ["gateway", "tree", "nodes", "progress"])
async def test_a_report_with_anything_in_it_harms_nothing(
    hub: MeshOta, caller: GatewayClient, job: Job, key: str
):
    for value in HOSTILE:
        answer = await caller.call("POST", "report", {key: value})
        assert answer.status == 200
        nested = [{"node_id": NODE, "status": value, "heard": value}, {"node_id": value}]
        answer = await caller.call("POST", "report", {key: nested})
        assert answer.status == 200
    assert job.nodes[NODE].status is NodeStatus.PENDING
    assert hub.node(NODE).node_type == "pir"


async def test_every_key_of_a_status_may_be_anything(hub: MeshOta, caller: GatewayClient):
    for name in status():
        for value in HOSTILE:
            answer = await caller.report_node(NODE, **{name: value})
            assert answer.status == 200
    await caller.report_node(NODE)
    assert hub.node(NODE).version == "1.0.0"


async def test_a_gateway_cannot_speak_as_a_node_of_another(
    hub: MeshOta, caller: GatewayClient, node: None, new_gateway: NewGateway
):
    await hub.async_add_gateway("other", "1111111112", bytes(32))
    other = await new_gateway("1111111112", bytes(32))
    await other.open()
    await other.report(tree=[[NODE, "1111111112"]])
    await other.report_node(NODE, type="led")
    await other.report_node(GATEWAY_ID, type="led")
    assert (hub.node(NODE).gateway_id, hub.node(NODE).node_type) == (GATEWAY_ID, "pir")
    assert hub.node(GATEWAY_ID).node_type == "gateway"
    await hub.async_remove_gateway("1111111112", forget=True)


async def test_progress_of_an_unknown_job_is_dropped(caller: GatewayClient, job: Job):
    rows = [
        {"id": number, "token": token, "node_id": NODE, "attempt": 1, "status": "offered"}
        for number, token in ((99, job.token), (job.id, "0" * 16), (job.id, job.token))
    ]
    answer = await caller.report(progress=rows)
    assert answer.json["dropped"] == [[99, job.token], [job.id, "0" * 16]]
    assert job.nodes[NODE].status is NodeStatus.OFFERED


async def test_a_report_is_in_the_store_before_it_is_answered(
    caller: GatewayClient, job: Job, hass_storage: dict[str, Any]
):
    """A state that a gateway was told of survives any crash."""
    entry = (await caller.pending()).json["jobs"][0]
    await caller.report_progress(entry, NODE, "downloading", current_part=2)
    stored = hass_storage["mesh_ota.jobs"]["data"]["jobs"][0]["nodes"][0]
    assert stored["status"] == "downloading"


async def test_a_gateway_that_has_seen_the_future_pauses_all_jobs(
    hub: MeshOta, caller: GatewayClient, job: Job
):
    told: list[Change] = []
    hub.async_subscribe(told.append)
    answer = await caller.report(highest_revision=5000)
    assert job.status is JobStatus.PAUSED
    assert told.count(Change("old_backup", GATEWAY_ID)) == 1
    assert answer.json["revision"] > 5000
    assert (await caller.pending()).json["jobs"] == []
    await hub.async_resume_job(job.id)
    assert [entry["id"] for entry in (await caller.pending()).json["jobs"]] == [job.id]
    assert told.count(Change("old_backup_settled", "")) == 1


async def test_how_many_targets_a_gateway_holds_is_known_after_a_restart(
    hass: HomeAssistant, hub: MeshOta, caller: GatewayClient, hass_storage: dict[str, Any]
):
    """A shorter list would make it throw away what it has brought to the others."""
    await caller.report(version="1.0.0")
    assert hub.engine.handouts.parallel(GATEWAY_ID) == 4
    await caller.report(version="1.1.0", max_targets=24)
    assert hub.engine.handouts.parallel(GATEWAY_ID) == 20
    await flush_store(hub.outlet.nodes_store)
    again = NodeRegistry()
    again.restore(hass_storage["mesh_ota.nodes"]["data"])
    again.add_gateway(GATEWAY_ID, "entry")
    assert again.nodes[GATEWAY_ID].room == 24
    for nonsense in ("24", -1, True, 10**9):
        await caller.report(max_targets=nonsense)
        assert hub.nodes.nodes[GATEWAY_ID].room == 0


async def test_an_update_from_end_to_end(hub: MeshOta, caller: GatewayClient, job: Job):
    (entry,) = (await caller.pending()).json["jobs"]
    for state in ("offered", "downloading", "verifying"):
        await caller.report_progress(entry, NODE, state)
        assert job.nodes[NODE].status == state
    await caller.report_progress(entry, NODE, "restarting", boot=7)
    last = {"tag": f"{entry['token']}-1", "proof": entry["proof"], "outcome": "confirmed"}
    await caller.report_node(NODE, boot=8, proof=entry["proof"], version="1.1.0", last=last)
    assert job.status is JobStatus.COMPLETED
    assert hub.running_firmware(hub.node(NODE)).id == job.firmware_id
    assert (await caller.pending()).json["jobs"] == []


# The mission's own reports


STEP = "ota/updates/{id}/{step}"


async def step(caller: GatewayClient, job: Job, name: str, **said: Any) -> Any:
    """One of the mission's reports: (status, body)."""
    body = {"token": job.token} | said
    answer = await caller.call("POST", f"ota/updates/{job.id}/{name}", body)
    assert answer.signed
    return answer.status, answer.json


async def test_start_complete_and_fail_follow_the_table(caller: GatewayClient, job: Job):
    assert (await step(caller, job, "start"))[0] == 200
    assert job.status is JobStatus.DISTRIBUTING
    assert (await step(caller, job, "complete"))[0] == 409
    status_code, answer = await step(caller, job, "fail", error_message="Tired.")
    assert (status_code, answer["status"]) == (200, "failed")
    assert job.nodes[NODE].error_message == "Tired."
    assert (await step(caller, job, "fail"))[0] == 409
    assert (await step(caller, job, "start"))[0] == 409
    assert (await step(caller, job, "complete"))[0] == 200


@pytest.mark.parametrize("name", ["start", "complete", "fail"])
async def test_another_token_names_no_job(caller: GatewayClient, job: Job, name: str):
    assert (await step(caller, job, name, token="0" * 16))[0] == 410
    assert (await step(caller, job, name, token=None))[0] == 400
    assert job.nodes[NODE].status is NodeStatus.PENDING


async def test_progress_of_one_node(caller: GatewayClient, job: Job):
    await caller.pending()
    path = f"node/{NODE}/progress"
    said = {"attempt": 1, "status": "downloading", "current_part": 3, "total_parts": 9}
    status_code, answer = await step(caller, job, path, **said)
    assert (status_code, answer["status"]) == (200, "downloading")
    assert job.nodes[NODE].current_part == 3
    late = await step(caller, job, path, attempt=1, status="offered")
    assert (late[0], late[1]["status"]) == (200, "downloading")


async def test_progress_of_what_is_not_there(hub: MeshOta, caller: GatewayClient, job: Job):
    said = {"attempt": 1, "status": "offered"}
    assert (await step(caller, job, f"node/{SECOND}/progress", **said))[0] == 404
    assert (await step(caller, job, f"node/{NODE}/progress", attempt=1, status="done"))[0] == 400
    await hub.async_cancel_job(job.id)
    assert (await step(caller, job, f"node/{NODE}/progress", **said))[0] == 410


async def test_an_entry_that_is_reloaded_ends_nothing_that_its_gateway_is_doing(
    hass: HomeAssistant, caller: GatewayClient, paired: MockConfigEntry, job: Job
):
    """An empty list, signed, would make it cancel its transfers."""
    have = (await caller.pending()).json["revision"]
    poll = asyncio.create_task(caller.pending(wait=50, have=have))
    await asyncio.sleep(0.05)
    await hass.config_entries.async_reload(paired.entry_id)
    answer = await poll
    assert (answer.status, answer.signed) == (503, False)
    assert (await caller.open()).status == 200
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    assert [entry["id"] for entry in (await caller.pending()).json["jobs"]] == [job.id]
