"""More than a hundred hostile requests on both doors, one rule for all: 4xx, one sentence, nothing changed, nothing told.

Single cases are looked at closely in test_admin_api, test_admin_uploads, test_gateway_door and test_gateway_auth.
"""

import gzip
import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.mesh_ota.admin_views import ADMIN_VIEWS
from custom_components.mesh_ota.gateway_views import GATEWAY_VIEWS
from custom_components.mesh_ota.hub import MeshOta
from custom_components.mesh_ota.job_views import JOB_VIEWS
from custom_components.mesh_ota.jobs.job import Job
from custom_components.mesh_ota.policy_views import POLICY_VIEWS
from homeassistant.core import HomeAssistant

from . import images
from .admin_client import ROOT, form
from .conftest import GATEWAY_ID, GATEWAY_KEY, Upload
from .gateway_client import ROOT as GATEWAY_ROOT, GatewayClient, sign
from .test_admin_uploads import BAD_UPLOADS

NODE = "2222222222"
EMPTY = hashlib.sha256(b"").hexdigest()
LONG = "9" * 10


class Admin(NamedTuple):
    """A request on the administrators' door; `who` is `stranger`, `guest`, `gateway` or `admin`."""

    who: str
    method: str
    path: str
    status: int
    more: dict[str, Any] = {}  # noqa: RUF012


class Gateway(NamedTuple):
    """A request on the gateways' door; `change` spoils headers that would be right."""

    name: str
    method: str
    path: str
    status: int
    change: Callable[[dict[str, str], GatewayClient], object] = lambda _headers, _caller: None
    body: bytes = b""
    byte_range: str = ""


def resign(headers: dict[str, str], key: bytes, *lines: str) -> None:
    """Sign these lines instead."""
    headers["X-Mesh-Signature"] = sign(key, "request", headers["X-Mesh-Counter"], *lines)


