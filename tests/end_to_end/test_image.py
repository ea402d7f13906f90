"""A board with two application partitions takes an esp-image, from Home Assistant to its bootloader."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from scripts.firmware import command
from simulator import esp_image, firmware
from tests.end_to_end.house import House, fresh_version

pytestmark = pytest.mark.long

NAME = "garage"
PARTITION = 0x180000  # bytes of each application partition


@pytest_asyncio.fixture(loop_scope="session")
async def garage(house: House) -> AsyncIterator[House]:
    """The node was flashed by cable with an image that holds its application; later that goes, and its bundle runs."""
    board = house.mesh.nodes[NAME]
    await board.stop()
    image = await asyncio.to_thread(esp_image.application, "pir", "1.0.0")
    firmware.put_image_into_service(board.folder, image)
    await board.start()
    await house.until(lambda: house.node(NAME), lambda node: node["kind"] == "esp-image", 60)
    yield house
    await board.stop()
    for part in ("partitions", "frozen"):
        shutil.rmtree(board.parts / part)
    (board.parts / "running").unlink()
    await board.start()
    await house.until(lambda: house.node(NAME), lambda node: node["kind"] == "app-bundle", 60)


async def upload(house: House, version: str, image: bytes) -> dict[str, Any]:
    path = house.stage.folder / f"pir-{version}.bin"
    path.write_bytes(image)
    return await house.client.upload(path, node_type="pir", version=version, is_stable="false")


def wrapped(folder: Path, version: str) -> Path:
    """An image whose build has left its mark out, as scripts/build-firmware makes it one that says what it is."""
    plain, out = folder / "micropython.bin", folder / "wrapped.bin"
    plain.write_bytes(firmware.image_with_new_behaviour("pir", version, marked=False))
    assert command.main(["pir", version, "--image", str(plain), "--out", str(out)]) == 0
    return out


async def test_an_image_that_says_what_it_is_is_taken_tried_and_proved(
    garage: House, tmp_path: Path
) -> None:
    before = await garage.node(NAME)
    version = fresh_version()
    path = await asyncio.to_thread(wrapped, tmp_path, version)
    image = path.read_bytes()
    uploaded = await garage.client.upload(path, is_stable="false")
    assert (uploaded["kind"], uploaded["runtime"]) == ("esp-image", "micropython")
    assert (uploaded["node_type"], uploaded["version"]) == ("pir", version)
    ended = await garage.ended(await garage.make_job(uploaded, NAME), 150)
    assert ended["nodes"][0]["status"] == "completed", ended
    node = await garage.node(NAME)
    assert node["proof"] == hashlib.sha256(image).hexdigest() == uploaded["proof"]
    assert (node["version"], node["kind"], node["slot"]) == (version, "esp-image", "1")
    assert node["other"] == {"proof": before["proof"], "version": "1.0.0"}


async def test_an_image_that_raises_is_rolled_back_with_its_reason(garage: House) -> None:
    before = await garage.node(NAME)
    version = fresh_version()
    image = await asyncio.to_thread(firmware.image_that_raises, "pir", version, "no such sensor")
    ended = await garage.ended(
        await garage.make_job(await upload(garage, version, image), NAME), 150
    )
    row = ended["nodes"][0]
    assert row["status"] == "rolled_back", ended
    assert "no such sensor" in row["error_message"]
    assert (await garage.node(NAME))["proof"] == before["proof"]


async def test_an_image_larger_than_the_partition_fails_before_its_first_part(
    garage: House,
) -> None:
    before, version = await garage.node(NAME), fresh_version()
    image = await asyncio.to_thread(
        firmware.image_with_new_behaviour, "pir", version, bytes(PARTITION)
    )
    job = await garage.ended(await garage.make_job(await upload(garage, version, image), NAME))
    assert job["nodes"][0]["current_part"] == 0
    await garage.failed_with(
        job, NAME, f"The image has {len(image)} bytes, the partition {PARTITION}."
    )
    assert (await garage.node(NAME))["proof"] == before["proof"]
    version = fresh_version()
    good = await asyncio.to_thread(firmware.image_with_new_behaviour, "pir", version)
    ended = await garage.ended(
        await garage.make_job(await upload(garage, version, good), NAME), 150
    )
    assert ended["status"] == "completed", ended
