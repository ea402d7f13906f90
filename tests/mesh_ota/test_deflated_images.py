"""An image on its way to the mesh in fewer bytes: who gets it so, what is served, what becomes of the files."""

from pathlib import Path
from typing import Any

import pytest

from custom_components.mesh_ota.hub import MeshOta
from homeassistant.core import HomeAssistant

from .conftest import Upload
from .gateway_client import Answer, GatewayClient, status
from .test_deflate import inflated

NODE, SECOND = "2222222222", "3333333333"


async def met(caller: GatewayClient, *takers: bool, room: int | None = 24) -> None:
    """A gateway that knows long lists, and a node for each that takes what is deflated or does not."""
    await caller.open()
    more = {} if room is None else {"max_targets": room}
    ids = [NODE, SECOND][: len(takers)]
    await caller.report(tree=[[node_id, caller.gateway_id] for node_id in ids], **more)
    for node_id, takes in zip(ids, takers, strict=True):
        said = status(deflate=takes or None)
        await caller.report(nodes=[{"node_id": node_id, "heard": 0, "status": said}], **more)


async def entry(caller: GatewayClient) -> dict[str, Any]:
    """The one job of the pending list."""
    jobs = (await caller.pending()).json["jobs"]
    assert len(jobs) == 1
    found: dict[str, Any] = jobs[0]
    return found


async def everything(caller: GatewayClient, firmware_id: int, size: int) -> bytes:
    """The deflated image, block by block."""
    found = b""
    for start in range(0, size, 4096):
        answer = await caller.block(firmware_id, start, start + 4095, "deflate")
        assert (answer.status, answer.signed) == (206, True)
        assert answer.headers["Content-Range"].endswith(f"/{size}")
        found += answer.body
    return found


async def test_nodes_that_take_it_get_the_image_deflated(
    hub: MeshOta, caller: GatewayClient, upload: Upload
):
    firmware = await upload("pir", "1.1.0")
    await met(caller, True, True)
    await hub.async_create_job(firmware["id"])
    found = await entry(caller)
    assert 0 < found["deflate"] < found["size"]
    image = hub.library.path(hub.library.get(firmware["id"])).read_bytes()
    assert inflated(await everything(caller, firmware["id"], found["deflate"])) == image


@pytest.mark.parametrize(("takers", "room"), [((True, False), 24), ((True,), None)])
async def test_one_that_does_not_take_it_gets_the_image_for_all_as_it_is(
    hub: MeshOta, caller: GatewayClient, upload: Upload, takers: tuple[bool, ...], room: int | None
):
    firmware = await upload("pir", "1.1.0")
    await met(caller, *takers, room=room)
    await hub.async_create_job(firmware["id"])
    assert "deflate" not in await entry(caller)


async def test_progress_is_counted_in_parts_of_the_image(
    hub: MeshOta, caller: GatewayClient, upload: Upload
):
    firmware = await upload("pir", "1.1.0")
    await met(caller, True)
    job = await hub.async_create_job(firmware["id"])
    found = await entry(caller)
    parts = -(-found["deflate"] // 1024)
    for state, part in (("offered", 0), ("downloading", parts)):
        await caller.report_progress(found, NODE, state, current_part=part, total_parts=parts)
    row = job.nodes[NODE]
    assert row.current_part == row.total_parts == found["num_parts"]


async def test_what_is_not_there_or_not_known_is_refused(
    hub: MeshOta, caller: GatewayClient, upload: Upload
):
    firmware = await upload("pir", "1.1.0")
    await met(caller, True)
    await hub.async_create_job(firmware["id"])
    size = (await entry(caller))["deflate"]

    async def asked(start: int, encoding: str) -> Answer:
        return await caller.block(firmware["id"], start, start + 4095, encoding)

    assert (await asked(0, "gzip")).status == 400
    assert (await asked(4096 * (size // 4096 + 1), "deflate")).status == 416
    await hub.hass.async_add_executor_job(hub.library.deflated.remove, firmware["sha256"])
    assert (await asked(0, "deflate")).status == 404


async def test_the_file_goes_with_the_last_firmware_that_has_the_image(
    hass: HomeAssistant, hub: MeshOta, upload: Upload
):
    firmware = await upload("pir", "1.1.0")
    path = hub.library.deflated.path(firmware["sha256"])
    assert await hass.async_add_executor_job(path.is_file)
    await hub.library.async_delete(firmware["id"])
    assert not await hass.async_add_executor_job(path.exists)


@pytest.mark.parametrize("content", [b"", b"\x00\x05hello", None])
async def test_a_file_that_is_missing_or_damaged_is_made_anew(
    hass: HomeAssistant, hub: MeshOta, upload: Upload, content: bytes | None
):
    firmware = await upload("pir", "1.1.0")
    library, path = hub.library, hub.library.deflated.path(firmware["sha256"])
    whole = await hass.async_add_executor_job(path.read_bytes)
    await hass.async_add_executor_job(_spoil, path, content)
    await library.async_load()
    assert library.deflated.size(firmware["sha256"]) == len(content or b"")
    await library.async_check_images()
    assert await hass.async_add_executor_job(path.read_bytes) == whole
    assert library.deflated.size(firmware["sha256"]) == len(whole)


def _spoil(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)


async def test_what_belongs_to_no_firmware_is_swept(hass: HomeAssistant, hub: MeshOta):
    stray = hub.library.deflated.path("ab" * 32)
    await hass.async_add_executor_job(lambda: stray.parent.mkdir(parents=True, exist_ok=True))
    await hass.async_add_executor_job(stray.write_bytes, b"left behind")
    await hub.library.async_load()
    assert not await hass.async_add_executor_job(stray.exists)
