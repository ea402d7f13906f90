"""Uploads through the administrators' door: what is refused is said, and leaves nothing behind."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData

from custom_components.mesh_ota.hub import MeshOta
from homeassistant.core import HomeAssistant

from . import images
from .admin_client import ROOT, ask, form


def parts_left(hass: HomeAssistant) -> list[Path]:
    """Uploads that were not cleaned away."""
    return list(Path(hass.config.path(".storage", "mesh_ota")).glob("*.part"))


async def test_fields_may_come_before_or_after_the_file(admin: Any):
    body = FormData(default_to_multipart=True)
    body.add_field("is_stable", "true")
    body.add_field("file", images.esp_image(), filename="app.bin")
    body.add_field("node_type", "light")
    body.add_field("version", "2.0.0")
    status, firmware = await ask(admin, "POST", "firmware/upload", data=body)
    assert (status, firmware["node_type"], firmware["is_stable"]) == (201, "light", True)


BAD_UPLOADS = [
    (form(b"", node_type="pir", version="1"), 400, "image_empty"),
    (form(b"hello", node_type="pir", version="1"), 400, "not_a_firmware"),
    (form(images.esp_image()[:500], node_type="pir", version="1"), 400, "image_truncated"),
    (form(images.combined(images.esp_image()), node_type="a", version="1"), 400, "image_combined"),
    (form(images.esp_image(), node_type="P I R", version="1"), 400, "node_type_malformed"),
    (form(images.esp_image(), node_type="pir", version="1/2"), 400, "version_malformed"),
    (form(images.esp_image(), version="1"), 400, "field_missing"),
    (form(images.bundle(), node_type="led", version="1.0.0"), 400, "bundle_says_otherwise"),
    (form(images.bundle(), is_stable="perhaps"), 400, "field_malformed"),
    (form(node_type="pir", version="1"), 400, "file_missing"),
    (form(images.bundle(), release_notes="x" * 70_000), 413, "field_too_large"),
    (form(images.bundle(), hardware="ESP99"), 400, "hardware_unknown"),
    (form(images.bundle(), release_notes=b"\xff\xfe"), 400, "field_malformed"),
]


@pytest.mark.parametrize(
    ("body", "status", "code"), BAD_UPLOADS, ids=[code for _, _, code in BAD_UPLOADS]
)
async def test_a_bad_upload_gets_a_sentence_and_changes_nothing(
    hass: HomeAssistant, hub: MeshOta, admin: Any, body: FormData, status: int, code: str
):
    got, error = await ask(admin, "POST", "firmware/upload", data=body)
    assert (got, error["code"]) == (status, code)
    assert error["message"].endswith((".", "them"))
    assert " " in error["message"]
    assert "{" not in error["message"]
    assert hub.library.list() == []
    assert parts_left(hass) == []


@pytest.mark.parametrize("body", [b"", b"{}", b"--x\r\n"])
async def test_an_upload_that_is_no_form_gets_a_sentence(admin: Any, body: bytes):
    for kind in ("application/json", "multipart/form-data", "multipart/form-data; boundary=x"):
        status, error = await ask(
            admin, "POST", "firmware/upload", data=body, headers={"Content-Type": kind}
        )
        assert (status, error["code"] in ("not_multipart", "file_missing")) == (400, True)


async def test_a_duplicate_is_a_conflict(admin: Any, hub: MeshOta):
    assert (await ask(admin, "POST", "firmware/upload", data=form(images.bundle())))[0] == 201
    status, error = await ask(admin, "POST", "firmware/upload", data=form(images.bundle()))
    assert (status, error["code"]) == (409, "firmware_exists")
    assert len(hub.library.list()) == 1


async def test_an_upload_of_100_mib_is_refused_without_being_read(
    hass: HomeAssistant, admin: Any, hub: MeshOta
):
    body = form(bytes(100 * 2**20), node_type="pir", version="1")
    status, error = await ask(admin, "POST", "firmware/upload", data=body)
    assert (status, error["message"]) == (413, "The file is larger than 16 MiB.")
    assert parts_left(hass) == []


async def test_an_upload_that_does_not_say_its_length_is_capped_while_it_is_read(
    hass: HomeAssistant, admin: Any
):
    async def endless() -> Any:
        yield (
            b"--x\r\nContent-Disposition: form-data; name=file; filename=a\r\n"
            b"Content-Type: application/octet-stream\r\n\r\n"
        )
        for _ in range(20):
            yield bytes(2**20)

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    status, error = await ask(admin, "POST", "firmware/upload", data=endless(), headers=headers)
    assert (status, error["code"]) == (413, "image_too_large")
    assert parts_left(hass) == []


async def test_an_upload_that_breaks_off_leaves_nothing_behind(
    hass: HomeAssistant, admin: Any, hub: MeshOta
):
    begun = asyncio.Event()

    async def half() -> Any:
        yield b"--x\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n" + bytes(2**20)
        begun.set()
        await asyncio.sleep(30)

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    task = asyncio.create_task(
        admin.request("POST", ROOT + "firmware/upload", data=half(), headers=headers)
    )
    await begun.wait()
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(50):
        await asyncio.sleep(0.02)
        if not parts_left(hass):
            break
    assert parts_left(hass) == []
    assert hub.library.list() == []


async def test_a_full_disk_is_said(
    hass: HomeAssistant, admin: Any, hub: MeshOta, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("custom_components.mesh_ota.part_file._write", full)
    status, error = await ask(admin, "POST", "firmware/upload", data=form(images.bundle()))
    assert (status, error["code"]) == (507, "storage_full")
    assert hub.library.list() == []
