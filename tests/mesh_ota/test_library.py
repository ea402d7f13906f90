"""The library on a real disk: rows, images, what is shared and what goes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from custom_components.mesh_ota.errors import (
    Conflict,
    InvalidRequest,
    MeshOtaError,
    NotFound,
    StorageFailed,
)
from custom_components.mesh_ota.hub import MeshOta
from custom_components.mesh_ota.library import FirmwareLibrary
from custom_components.mesh_ota.nodes import Node
from homeassistant.core import HomeAssistant

from . import images

type Bundle = Callable[..., Path]


@pytest.fixture
def library(hub: MeshOta) -> FirmwareLibrary:
    """An empty library."""
    return hub.library


def files(library: FirmwareLibrary) -> list[str]:
    """What lies in the library's folder, but what can be made anew from it (`test_deflated_images`)."""
    names = (path.name for path in library.folder.glob("*"))
    return sorted(name for name in names if not name.endswith(".deflated"))


async def test_a_bundle_needs_no_words(library: FirmwareLibrary, bundle: Bundle):
    row = await library.async_add(bundle(), "../../pir bundle.tar")
    assert (row.node_type, row.version, row.hardware) == ("pir", "1.0.0", "ESP32-MPY")
    assert row.filename == "pir bundle.tar"
    assert library.path(row).read_bytes() == images.bundle()
    assert row.num_parts == -(-row.size_bytes // 1024)


async def test_a_bundle_cannot_be_called_something_else(library: FirmwareLibrary, bundle: Bundle):
    for said in ({"node_type": "led"}, {"version": "9.9.9"}):
        with pytest.raises(MeshOtaError, match="bundle_says_otherwise"):
            await library.async_add(bundle(), "x.tar", **said)
    assert (library.list(), files(library)) == ([], [])


async def test_an_image_needs_type_and_version(library: FirmwareLibrary, tmp_path: Path):
    path = tmp_path / "app.bin"
    path.write_bytes(images.esp_image())
    for said in ({}, {"node_type": "touch169"}, {"version": "1"}):
        with pytest.raises(InvalidRequest, match="field_missing"):
            await library.async_add(path, "app.bin", **said)
    row = await library.async_add(path, "app.bin", "touch169", "1")
    assert (row.kind, row.runtime, row.announced_hardware) == (
        "esp-image",
        "micropython",
        "ESP32-MPY",
    )


async def test_a_runtime_that_cannot_be_told_has_to_be_said(
    library: FirmwareLibrary, tmp_path: Path
):
    path = tmp_path / "app.bin"
    path.write_bytes(images.esp_image(b"nobody knows"))
    with pytest.raises(InvalidRequest, match="runtime_not_told"):
        await library.async_add(path, "app.bin", "pir", "1")
    row = await library.async_add(path, "app.bin", "pir", "1", runtime="arduino")
    assert row.announced_hardware == "ESP32"


@pytest.mark.parametrize(
    "said",
    [
        {"node_type": "PIR"},
        {"node_type": "a/b"},
        {"node_type": ""},
        {"version": "1.0 beta"},
        {"version": "x" * 21},
        {"release_notes": "x" * 20_000},
    ],
)
async def test_words_with_wrong_characters_are_refused(
    library: FirmwareLibrary, bundle: Bundle, said: dict[str, str]
):
    with pytest.raises(InvalidRequest):
        await library.async_add(bundle(), "x.tar", **said)
    assert (library.list(), files(library)) == ([], [])


async def test_type_version_and_hardware_are_unique(library: FirmwareLibrary, bundle: Bundle):
    row = await library.async_add(bundle(), "x.tar")
    other = {"node/app.py": b"other\n"}
    with pytest.raises(Conflict, match="firmware_exists"):
        await library.async_add(bundle(files=other), "x.tar")
    assert library.list() == [row]
    assert files(library) == [f"{row.sha256}.bin"]


async def test_an_image_and_a_bundle_of_one_version_live_side_by_side(
    library: FirmwareLibrary, bundle: Bundle, tmp_path: Path
):
    path = tmp_path / "app.bin"
    path.write_bytes(images.esp_image())
    await library.async_add(bundle(), "x.tar")
    await library.async_add(path, "app.bin", "pir", "1.0.0")
    assert {row.kind for row in library.list("pir")} == {"app-bundle", "esp-image"}


async def test_the_newest_version_comes_first(library: FirmwareLibrary, bundle: Bundle):
    for version in ("1.9.0", "1.10.0", "1.2.0"):
        await library.async_add(bundle(version=version), "x.tar")
    await library.async_add(bundle(node_type="led", version="5.0.0"), "x.tar")
    assert [row.version for row in library.list("pir")] == ["1.10.0", "1.9.0", "1.2.0"]
    assert library.list()[0].version == "5.0.0"


async def test_the_same_bytes_lie_there_once_and_go_with_the_last_row(
    library: FirmwareLibrary, tmp_path: Path
):
    path = tmp_path / "app.bin"
    path.write_bytes(images.esp_image())
    first = await library.async_add(path, "app.bin", "pir", "1")
    second = await library.async_add(path, "app.bin", "led", "1")
    assert first.sha256 == second.sha256
    await library.async_delete(first.id)
    assert files(library) == [f"{first.sha256}.bin"]
    await library.async_delete(second.id)
    assert files(library) == []


async def test_ids_are_never_used_twice(library: FirmwareLibrary, bundle: Bundle):
    first = await library.async_add(bundle(), "x.tar")
    await library.async_delete(first.id)
    assert (await library.async_add(bundle(), "x.tar")).id == first.id + 1


async def test_deleting_waits_for_the_jobs_that_need_it(library: FirmwareLibrary, bundle: Bundle):
    row = await library.async_add(bundle(), "x.tar")
    library.in_use = lambda firmware_id: firmware_id == row.id
    with pytest.raises(Conflict, match="firmware_in_use"):
        await library.async_delete(row.id)
    assert library.list() == [row]


async def test_notes_and_mark_can_be_changed_alone(library: FirmwareLibrary, bundle: Bundle):
    row = await library.async_add(bundle(), "x.tar", release_notes="First")
    changed = await library.async_update(row.id, is_stable=True)
    assert (changed.is_stable, changed.release_notes) == (True, "First")
    changed = await library.async_update(row.id, release_notes="")
    assert (changed.is_stable, changed.release_notes) == (True, "")
    with pytest.raises(NotFound):
        await library.async_update(99, is_stable=True)


async def test_listeners_hear_of_every_change(library: FirmwareLibrary, bundle: Bundle):
    heard: list[int] = []
    stop = library.async_listen(heard.append)
    row = await library.async_add(bundle(), "x.tar")
    await library.async_update(row.id, is_stable=True)
    stop()
    await library.async_delete(row.id)
    assert heard == [row.id, row.id]


async def test_the_library_is_there_after_a_restart(
    hass: HomeAssistant, library: FirmwareLibrary, bundle: Bundle
):
    row = await library.async_add(bundle(), "x.tar", release_notes="Notes", is_stable=True)
    again = FirmwareLibrary(hass)
    await again.async_load()
    assert (again.list(), again.damaged) == ([row], set())
    newer = await again.async_add(bundle(version="2"), "x.tar")
    assert newer.id == row.id + 1


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"short")])
async def test_a_lost_or_cut_image_is_noticed_at_start_and_mended_by_an_upload(
    hass: HomeAssistant, library: FirmwareLibrary, bundle: Bundle, damage: Callable[[Path], Any]
):
    row = await library.async_add(bundle(), "x.tar")
    damage(library.path(row))
    again = FirmwareLibrary(hass)
    await again.async_load()
    assert again.damaged == {row.id}
    await again.async_delete(row.id)
    mended = await again.async_add(bundle(), "x.tar")
    assert again.damaged == set()
    assert again.path(mended).read_bytes() == images.bundle()


