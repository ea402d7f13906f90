"""The gateway's door over real HTTP (docs/gateway-api.md §2 to §6)."""

import asyncio
import json
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.mesh_ota.const import GATEWAY_BODY_MAX
from custom_components.mesh_ota.hub import Change, MeshOta
from custom_components.mesh_ota.jobs.job import Job
from custom_components.mesh_ota.jobs.states import JobStatus, NodeStatus
from homeassistant.core import HomeAssistant

from . import images
from .conftest import GATEWAY_ID, GATEWAY_KEY, NewGateway, Upload
from .gateway_client import ROOT, GatewayClient, sign, status

NODE, SECOND = "2222222222", "3333333333"
NOT_ACCEPTED = b'{"message": "Not accepted."}'


@pytest.fixture
async def node(caller: GatewayClient) -> None:
    """One node of type pir in the mesh."""
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    await caller.report_node(NODE)


@pytest.fixture
async def job(hub: MeshOta, node: None, upload: Upload) -> Job:
    """A job for that node."""
    firmware = await upload("pir", "1.1.0")
    return await hub.async_create_job(firmware["id"], node_ids=[NODE])


# Who may come in


async def raw(caller: GatewayClient, path: str, headers: dict[str, str], body: bytes = b"") -> Any:
    """A request with headers of our own making: (status, body, signed)."""
    async with caller.http.request("POST", ROOT + path, headers=headers, data=body) as response:
        return response.status, await response.read(), "X-Mesh-Signature" in response.headers


async def test_whatever_is_wrong_gets_the_same_answer(caller: GatewayClient):
    """Nobody without the key learns what there is."""
    session, key = caller.session, caller.session_key
    wrong = [
        {},
        {"X-Mesh-Session": session},
        {"X-Mesh-Session": session, "X-Mesh-Counter": "9"},
        {"X-Mesh-Session": session, "X-Mesh-Counter": "9", "X-Mesh-Signature": "0" * 64},
        {"X-Mesh-Session": "0" * 16, "X-Mesh-Counter": "9", "X-Mesh-Signature": "0" * 64},
        {"X-Mesh-Session": session, "X-Mesh-Counter": "0", "X-Mesh-Signature": sign(key, "x")},
        {"X-Mesh-Session": session, "X-Mesh-Counter": "9", "X-Mesh-Signature": "ü" * 64},
        {"Authorization": "Bearer nonsense"},
    ]
    for path in ("report", "ota/updates/1/start", f"ota/updates/1/node/{NODE}/progress"):
        answers = [await raw(caller, path, headers, b"{}") for headers in wrong]
        assert answers == [(401, NOT_ACCEPTED, False)] * len(wrong)
    openings = [
        await raw(caller, "session", headers, body)
        for headers in ({}, {"X-Mesh-Gateway": GATEWAY_ID}, {"X-Mesh-Gateway": "9"})
        for body in (b"", b"{", b"[]", b'{"client_nonce": "' + b"0" * 32 + b'"}')
    ]
    assert set(openings) == {(401, NOT_ACCEPTED, False)}


async def test_bytes_that_are_no_text_get_the_same_answer_too(
    hass: HomeAssistant, caller: GatewayClient
):
    url = caller.http.make_url("/")
    for header in (b"Signature", b"Counter", b"Session", b"Gateway"):
        for path in (b"report", b"session"):
            reader, writer = await asyncio.open_connection(url.host, url.port)
            writer.write(
                b"POST " + ROOT.encode() + path + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 52\r\n"
                b"X-Mesh-Session: "
                + caller.session.encode()
                + b"\r\nX-Mesh-Gateway: 1111111111\r\n"
                b"X-Mesh-" + header + b": \xff\xfe\x80\r\nConnection: close\r\n\r\n"
                b'{"client_nonce": "00000000000000000000000000000000"}'
            )
            answer = await reader.read()
            writer.close()
            assert answer.startswith((b"HTTP/1.1 401 ", b"HTTP/1.1 400 "))


async def test_no_login_warning_and_no_ban_comes_of_it(
    hass: HomeAssistant, caller: GatewayClient, caplog: pytest.LogCaptureFixture
):
    for _ in range(20):
        await raw(caller, "report", {"X-Mesh-Session": caller.session, "X-Mesh-Counter": "1"})
    assert "Login attempt" not in caplog.text
    assert (await caller.report()).status == 200


