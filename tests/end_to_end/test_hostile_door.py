"""The gateway's door of a running Home Assistant, tried by somebody who must not come in, over real HTTP."""

import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest_asyncio

from tests.end_to_end.house import House
from tests.mesh_ota.gateway_client import Answer, GatewayClient, setup_key, sign

OTHER_GATEWAY = "4000000002"
REFUSED = {"message": "Not accepted."}


@pytest_asyncio.fixture(loop_scope="session")
async def http(house: House) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(base_url=house.stage.home_assistant.url) as session:
        yield session


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def other_key() -> bytes:
    return secrets.token_bytes(32)


@pytest_asyncio.fixture(loop_scope="session")
async def other(house: House, http: aiohttp.ClientSession, other_key: bytes) -> GatewayClient:
    """A second gateway that Home Assistant knows, with a house of its own far away."""
    client = GatewayClient(http, OTHER_GATEWAY, other_key)
    if (await client.open()).status != 200:
        adding = house.client.call(
            "POST", "/api/config/config_entries/flow", {"handler": "mesh_ota"}
        )
        flow = f"/api/config/config_entries/flow/{(await adding)['flow_id']}"
        await house.client.call("POST", flow, {"setup_key": setup_key(other_key)})
        assert (await client.open()).status == 200
        await house.until(
            lambda: house.client.call("GET", flow), lambda step: step["type"] == "create_entry", 20
        )
        assert (await client.open()).status == 200
    return client


async def test_who_has_no_signature_or_a_wrong_one_learns_nothing(
    house: House, http: aiohttp.ClientSession
) -> None:
    jobs = await house.client.mesh("GET", "ota/updates")
    known = str(house.mesh.gateway.node_id)
    answers = [
        await GatewayClient(http, known, secrets.token_bytes(32)).open(),
        await GatewayClient(http, "1234567890", secrets.token_bytes(32)).open(),
        await _bare(http, "GET", "ota/updates/pending", {}),
        await _bare(http, "POST", "session", {"X-Mesh-Gateway": known}),
        await _bare(
            http,
            "POST",
            "report",
            {"X-Mesh-Session": "0" * 16, "X-Mesh-Counter": "1", "X-Mesh-Signature": ""},
        ),
        await _bare(http, "GET", "firmware/1/download", {"Range": "bytes=0-1023"}),
    ]
    assert {answer.status for answer in answers} == {401}
    assert all(json.loads(answer.body) == REFUSED for answer in answers)
    assert not any("X-Mesh-Signature" in answer.headers for answer in answers)
    assert await house.client.mesh("GET", "ota/updates") == jobs


async def test_a_replayed_request_and_a_counter_going_back_are_refused(
    other: GatewayClient,
) -> None:
    assert (await other.pending()).status == 200
    assert (await other.call("GET", "ota/updates/pending", counter=other.counter)).status == 401
    assert (await other.call("GET", "ota/updates/pending", counter=other.counter + 9)).status == 200
    assert (await other.call("GET", "ota/updates/pending", counter=other.counter - 3)).status == 401


async def test_a_session_of_one_gateway_opens_nothing_for_another_ones_key(
    other: GatewayClient,
) -> None:
    stolen = GatewayClient(other.http, "1234567890", secrets.token_bytes(32))
    stolen.session, stolen.session_key = other.session, secrets.token_bytes(32)
    assert (await stolen.pending()).status == 401
    assert (await other.pending()).status == 200


async def test_an_oversized_body_is_refused_and_the_session_lives(other: GatewayClient) -> None:
    answer = await other.call("POST", "report", {"gateway": {}, "padding": "x" * 20000})
    assert answer.status == 413
    assert (await other.pending()).status == 200


async def test_an_image_that_no_job_of_this_gateway_needs_does_not_exist_for_it(
    house: House, other: GatewayClient
) -> None:
    firmware = (await house.client.mesh("GET", "firmware"))[0]
    answer = await other.call(
        "GET", f"firmware/{firmware['id']}/download", byte_range="bytes=0-4095"
    )
    assert (answer.status, answer.signed) == (404, True)


async def test_a_range_that_is_not_one_is_refused_while_the_image_is_needed(house: House) -> None:
    """The house's own gateway asks: its session is opened anew by us with its key, and then by itself again."""
    async with house.slow_air():
        job = await house.make_job(await house.new_firmware("bath"), "bath")
        await house.in_mid_transfer(job, "bath", 0.05)
        key = bytes.fromhex(
            json.loads((house.mesh.gateway.flash / "keys.json").read_text())["gateway_key"]
        )
        async with aiohttp.ClientSession(base_url=house.stage.home_assistant.url) as http:
            twin = GatewayClient(http, str(house.mesh.gateway.node_id), key)
            assert (await twin.open()).status == 200
            path = f"firmware/{job['firmware_id']}/download"
            good = await twin.call("GET", path, byte_range="bytes=0-4095")
            assert (good.status, len(good.body)) == (206, 4096)
            for wrong in (
                "",
                "bytes=1-4096",
                "bytes=0-999999",
                "bytes=-4096",
                "bytes=99999744-99999999",
                "bytes=x-",
                "lines=1-2",
            ):
                answer = await twin.call("GET", path, byte_range=wrong)
                assert (answer.status, answer.signed) == (416, True), wrong
    assert (await house.ended(job))["status"] == "completed"


async def test_reports_for_jobs_and_nodes_it_does_not_have_change_nothing(
    house: House, other: GatewayClient
) -> None:
    jobs = await house.client.mesh("GET", "ota/updates")
    newest = max(job["id"] for job in jobs)
    assert (
        await other.call("POST", f"ota/updates/{newest}/start", {"token": "0" * 16})
    ).status == 410
    assert (
        await other.call("POST", "ota/updates/999999/complete", {"token": "0" * 16})
    ).status == 410
    row = {
        "id": newest,
        "token": "0" * 16,
        "node_id": house.node_id("hall"),
        "attempt": 1,
        "status": "failed",
    }
    answer = await other.report(progress=[row])
    assert answer.status == 200
    assert answer.json["dropped"] == [[newest, "0" * 16]]
    assert await house.client.mesh("GET", "ota/updates") == jobs


async def _bare(
    http: aiohttp.ClientSession, method: str, path: str, headers: dict[str, str]
) -> Answer:
    """A request as a stranger sends it."""
    body: Any = b'{"protocol": 1, "client_nonce": "00"}' if method == "POST" else None
    if headers.get("X-Mesh-Signature") == "":
        headers["X-Mesh-Signature"] = sign(
            b"guess", "request", hashlib.sha256(body or b"").hexdigest()
        )
    async with http.request(
        method, "/api/mesh_ota/v1/gateway/" + path, data=body, headers=headers
    ) as answer:
        return Answer(answer.status, dict(answer.headers), await answer.read(), signed=False)