async def test_what_an_interrupted_upload_left_is_swept_at_start(
    hass: HomeAssistant, library: FirmwareLibrary, bundle: Bundle
):
    row = await library.async_add(bundle(), "x.tar")
    (library.folder / "0123.part").write_bytes(b"half")
    (library.folder / f"{'ab' * 32}.bin").write_bytes(b"no row")
    (library.folder / "notes.txt").write_bytes(b"not ours")
    await FirmwareLibrary(hass).async_load()
    assert files(library) == [f"{row.sha256}.bin", "notes.txt"]


async def test_a_full_disk_is_said_and_leaves_nothing_behind(
    library: FirmwareLibrary, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("custom_components.mesh_ota.blobs.shutil.copyfile", full)
    with pytest.raises(StorageFailed, match="storage_full"):
        await library.async_add(bundle(), "x.tar")
    assert (library.list(), files(library)) == ([], [])


async def test_a_range_is_read_from_the_image(library: FirmwareLibrary, bundle: Bundle):
    row = await library.async_add(bundle(), "x.tar")
    assert await library.async_read_range(row.id, 512, 600) == images.bundle()[512:600]
    lost = await library.async_add(bundle(version="2.0.0"), "y.tar")
    library.path(lost).unlink()
    with pytest.raises(StorageFailed):
        await library.async_read_range(lost.id, 0, 1)


def node(**known: Any) -> Node:
    """A node of ours of type pir."""
    fields = {"node_type": "pir", "kind": "app-bundle", "stock": False, "chip": "esp32"} | known
    return Node(node_id="2222222222", gateway_id="1111111111", **fields)


async def test_the_newest_that_fits_is_offered(
    library: FirmwareLibrary, bundle: Bundle, tmp_path: Path
):
    for version in ("1.0.0", "1.1.0"):
        await library.async_add(bundle(version=version), "x.tar")
    path = tmp_path / "app.bin"
    path.write_bytes(images.esp_image())
    await library.async_add(path, "app.bin", "pir", "2.0.0")
    path.write_bytes(images.esp_image(b"arduino-lib-builder"))
    await library.async_add(path, "sketch.bin", "pir", "3.0.0")
    assert library.newest_for(node(version="1.0.0")).version == "1.1.0"
    assert library.newest_for(node(version="1.0.0", kind="esp-image")).version == "2.0.0"
    assert library.newest_for(node(version="1.0.0", kind="esp-image", chip="esp32s3")) is None
    assert library.newest_for(node(version="1.0.0", node_type="led")) is None
    assert library.newest_for(node(node_type=None)) is None


async def test_a_node_whose_firmware_nobody_knows_is_offered_stable_ones_only(
    library: FirmwareLibrary, tmp_path: Path
):
    path = tmp_path / "sketch.bin"
    path.write_bytes(images.esp_image(b"arduino-lib-builder"))
    row = await library.async_add(path, "sketch.bin", "pir", "1.0.0")
    stock = node(stock=True, hardware="ESP32", kind=None)
    assert library.newest_for(stock) is None
    await library.async_update(row.id, is_stable=True)
    assert library.newest_for(stock).id == row.id
    stock.chip = None
    assert library.newest_for(stock) is None


async def test_what_runs_is_found_by_its_proof(library: FirmwareLibrary, bundle: Bundle):
    row = await library.async_add(bundle(), "x.tar")
    assert library.by_proof(row.proof) == row
    assert library.by_proof("0" * 64) is None
    assert library.by_proof(None) is None
    assert library.by_md5(row.md5_hash) == row
    assert library.find("pir", "1.0.0", "ESP32-MPY") == row