async def test_repeated_wrong_signatures_are_told_of_once(
    hub: MeshOta, caller: GatewayClient, new_gateway: NewGateway
):
    told: list[Change] = []
    hub.async_subscribe(told.append)
    thief = await new_gateway(GATEWAY_ID, bytes(32))
    for _ in range(11):
        assert (await thief.open()).status == 401
    assert told.count(Change("wrong_signatures", GATEWAY_ID)) == 1
    assert (await caller.report()).signed


async def test_a_changed_byte_anywhere_is_not_accepted(caller: GatewayClient):
    """Method, target, range, body and counter are signed."""
    good = {"X-Mesh-Session": caller.session, "X-Mesh-Counter": "50"}
    digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # of {}
    for lines in (
        ("GET", ROOT + "report", "", digest),
        ("POST", ROOT + "report?a=1", "", digest),
        ("POST", ROOT + "report", "bytes=0-1", digest),
        ("POST", ROOT + "report", "", "0" * 64),
    ):
        signature = sign(caller.session_key, "request", "50", *lines)
        answer = await raw(caller, "report", good | {"X-Mesh-Signature": signature}, b"{}")
        assert answer == (401, NOT_ACCEPTED, False)
    signature = sign(caller.session_key, "request", "50", "POST", ROOT + "report", "", digest)
    status_code, _, signed = await raw(
        caller, "report", good | {"X-Mesh-Signature": signature}, b"{}"
    )
    assert (status_code, signed) == (200, True)


async def test_a_replayed_report_changes_nothing(caller: GatewayClient, hub: MeshOta, job: Job):
    row = {
        "id": job.id,
        "token": job.token,
        "node_id": NODE,
        "attempt": 1,
        "status": "failed",
    }
    await caller.report()
    assert (await caller.call("POST", "report", {"progress": [row]}, counter=1)).status == 401
    assert job.nodes[NODE].status is NodeStatus.PENDING


async def test_a_body_that_is_too_large_is_refused_before_it_is_looked_at(caller: GatewayClient):
    answer = await caller.call("POST", "report", b" " * (GATEWAY_BODY_MAX + 1))
    assert answer.status == 413
    assert (await caller.call("POST", "report", b"{}".ljust(GATEWAY_BODY_MAX))).status == 200


async def test_a_compressed_body_is_not_accepted(caller: GatewayClient):
    """No bomb is unpacked for somebody who has not shown a signature."""
    headers = {"Content-Encoding": "gzip", "X-Mesh-Session": caller.session}
    status_code, _, signed = await raw(caller, "report", headers, b"\x1f\x8b")
    assert status_code in (400, 401)
    assert not signed


async def test_another_protocol_is_told_so(caller: GatewayClient):
    nonce, target = "0" * 32, ROOT + "session"
    body = json.dumps({"protocol": 2, "client_nonce": nonce}).encode()
    digest = __import__("hashlib").sha256(body).hexdigest()
    headers = {
        "X-Mesh-Gateway": GATEWAY_ID,
        "X-Mesh-Signature": sign(
            GATEWAY_KEY, "request", nonce, "POST", target, "", digest, GATEWAY_ID
        ),
    }
    status_code, answer, signed = await raw(caller, "session", headers, body)
    assert (status_code, signed) == (400, True)
    assert b"Protocol 1" in answer


async def test_the_gateways_key_opens_no_other_door(
    hass: HomeAssistant, caller: GatewayClient, job: Job
):
    for path in ("firmware", "firmware/1", "firmware/1/download", "ota/updates", "ota/updates/1"):
        target = "/api/mesh_ota/v1/" + path
        headers = {"X-Mesh-Session": caller.session, "X-Mesh-Counter": "99"}
        async with caller.http.request("GET", target, headers=headers) as response:
            assert response.status == 401


async def test_an_administrators_token_does_not_open_the_gateways_door(
    job: Job, hass_client: ClientSessionGenerator
):
    client = await hass_client()
    answer = await client.get(ROOT + "ota/updates/pending")
    assert (answer.status, await answer.read()) == (401, NOT_ACCEPTED)


async def test_after_the_entry_is_unloaded_the_door_is_closed(
    hass: HomeAssistant, caller: GatewayClient, paired: MockConfigEntry
):
    assert await hass.config_entries.async_unload(paired.entry_id)
    assert (await caller.report()).status == 401
    assert (await caller.open()).status == 401


# What is to be distributed