BIG = b" " * 70_000
OUTSIDERS = ("stranger", "guest", "gateway")
ADMIN_ROUTES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("POST", "firmware/upload", {"data": form(images.bundle(version="9.9.9"))}),
    ("GET", "firmware", {}),
    ("GET", "firmware/1", {}),
    ("PATCH", "firmware/1", {"json": {"is_stable": True}}),
    ("DELETE", "firmware/1", {}),
    ("GET", "firmware/1/download", {}),
    ("HEAD", "firmware/1/download", {}),
    ("POST", "ota/updates", {"json": {"firmware_id": 1, "force_update": True}}),
    ("GET", "ota/updates", {}),
    ("GET", "ota/updates/1", {}),
    ("DELETE", "ota/updates/1", {}),
    ("POST", "ota/updates/1/pause", {}),
    ("POST", "ota/updates/1/resume", {}),
    ("POST", "ota/updates/1/retry", {}),
    ("GET", "history?format=csv", {}),
    ("GET", "history/verify", {}),
    ("GET", "policies", {}),
    ("GET", "policies/pir", {}),
    ("PUT", "policies/pir", {"json": {"auto_update": True}}),
    ("DELETE", "policies/pir", {}),
)
GATEWAY_ROUTES = (
    ("POST", "session"),
    ("GET", "ota/updates/pending"),
    ("GET", "firmware/1/download"),
    ("POST", "ota/updates/1/start"),
    ("POST", "ota/updates/1/complete"),
    ("POST", "ota/updates/1/fail"),
    ("POST", f"ota/updates/1/node/{NODE}/progress"),
    ("POST", "report"),
)
ADMIN = [
    *(
        Admin(who, method, path, 401, more)
        for who in OUTSIDERS
        for method, path, more in ADMIN_ROUTES
    ),
    Admin("admin", "GET", "firmware/..%2f..%2fsecrets.yaml", 400),
    Admin("admin", "GET", "firmware/1%00/download", 404),
    Admin("admin", "GET", f"firmware/{LONG}/download", 404),
    Admin("admin", "GET", "firmware/-1", 404),
    Admin("admin", "POST", "ota/updates", 400, {"data": b"[" * 60_000}),
    Admin("admin", "POST", "ota/updates", 413, {"data": BIG}),
    Admin("admin", "POST", "ota/updates", 400, {"json": {"firmware_id": "1 OR 1=1"}}),
    Admin(
        "admin",
        "POST",
        "ota/updates",
        400,
        {"json": {"firmware_id": 1, "rollout": {"window": {"template": "{" * 5000}}}},
    ),
    Admin("admin", "PATCH", "firmware/1", 400, {"json": {"release_notes": "x" * 20_000}}),
    Admin("admin", "POST", f"ota/updates/{LONG}/retry", 404),
    Admin("admin", "GET", "history?job_id=1;DROP", 400),
    Admin("admin", "GET", "history?node_id=<script>", 400),
    Admin(
        "admin",
        "POST",
        "firmware/upload",
        400,
        {"data": form(images.bundle(), version="../../x", node_type="pir")},
    ),
    *(
        Admin("admin", "POST", "firmware/upload", status, {"data": body})
        for body, status, code in BAD_UPLOADS
        if code in ("not_a_firmware", "image_truncated", "field_too_large")
    ),
]
GATEWAY = [
    *(
        Gateway(f"nobody, {method} {path}", method, path, 401, lambda h, _c: h.clear())
        for method, path in GATEWAY_ROUTES
    ),
    Gateway(
        "administrator's words",
        "GET",
        "ota/updates/pending",
        401,
        lambda h, _c: (h.clear(), h.update(Authorization="Bearer x")),
    ),
    Gateway(
        "another key",
        "GET",
        "ota/updates/pending",
        401,
        lambda h, _c: resign(h, bytes(32), "GET", GATEWAY_ROOT + "ota/updates/pending", "", EMPTY),
    ),
    Gateway(
        "a counter again",
        "GET",
        "ota/updates/pending",
        401,
        lambda h, c: (
            h.update({"X-Mesh-Counter": "1"}),
            resign(h, c.session_key, "GET", GATEWAY_ROOT + "ota/updates/pending", "", EMPTY),
        ),
    ),
    Gateway("a huge counter", "POST", "report", 401, lambda h, _c: h.update({"X-Mesh-Counter": "9" * 400})),
    Gateway("another session", "GET", "ota/updates/pending", 401, lambda h, _c: h.update({"X-Mesh-Session": "0" * 32})),
    Gateway("another method", "POST", "report", 401, lambda h, c: resign(h, c.session_key, "PUT", GATEWAY_ROOT + "report", "", EMPTY)),
    Gateway("another body", "POST", "report", 401, lambda h, c: resign(h, c.session_key, "POST", GATEWAY_ROOT + "report", "", "0" * 64), b"{}"),
    Gateway("an opening that is no JSON", "POST", "session", 401, body=b"[" * 900),
    Gateway("an opening too long", "POST", "session", 413, body=b" " * 2000),
    Gateway("a body too long", "POST", "report", 413, body=b" " * 20_000),
    Gateway("a compressed body", "POST", "report", 401, lambda h, _c: h.update({"Content-Encoding": "gzip"}), gzip.compress(b"{}")),
    Gateway("no JSON", "POST", "report", 400, body=b"\xff\xfe"),
    Gateway("deep JSON", "POST", "report", 400, body=b"[" * 16_000),
    Gateway("no object", "POST", "report", 400, body=b"[]"),
    Gateway("another's job", "POST", "ota/updates/1/complete", 410, body=b'{"token": "000000"}'),
    Gateway("no token", "POST", "ota/updates/1/fail", 400, body=b'{"token": {"a": 1}}'),
    Gateway("a job from nowhere", "POST", f"ota/updates/{LONG}/start", 410, body=b'{"token": "0"}'),
    Gateway("another's node", "POST", f"ota/updates/1/node/{LONG}/progress", 410, body=b'{"token": "0"}'),
    Gateway("an image not needed", "GET", f"firmware/{LONG}/download", 404, byte_range="bytes=0-4095"),
    Gateway("the whole image", "GET", "firmware/1/download", 416),
    Gateway("a range backwards", "GET", "firmware/1/download", 416, byte_range="bytes=4096-0"),
    Gateway("a range too long", "GET", "firmware/1/download", 416, byte_range="bytes=0-99999999"),
    Gateway("many ranges", "GET", "firmware/1/download", 416, byte_range="bytes=0-1,2-3"),
    Gateway("a wait without end", "GET", "ota/updates/pending?wait=" + "9" * 40, 400),
]  # fmt: skip


@pytest.fixture
async def job(hub: MeshOta, caller: GatewayClient, upload: Upload) -> Job:
    """A job under way: there is something to spoil and something to tell."""
    firmware = await upload("pir", "1.1.0")
    await hub.policies.async_set("pir", {"delay_hours": 48})
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    await caller.report_node(NODE)
    job = await hub.async_create_job(firmware["id"], node_ids=[NODE])
    handed = (await caller.pending()).json["jobs"][0]
    await caller.report_progress(handed, NODE, "downloading", current_part=1)
    return job


def picture(hub: MeshOta, config_dir: Path) -> dict[str, Any]:
    """All that a request could change; when somebody was last heard is no change."""
    nodes = {name: node.as_dict() for name, node in hub.nodes.nodes.items()}
    for node in nodes.values():
        del node["last_heard"]
    return {
        "library": [row.as_dict() for row in hub.library.list()],
        "jobs": [job.stored() for job in hub.jobs()],
        "nodes": nodes,
        "gateways": {name: (state.online, state.tree) for name, state in hub.gateways.items()},
        "signing": (hub.signer.enabled, hub.signer.key_id, hub.signer.exported),
        "policies": [policy.as_dict() for policy in hub.policies.everything()],
        "retention": hub.policies.retention.as_dict(),
        "history": [dict(entry) for entry in hub.history.history.entries],
        "files": sorted(path.name for path in (config_dir / ".storage/mesh_ota").iterdir()),
    }


