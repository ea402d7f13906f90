"""The administrators' door over real HTTP (docs/gateway-api.md §7), in the mission's own words."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockUser
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.mesh_ota.hub import MeshOta

from . import images
from .admin_client import ROOT, ask, form
from .conftest import GATEWAY_ID, Upload
from .gateway_client import GatewayClient

NODE, SECOND = "2222222222", "3333333333"


@pytest.fixture
async def two_nodes(caller: GatewayClient) -> None:
    """Two nodes of type pir in the mesh."""
    await caller.report(tree=[[NODE, GATEWAY_ID], [SECOND, NODE]])
    await caller.report_node(NODE)
    await caller.report_node(SECOND)


CALLS = [
    ("POST", "firmware/upload"),
    ("GET", "firmware"),
    ("GET", "firmware/1"),
    ("PATCH", "firmware/1"),
    ("DELETE", "firmware/1"),
    ("GET", "firmware/1/download"),
    ("HEAD", "firmware/1/download"),
    ("POST", "ota/updates"),
    ("GET", "ota/updates"),
    ("GET", "ota/updates/1"),
    ("DELETE", "ota/updates/1"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_nobody_but_an_administrator_comes_in(
    hub: MeshOta,
    method: str,
    path: str,
    hass_client_no_auth: ClientSessionGenerator,
    hass_client: ClientSessionGenerator,
    hass_read_only_access_token: str,
):
    """Fault 10: anybody on the network could upload and deploy."""
    stranger = await hass_client_no_auth()
    assert (await stranger.request(method, ROOT + path)).status == 401
    guest = await hass_client(hass_read_only_access_token)
    assert (await guest.request(method, ROOT + path)).status == 401
    assert hub.library.list() == []


async def test_upload_list_change_and_delete(admin: Any):
    sent = form(images.bundle(), node_type="pir", version="1.0.0", release_notes="Bug fixes")
    status, firmware = await ask(admin, "POST", "firmware/upload", data=sent)
    assert status == 201
    assert set(firmware) == {
        *[
            "id",
            "node_type",
            "version",
            "hardware",
            "filename",
            "size_bytes",
            "md5_hash",
            "sha256",
            "kind",
            "runtime",
        ],
        *["chip", "proof", "release_notes", "is_stable", "created_at"],
    }
    assert firmware["release_notes"] == "Bug fixes"
    assert await ask(admin, "GET", "firmware") == (200, [firmware])
    assert await ask(admin, "GET", "firmware?node_type=led") == (200, [])
    assert await ask(admin, "GET", "firmware/1") == (200, firmware)
    changed = await ask(admin, "PATCH", "firmware/1", json={"is_stable": True})
    assert changed == (200, firmware | {"is_stable": True})
    assert (await ask(admin, "DELETE", "firmware/1"))[0] == 200
    status, error = await ask(admin, "GET", "firmware/1")
    assert (status, error["code"]) == (404, "unknown_firmware")
    assert error["message"] == "There is no firmware 1 in the library."


async def test_the_image_is_served_in_ranges(admin: Any, upload: Upload):
    firmware = await upload("pir", "1.0.0")
    image, path = images.bundle(node_type="pir", version="1.0.0"), ROOT + "firmware/1/download"
    size = len(image)
    whole = await admin.get(path)
    assert (whole.status, await whole.read()) == (200, image)
    assert whole.headers["Accept-Ranges"] == "bytes"
    assert "pir-1.0.0.tar" in whole.headers["Content-Disposition"]
    head = await admin.head(path)
    assert (head.status, head.headers["Content-Length"]) == (200, str(size))
    known = await admin.get(path, headers={"If-None-Match": whole.headers["ETag"]})
    assert known.status == 304
    for asked, start, end in (
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, size),
        ("bytes=-500", size - 500, size),
        (f"bytes={size - 1}-{size + 500}", size - 1, size),
    ):
        answer = await admin.get(path, headers={"Range": asked})
        assert (answer.status, await answer.read()) == (206, image[start:end])
        assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
    for asked in (f"bytes={size}-", "bytes=5-1", "bytes=x-", "lines=1-2"):
        assert (await admin.get(path, headers={"Range": asked})).status == 416
    assert firmware["size_bytes"] == size


async def test_a_lost_image_is_said(admin: Any, upload: Upload, hub: MeshOta):
    firmware = await upload("pir", "1.0.0")
    hub.library.path(hub.library.get(firmware["id"])).unlink()
    status, error = await ask(admin, "GET", "firmware/1/download")
    assert (status, error["code"]) == (507, "image_missing")


async def test_a_job_from_birth_to_history(
    admin: Any, two_nodes: None, upload: Upload, caller: GatewayClient, hass_admin_user: MockUser
):
    await upload("pir", "1.1.0")
    status, job = await ask(admin, "POST", "ota/updates", json={"firmware_id": 1})
    assert status == 201
    assert {row["node_id"] for row in job["nodes"]} == {NODE, SECOND}
    assert (job["status"], job["target_node_type"]) == ("pending", "pir")
    (entry,) = (await caller.pending()).json["jobs"]
    await caller.report_progress(entry, NODE, "downloading", current_part=2)
    _, job = await ask(admin, "GET", "ota/updates/1")
    row = next(row for row in job["nodes"] if row["node_id"] == NODE)
    assert (job["status"], row["status"], row["current_part"]) == ("distributing", "downloading", 2)
    assert set(row) == {
        *[
            "node_id",
            "status",
            "current_part",
            "total_parts",
            "error_message",
            "message",
            "reason",
            "next_try",
            "attempt",
        ],
        *["from_version", "to_version", "started_at", "completed_at"],
    }
    assert row["error_message"] is None
    status, error = await ask(admin, "DELETE", "firmware/1")
    assert (status, error["code"]) == (409, "firmware_in_use")
    status, job = await ask(admin, "DELETE", "ota/updates/1")
    assert (status, job["status"]) == (200, "cancelled")
    status, error = await ask(admin, "DELETE", "ota/updates/1")
    assert (status, error["code"]) == (409, "job_has_ended")
    assert (await ask(admin, "DELETE", "firmware/1"))[0] == 200
    assert (await ask(admin, "GET", "ota/updates/1"))[1] == job
    assert [
        each["id"] for each in (await ask(admin, "GET", "ota/updates?status=cancelled"))[1]
    ] == [1]
    assert await ask(admin, "GET", "ota/updates?status=pending") == (200, [])


async def test_times_are_rfc_3339_in_utc(admin: Any, two_nodes: None, upload: Upload):
    firmware = await upload("pir", "1.1.0")
    _, job = await ask(admin, "POST", "ota/updates", json={"firmware_id": 1})
    assert job["created_at"].endswith("+00:00")
    assert firmware["created_at"].endswith("+00:00")


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"firmware_id": 99}, 404, "unknown_firmware"),
        ({}, 400, "field_malformed"),
        ({"firmware_id": "1"}, 400, "field_malformed"),
        ({"firmware_id": True}, 400, "field_malformed"),
        ({"firmware_id": 1, "force_update": "yes"}, 400, "field_malformed"),
        ({"firmware_id": 1, "target_node_id": "5"}, 404, "unknown_node"),
        ({"firmware_id": 1, "target_node_id": 5}, 400, "field_malformed"),
        ({"firmware_id": 1, "target_node_ids": []}, 400, "no_target"),
        ({"firmware_id": 1, "target_node_ids": [5]}, 400, "field_malformed"),
        ({"firmware_id": 1, "target_node_ids": NODE}, 400, "field_malformed"),
        ({"firmware_id": 1, "target_node_type": "led"}, 422, "firmware_for_type"),
        ({"firmware_id": 1, "target_node_id": GATEWAY_ID}, 422, "firmware_for_other_type"),
        (
            {"firmware_id": 1, "target_node_id": NODE, "target_node_type": "pir"},
            400,
            "one_target_only",
        ),
    ],
)
async def test_a_job_that_makes_no_sense_gets_a_sentence(
    admin: Any, two_nodes: None, upload: Upload, said: dict[str, Any], status: int, code: str
):
    await upload("pir", "1.1.0")
    got, error = await ask(admin, "POST", "ota/updates", json=said)
    assert (got, error["code"]) == (status, code)
    assert "{" not in error["message"]
    assert await ask(admin, "GET", "ota/updates") == (200, [])


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"[" * 60_000])
async def test_a_body_that_is_no_object_gets_a_sentence(admin: Any, body: bytes):
    status, error = await ask(admin, "POST", "ota/updates", data=body)
    assert (status, error["code"]) == (400, "body_not_json")


async def test_a_body_that_is_too_large_gets_a_sentence(admin: Any):
    status, error = await ask(admin, "POST", "ota/updates", data=b" " * 70_000)
    assert (status, error["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    "said", [{"is_stable": 1}, {"release_notes": 5}, {"release_notes": "\ud800"}]
)
async def test_a_change_of_the_wrong_type_changes_nothing(
    admin: Any, upload: Upload, said: dict[str, Any]
):
    firmware = await upload("pir", "1.1.0")
    status, error = await ask(admin, "PATCH", "firmware/1", json=said)
    assert (status, error["code"]) == (400, "field_malformed")
    assert await ask(admin, "GET", "firmware/1") == (200, firmware)


async def test_an_unknown_status_is_no_filter(admin: Any):
    status, error = await ask(admin, "GET", "ota/updates?status=nice")
    assert (status, error["code"]) == (400, "field_malformed")


async def test_one_target_may_be_named_in_three_ways(admin: Any, two_nodes: None, upload: Upload):
    await upload("pir", "1.1.0")
    for target, nodes in (
        ({"target_node_id": NODE}, [NODE]),
        ({"target_node_ids": [NODE, SECOND, NODE]}, [NODE, SECOND]),
        ({"target_node_type": "pir"}, [NODE, SECOND]),
    ):
        status, job = await ask(admin, "POST", "ota/updates", json={"firmware_id": 1, **target})
        assert status == 201
        assert [row["node_id"] for row in job["nodes"]] == nodes


async def test_a_damaged_firmware_makes_no_job(
    admin: Any, two_nodes: None, upload: Upload, hub: MeshOta
):
    firmware = await upload("pir", "1.1.0")
    hub.library.damaged.add(firmware["id"])
    status, error = await ask(admin, "POST", "ota/updates", json={"firmware_id": 1})
    assert (status, error["code"]) == (409, "firmware_damaged")
