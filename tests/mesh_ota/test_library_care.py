"""The library's cap, what is pruned and what never is, and images that are damaged and mended."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from custom_components.mesh_ota import library as library_module
from custom_components.mesh_ota.blobs import prunable
from custom_components.mesh_ota.errors import Conflict, StorageFailed
from custom_components.mesh_ota.hub import MeshOta
from homeassistant.util import dt as dt_util

from .conftest import GATEWAY_ID, Upload
from .gateway_client import GatewayClient
from .house import firmware

NODE, STOCK = "2222222222", "3333333333"
type Bundle = Callable[..., Path]


async def add(hub: MeshOta, bundle: Bundle, version: str, stable: bool = False) -> Any:
    """Take a bundle in."""
    path = bundle(version=version)
    return await hub.library.async_add(path, "pir.tar", is_stable=stable)


@pytest.fixture
def small(hub: MeshOta, bundle: Bundle) -> int:
    """A library with room for three bundles; each has this many bytes."""
    size = bundle(version="0.0.0").stat().st_size
    hub.library.most = 3 * size
    return size


async def test_the_oldest_that_nobody_needs_goes_when_there_is_no_room(
    hub: MeshOta, bundle: Bundle, small: int
):
    rows = [await add(hub, bundle, f"1.0.{number}") for number in range(5)]
    assert sorted(hub.library.rows) == [row.id for row in rows[2:]]
    assert hub.library.size == 3 * small
    assert not hub.library.path(rows[0]).exists()


def test_an_image_that_several_rows_share_goes_with_all_of_them_or_not_at_all():
    """Otherwise a row would go and nothing would become free."""
    rows = [
        firmware(1, version="1.0.0", sha256="a" * 64, size_bytes=100),
        firmware(2, version="1.0.1", sha256="a" * 64, size_bytes=100),
        firmware(3, version="1.0.2", sha256="b" * 64, size_bytes=100),
        firmware(4, version="1.0.3", sha256="c" * 64, size_bytes=100),
    ]
    assert prunable(rows, lambda _row: False, 1) == rows[:2]
    assert prunable(rows, lambda row: row.id == 2, 1) == [rows[2]]
    assert prunable(rows, lambda row: row.id == 2, 150) is None


async def test_the_newest_stable_stays_however_old_it_is(hub: MeshOta, bundle: Bundle, small: int):
    stable = await add(hub, bundle, "0.9.0", stable=True)
    for number in range(4):
        await add(hub, bundle, f"1.0.{number}")
    assert stable.id in hub.library.rows


async def test_what_a_node_runs_or_could_go_back_to_or_a_job_needs_is_never_pruned(
    hub: MeshOta, bundle: Bundle, small: int, caller: GatewayClient
):
    """The newest stays in any case, so it is none of those."""
    hub.library.most = 5 * small
    running, before, brought, wanted, newest = [
        await add(hub, bundle, f"1.0.{number}") for number in range(5)
    ]
    other = {"proof": before.proof, "version": "1.0.1"}
    await caller.report(tree=[[NODE, GATEWAY_ID], [STOCK, GATEWAY_ID]])
    await caller.report_node(NODE, proof=running.proof, other=other)
    hub.nodes.nodes[STOCK].md5 = brought.md5_hash
    job = await hub.async_create_job(wanted.id, node_ids=[NODE])
    with pytest.raises(Conflict) as raised:
        await add(hub, bundle, "1.0.5")
    assert raised.value.key == "library_full"
    assert sorted(hub.library.rows) == [
        row.id for row in (running, before, brought, wanted, newest)
    ]
    await hub.async_cancel_job(job.id)
    await add(hub, bundle, "1.0.5")
    assert wanted.id not in hub.library.rows


async def test_a_changed_byte_is_found_shown_and_mended_by_the_same_file(
    hub: MeshOta, bundle: Bundle, upload: Upload, issue_registry: Any, hass: Any
):
    path = bundle(version="1.1.0")
    row = await hub.library.async_add(path, "pir.tar")
    image = hub.library.path(row)
    content = bytearray(image.read_bytes())
    content[700] ^= 1
    image.write_bytes(content)
    await hub.library.async_check_images()
    assert hub.library.damaged == {row.id}
    issue = f"firmware_damaged_{row.id}"
    assert issue_registry.async_get_issue("mesh_ota", issue) is not None
    with pytest.raises(Conflict):
        await hub.async_create_job(row.id)
    again = await hub.library.async_add(bundle(version="1.1.0"), "again.tar")
    assert (again, hub.library.damaged) == (row, set())
    assert issue_registry.async_get_issue("mesh_ota", issue) is None
    await hub.library.async_check_images()
    assert hub.library.damaged == set()


def look_again(hub: MeshOta) -> None:
    """As each tick does."""
    hub.engine.review(dt_util.utcnow())
    hub.outlet.publish()


@pytest.mark.parametrize("damage", ["gone", "cut"])
async def test_a_job_whose_image_is_lost_on_its_way_waits_for_the_same_file_and_goes_on(
    hub: MeshOta, bundle: Bundle, caller: GatewayClient, issue_registry: Any, damage: str
):
    """No node is to blame, and the image of another job is not held up by it."""
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    await caller.report_node(NODE)
    row = await add(hub, bundle, "1.1.0")
    job = await hub.async_create_job(row.id)
    (listed,) = (await caller.pending()).json["jobs"]
    await caller.report_progress(listed, NODE, "downloading", current_part=1)
    if damage == "gone":
        hub.library.path(row).unlink()
    else:
        hub.library.path(row).write_bytes(b"")
    assert (await caller.block(row.id, 0, 4095)).status == 503
    assert issue_registry.async_get_issue("mesh_ota", f"firmware_damaged_{row.id}") is not None
    look_again(hub)
    (listed,) = (await caller.pending()).json["jobs"]
    assert listed["targets"] == [{"node_id": NODE, "attempt": 1, "paused": True}]
    assert (job.status, job.waiting_for) == ("paused", "image")
    assert "upload" in (hub.message_of(job.nodes[NODE]) or "")
    await hub.library.async_add(bundle(version="1.1.0"), "again.tar")
    look_again(hub)
    (listed,) = (await caller.pending()).json["jobs"]
    assert listed["targets"] == [{"node_id": NODE, "attempt": 1}]
    assert (await caller.block(row.id, 0, 4095)).status == 206
    assert (job.status, job.waiting_for) == ("distributing", None)


async def test_a_lost_deflated_copy_is_made_anew(hub: MeshOta, bundle: Bundle):
    row = await add(hub, bundle, "1.1.0")
    size = hub.library.deflated.size(row.sha256)
    content = await hub.library.async_read_range(row.id, 0, size, deflated=True)
    hub.library.deflated.path(row.sha256).unlink()
    hub.library._ahead.forget()
    with pytest.raises(StorageFailed):
        await hub.library.async_read_range(row.id, 0, size, deflated=True)
    assert await hub.library.async_read_range(row.id, 0, size, deflated=True) == content
    assert hub.library.damaged == set()


async def test_another_file_under_the_same_name_mends_nothing(hub: MeshOta, bundle: Bundle):
    row = await add(hub, bundle, "1.1.0")
    hub.library.path(row).unlink()
    await hub.library.async_check_images()
    with pytest.raises(Conflict):
        await hub.library.async_add(bundle(version="1.1.0", micropython="1.25"), "pir.tar")
    assert hub.library.damaged == {row.id}


async def test_a_full_disk_is_an_issue_until_there_is_room(
    hub: MeshOta,
    bundle: Bundle,
    upload: Upload,
    issue_registry: Any,
    monkeypatch: pytest.MonkeyPatch,
):
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(library_module, "place", full)
        with pytest.raises(Exception, match="storage_full"):
            await add(hub, bundle, "1.1.0")
    assert issue_registry.async_get_issue("mesh_ota", "storage_full") is not None
    assert hub.library.rows == {}
    await add(hub, bundle, "1.1.0")
    assert issue_registry.async_get_issue("mesh_ota", "storage_full") is None