def secrets_of(job: Job, caller: GatewayClient, config_dir: Path) -> list[str]:
    """What nobody is told who should not be."""
    return [
        *(GATEWAY_KEY.hex(), caller.session_key.hex(), caller.session, job.token),
        *(job.sha256, job.proof, str(config_dir), "Traceback", ".py", "homeassistant"),
    ]


def one_sentence(text: str) -> bool:
    """One line for a person: our own message, or what Home Assistant says by itself ("401: Unauthorized")."""
    if text.startswith("{"):
        said = json.loads(text)
        message = said["message"]
        # Home Assistant's own limits may word it; a placeholder must not stay in it.
        return set(said) <= {"message", "code"} and message.endswith(".") and "{" not in message
    return text.count("\n") == 0 and len(text) < 60


def test_there_are_at_least_thirty():
    assert len(ADMIN) >= 30
    assert len(GATEWAY) >= 30


@pytest.mark.parametrize(
    ("views", "root", "tried"),
    [
        ((*ADMIN_VIEWS, *JOB_VIEWS, *POLICY_VIEWS), ROOT, ADMIN_ROUTES),
        (GATEWAY_VIEWS, GATEWAY_ROOT, GATEWAY_ROUTES),
    ],
    ids=["administrators", "gateways"],
)
async def test_an_outsider_tries_every_route_that_there_is(
    views: tuple[Any, ...], root: str, tried: tuple[Any, ...]
):
    """A new route without its lock would not be in the lists above."""

    async def serve(_request: web.Request) -> web.Response:
        return web.Response()

    app, there = web.Application(), set()
    for view in views:
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
            if hasattr(view, method.lower()):
                app.router.add_route(method, view.url, serve, name=None)
                there.add((method, view.url))
    met = set()
    for method, path, *_ in tried:
        match = await app.router.resolve(make_mocked_request(method, root + path))
        assert match.http_exception is None, path
        met.add((method, match.route.resource.canonical))
    plain = web.Application()
    names = {url: plain.router.add_resource(url).canonical for _, url in there}
    assert met == {(method, names[url]) for method, url in there}


@pytest.mark.parametrize(
    "case", ADMIN, ids=lambda case: f"{case.who} {case.method} {case.path[:40]}"
)
async def test_the_administrators_door(
    hass: HomeAssistant,
    hub: MeshOta,
    job: Job,
    caller: GatewayClient,
    config_dir: Path,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
    hass_read_only_access_token: str,
    caplog: pytest.LogCaptureFixture,
    case: Admin,
):
    before = picture(hub, config_dir)
    headers = {}
    if case.who == "guest":
        client = await hass_client(hass_read_only_access_token)
    elif case.who == "admin":
        client = await hass_client()
    else:
        client = await hass_client_no_auth()
    if case.who == "gateway":
        headers = {"X-Mesh-Session": caller.session, "Authorization": f"Bearer {GATEWAY_KEY.hex()}"}
    answer = await client.request(case.method, ROOT + case.path, headers=headers, **case.more)
    text = await answer.text()
    await hass.async_block_till_done()
    assert answer.status == case.status, text
    assert one_sentence(text), text
    assert picture(hub, config_dir) == before
    assert not [word for word in secrets_of(job, caller, config_dir) if word in text]
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


@pytest.mark.parametrize("case", GATEWAY, ids=lambda case: case.name)
async def test_the_gateways_door(
    hass: HomeAssistant,
    hub: MeshOta,
    job: Job,
    caller: GatewayClient,
    config_dir: Path,
    caplog: pytest.LogCaptureFixture,
    case: Gateway,
):
    """And the good gateway goes on as if nothing had been."""
    before = picture(hub, config_dir)
    target = GATEWAY_ROOT + case.path
    headers = {"X-Mesh-Session": caller.session, "X-Mesh-Counter": str(caller.counter + 1)}
    digest = hashlib.sha256(case.body).hexdigest()
    resign(headers, caller.session_key, case.method, target, case.byte_range, digest)
    if case.byte_range:
        headers["Range"] = case.byte_range
    case.change(headers, caller)
    async with caller.http.request(
        case.method, target, headers=headers, data=case.body or None
    ) as answer:
        text = await answer.text()
    await hass.async_block_till_done()
    assert answer.status == case.status, text
    assert one_sentence(text), text
    assert picture(hub, config_dir) == before
    assert not [word for word in secrets_of(job, caller, config_dir) if word in text]
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]
    caller.counter += 1
    assert (await caller.report()).status == 200
