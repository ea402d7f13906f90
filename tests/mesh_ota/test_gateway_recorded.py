"""The recorded exchanges of tests/recorded/gateway_api, played to a real Home Assistant: every byte of every answer."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.mesh_ota.hub import MeshOta
from homeassistant.core import HomeAssistant

type Exchange = Callable[[str], dict[str, Any]]


@pytest.fixture
def keys(recorded: Path) -> dict[str, str]:
    """Key, nonces and image of the recording."""
    return json.loads((recorded / "gateway_api" / "keys.json").read_text())


@pytest.fixture
def recorded_library(
    config_dir: Path, hass_storage: dict[str, Any], keys: dict[str, str], exchange: Exchange
) -> None:
    """The stores as they were before the recording: firmware 2, jobs from 3 on, revisions from 11 on."""
    answer = bytes.fromhex(exchange("04_one_job_pending")["answer"]["body"])
    (job,) = json.loads(answer)["jobs"]
    image = bytes.fromhex(keys["image"])
    folder = config_dir / ".storage" / "mesh_ota"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{job['sha256']}.bin").write_bytes(image)
    firmware = {
        "id": 2,
        "node_type": job["role"],
        "version": job["version"],
        "hardware": job["hardware"],
        "filename": "pir.tar",
        "size_bytes": len(image),
        "md5_hash": job["md5"],
        "sha256": job["sha256"],
        "kind": job["kind"],
        "runtime": job["runtime"],
        "chip": None,
        "proof": job["proof"],
        "release_notes": "",
        "is_stable": True,
        "created_at": "2026-11-23T12:00:00+00:00",
    }
    stored = {
        "library": {"next_id": 3, "firmware": [firmware]},
        "jobs": {"next_id": 3, "revision": 10, "jobs": []},
    }
    for name, content in stored.items():
        hass_storage[f"mesh_ota.{name}"] = {
            "version": 1,
            "key": f"mesh_ota.{name}",
            "data": content,
        }


async def test_home_assistant_gives_the_recorded_answers(
    hass: HomeAssistant,
    recorded_library: None,
    hub: MeshOta,
    keys: dict[str, str],
    exchange: Exchange,
    hass_client_no_auth: ClientSessionGenerator,
):
    """The gateway's own tests play the other half of the same files."""
    job = json.loads(bytes.fromhex(exchange("04_one_job_pending")["answer"]["body"]))["jobs"][0]
    opened = json.loads(bytes.fromhex(exchange("01_opening")["answer"]["body"]))
    drawn = {16: opened["server_nonce"], 8: opened["session"]}
    hub.sessions._draw = drawn.__getitem__
    hub.engine.ledger._draw_token = lambda: job["token"]
    await hub.async_add_gateway("entry", keys["gateway_id"], bytes.fromhex(keys["gateway_key"]))
    client = await hass_client_no_auth()

    async def play(name: str) -> None:
        request, answer = exchange(name)["request"], exchange(name)["answer"]
        response = await client.request(
            request["method"],
            request["target"],
            headers=request["headers"],
            data=bytes.fromhex(request["body"]) or None,
        )
        assert (response.status, (await response.read()).hex()) == (
            answer["status"],
            answer["body"],
        )
        for header, value in answer["headers"].items():
            assert response.headers[header] == value

    for name in ("01_opening", "02_first_report", "03_nothing_pending"):
        await play(name)
    await hub.async_create_job(2, node_ids=["2222222222"])
    for name in ("04_one_job_pending", "05_first_block", "06_last_block_clipped", "07_progress"):
        await play(name)
    await hub.async_cancel_job(3)
    for name in ("08_job_has_gone", "09_image_not_needed"):
        await play(name)
    await hub.async_remove_gateway(keys["gateway_id"])
