"""Who may come in at the gateway's door, over real HTTP (docs/gateway-api.md §2, §3)."""

import asyncio
import json
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.mesh_ota.const import GATEWAY_BODY_MAX
from custom_components.mesh_ota.hub import Change, MeshOta
from custom_components.mesh_ota.jobs.job import Job
from custom_components.mesh_ota.jobs.states import NodeStatus
from homeassistant.core import HomeAssistant

from .conftest import GATEWAY_ID, GATEWAY_KEY, NewGateway
from .gateway_client import ROOT, GatewayClient, sign

NODE, SECOND = "2222222222", "3333333333"
NOT_ACCEPTED = b'{"message": "Not accepted."}'


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