async def test_a_new_job_ends_a_long_poll_at_once(
    hub: MeshOta, caller: GatewayClient, node: None, upload: Upload
):
    firmware = await upload("pir", "1.1.0")
    have = (await caller.pending()).json["revision"]
    poll = asyncio.create_task(caller.pending(wait=50, have=have))
    await asyncio.sleep(0.05)
    assert not poll.done()
    job = await hub.async_create_job(firmware["id"])
    async with asyncio.timeout(1):
        answer = (await poll).json
    assert answer["revision"] > have
    assert [entry["id"] for entry in answer["jobs"]] == [job.id]


async def test_a_long_poll_in_which_nothing_happens_ends_with_the_same_revision(
    caller: GatewayClient,
):
    have = (await caller.pending()).json["revision"]
    answer = await caller.pending(wait=1, have=have)
    assert answer.json == {"revision": have, "jobs": []}


async def test_a_poll_with_another_revision_is_answered_at_once(caller: GatewayClient):
    async with asyncio.timeout(1):
        await caller.pending(wait=50, have=999)
        await caller.pending(wait=50)


async def test_a_cancel_is_seen_by_a_waiting_gateway_at_once(
    hub: MeshOta, caller: GatewayClient, job: Job
):
    have = (await caller.pending()).json["revision"]
    poll = asyncio.create_task(caller.pending(wait=50, have=have))
    await asyncio.sleep(0.05)
    await hub.async_cancel_job(job.id)
    async with asyncio.timeout(1):
        assert (await poll).json["jobs"] == []


async def test_home_assistant_stopping_ends_long_polls(
    hass: HomeAssistant, hub: MeshOta, caller: GatewayClient
):
    have = (await caller.pending()).json["revision"]
    poll = asyncio.create_task(caller.pending(wait=50, have=have))
    await asyncio.sleep(0.05)
    hass.bus.async_fire("homeassistant_stop")
    async with asyncio.timeout(2):
        await poll


@pytest.mark.parametrize("query", ["wait=51", "wait=-1", "wait=x", "have=1.5", "wait=" + "9" * 30])
async def test_a_malformed_query_is_told_so(caller: GatewayClient, query: str):
    answer = await caller.call("GET", f"ota/updates/pending?{query}")
    assert (answer.status, answer.signed) == (400, True)


async def test_no_revision_leaves_the_house_before_it_is_stored(
    hub: MeshOta, caller: GatewayClient, job: Job, hass_storage: dict[str, Any]
):
    """After a crash it would be given out a second time."""
    answer = await caller.pending()
    assert hass_storage["mesh_ota.jobs"]["data"]["revision"] >= answer.json["revision"]


# Images


async def test_the_image_comes_in_blocks(caller: GatewayClient, job: Job):
    image = images.bundle(node_type="pir", version="1.1.0")
    assert len(image) > 4096
    first = await caller.block(job.firmware_id, 0, 4095)
    rest = await caller.block(job.firmware_id, 4096, 4096 + 262143)
    assert (first.status, first.signed, rest.signed) == (206, True, True)
    assert first.body + rest.body == image
    assert rest.headers["Content-Range"] == f"bytes 4096-{len(image) - 1}/{len(image)}"


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "bytes=1-4096",
        "bytes=4095-8190",
        "bytes=0-",
        "bytes=-4096",
        "bytes=0-1,4096-8191",
        "bytes=4096-0",
        "bytes=0-262144",
        "bytes=1048576-1052671",
        "bytes=x-y",
        "chunks=0-4095",
        "bytes= 0-4095",
        "bytes=" + "9" * 30 + "-0",
    ],
)
async def test_any_other_range_is_416(caller: GatewayClient, job: Job, asked: str):
    answer = await caller.call("GET", f"firmware/{job.firmware_id}/download", byte_range=asked)
    assert (answer.status, answer.signed) == (416, True)


async def test_an_image_that_no_job_of_this_gateway_needs_is_not_there(
    hub: MeshOta, caller: GatewayClient, job: Job, upload: Upload
):
    other = await upload("pir", "2.0.0")
    assert (await caller.block(other["id"], 0, 4095)).status == 404
    assert (await caller.block(99, 0, 4095)).status == 404
    await hub.async_cancel_job(job.id)
    assert (await caller.block(job.firmware_id, 0, 4095)).status == 404


async def test_a_lost_image_means_later_and_changes_nothing(
    hub: MeshOta, caller: GatewayClient, job: Job
):
    hub.library.path(hub.library.get(job.firmware_id)).unlink()
    answer = await caller.block(job.firmware_id, 0, 4095)
    assert (answer.status, answer.signed) == (503, False)
    assert job.nodes[NODE].status is NodeStatus.PENDING


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
