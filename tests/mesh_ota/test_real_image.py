"""A real ESP32 image: MicroPython's official ESP32_GENERIC v1.23.0, fetched from PyPI when the test runs."""

import hashlib
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.mesh_ota.hub import MeshOta

TOOLS = Path(__file__).parents[2] / ".tools"
UV = TOOLS / "installer" / "bin" / "uv"
PACKAGE = "mp-image-tool-esp32==0.1.1"
MEMBER = "mp_image_tool_esp32-0.1.1/tests/data/ESP32_GENERIC-20240602-v1.23.0.bin"
COMBINED_SHA256 = "5e442176c7e90347aa102915077dda59f795af190f907f3919ee1e4e57984716"
# The file starts where the bootloader lies, 0x1000; the application lies at 0x10000 of the flash.
APPLICATION_AT = 0xF000
UPLOAD = "/api/mesh_ota/v1/firmware/upload"


@pytest.fixture(scope="session")
def combined_image() -> bytes:
    """Bootloader, partition table and application, as it is offered for download; kept between runs."""
    kept = TOOLS / "images" / f"{COMBINED_SHA256}.bin"
    if not kept.is_file():
        fetch(kept)
    content = kept.read_bytes()
    assert hashlib.sha256(content).hexdigest() == COMBINED_SHA256
    return content


def fetch(kept: Path) -> None:
    """Take the image out of the package's source archive."""
    folder = kept.parent
    folder.mkdir(exist_ok=True)
    pip = [str(UV), "tool", "run", "--from", "pip", "pip"]
    asked = ["download", "--quiet", "--no-deps", "--no-binary", ":all:", "-d", str(folder), PACKAGE]
    subprocess.run(pip + asked, check=True, env=os.environ | {"UV_SYSTEM_CERTS": "1"})
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        member = tar.extractfile(MEMBER)
        assert member is not None
        kept.write_bytes(member.read())
    archive.unlink()


async def send(hass_client: ClientSessionGenerator, content: bytes) -> tuple[int, Any]:
    """Upload it as somebody's firmware."""
    form = FormData({"node_type": "pir", "version": "1.23.0"})
    form.add_field("file", content, filename="ESP32_GENERIC.bin")
    answer = await (await hass_client()).post(UPLOAD, data=form)
    return answer.status, await answer.json()


async def test_the_application_is_recognised(
    hub: MeshOta, hass_client: ClientSessionGenerator, combined_image: bytes
):
    application = combined_image[APPLICATION_AT:]
    status, firmware = await send(hass_client, application)
    assert status == 201
    said = {name: firmware[name] for name in ("kind", "chip", "runtime", "hardware", "size_bytes")}
    assert said == {
        "kind": "esp-image",
        "chip": "esp32",
        "runtime": "micropython",
        "hardware": "ESP32",
        "size_bytes": 1_672_800,
    }
    assert firmware["proof"] == hashlib.sha256(application).hexdigest()
    assert hub.library.path(hub.library.get(firmware["id"])).read_bytes() == application


async def test_the_combined_file_is_refused_with_a_sentence_that_says_what_it_is(
    hub: MeshOta, hass_client: ClientSessionGenerator, combined_image: bytes
):
    status, error = await send(hass_client, combined_image)
    assert (status, error["code"]) == (400, "image_combined")
    assert "combined image" in error["message"]
    assert hub.library.list() == []


@pytest.mark.parametrize("at", [0, 1, 30, 40_000, 800_000, 1_672_700, 1_672_799])
async def test_one_flipped_bit_of_it_is_refused(
    hub: MeshOta, hass_client: ClientSessionGenerator, combined_image: bytes, at: int
):
    application = bytearray(combined_image[APPLICATION_AT:])
    application[at] ^= 1
    status, error = await send(hass_client, bytes(application))
    assert status == 400
    assert error["code"].startswith("image_") or error["code"] == "not_a_firmware"
