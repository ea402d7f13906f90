"""A kill, a full disk, an old backup: what is stored is the state before or after, and jobs go on or ask."""

import copy
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed, flush_store

from custom_components.mesh_ota import library as library_module
from custom_components.mesh_ota.errors import StorageFailed
from custom_components.mesh_ota.hub import Change, MeshOta
from custom_components.mesh_ota.jobs.states import JobStatus
from custom_components.mesh_ota.report import take_report
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
from homeassistant.util.file import WriteError

from .conftest import GATEWAY_ID, GATEWAY_KEY, Upload
from .gateway_client import GatewayClient, status

NODE = "2222222222"
ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(120)
def test_a_kill_at_any_operation_or_write_leaves_the_state_before_or_after(tmp_path: Path):
    """By SIGKILL at each operation on files, and within writes, of a store, an image and its deflated copy."""
    script = Path(__file__).parent / "killed_saves.py"
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    deaths = [json.loads(line) for line in done.stdout.splitlines()]
    for what, least in (("store", 6), ("image", 7), ("deflated", 6)):
        mine = [death for death in deaths if death["what"] == what]
        assert len(mine) > least
        assert [death["lived"] for death in mine] == [False] * (len(mine) - 1) + [True]
        assert all(death["whole"] for death in mine), mine


async def test_a_full_disk_stops_what_is_new_says_so_and_goes_on_when_there_is_room(
    hass: HomeAssistant,
    hub: MeshOta,
    caller: GatewayClient,
    upload: Upload,
    issue_registry: ir.IssueRegistry,
    monkeypatch: pytest.MonkeyPatch,
):
    firmware = await upload("pir", "1.1.0")
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    await caller.report_node(NODE)

    async def full(*_: Any) -> None:
        raise WriteError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "_async_write_data", full)
        with pytest.raises(StorageFailed):
            await hub.async_create_job(firmware["id"])
        answer = await caller.pending()
        assert (answer.status, answer.signed) == (503, False)
        async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=6))
        await hass.async_block_till_done()
        assert issue_registry.async_get_issue("mesh_ota", "storage_full") is not None
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=12))
    await hass.async_block_till_done()
    assert issue_registry.async_get_issue("mesh_ota", "storage_full") is None
    (listed,) = (await caller.pending()).json["jobs"]
    assert [target["node_id"] for target in listed["targets"]] == [NODE]


async def test_a_disk_that_fills_while_uploading_harms_nothing_in_the_library(
    hub: MeshOta, upload: Upload, bundle: Any, monkeypatch: pytest.MonkeyPatch
):
    await upload("pir", "1.0.0")
    rows, files = dict(hub.library.rows), sorted(hub.library.folder.iterdir())
    before = [path.read_bytes() for path in files]

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(library_module, "place", full)
    with pytest.raises(StorageFailed, match="storage_full"):
        await hub.library.async_add(bundle(version="1.1.0"), "pir.tar")
    assert hub.library.rows == rows
    assert [path.read_bytes() for path in sorted(hub.library.folder.iterdir())] == before


async def test_a_firmware_that_cannot_be_written_down_is_not_taken_in_nor_lost(
    hass: HomeAssistant,
    hub: MeshOta,
    caller: GatewayClient,
    upload: Upload,
    bundle: Any,
    issue_registry: ir.IssueRegistry,
    monkeypatch: pytest.MonkeyPatch,
):
    """Its image lies there already, or still, when the disk takes no row any more."""
    old = (await upload("pir", "1.0.0"))["id"]
    rows, files = dict(hub.library.rows), sorted(hub.library.folder.iterdir())

    async def full(*_: Any) -> None:
        raise WriteError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "_async_write_data", full)
        with pytest.raises(StorageFailed):
            await hub.library.async_add(bundle(version="1.1.0"), "pir.tar")
        assert hub.library.full
        with pytest.raises(StorageFailed):
            await hub.library.async_delete(old)
        assert issue_registry.async_get_issue("mesh_ota", "storage_full") is not None
    assert hub.library.rows == rows
    assert sorted(hub.library.folder.iterdir()) == files
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=6))
    await hass.async_block_till_done()
    assert issue_registry.async_get_issue("mesh_ota", "storage_full") is None
    again = await hub.library.async_add(bundle(version="1.1.0"), "pir.tar")
    assert (len(hub.library.rows), again.id > old, hub.library.full) == (2, True, False)


async def test_a_week_old_backup_in_the_middle_of_a_job_sets_nothing_back(
    hass: HomeAssistant,
    hub: MeshOta,
    caller: GatewayClient,
    upload: Upload,
    hass_storage: dict[str, Any],
):
    """With the stores of both days."""
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    await caller.report_node(NODE)
    old = await upload("pir", "1.1.0")
    old_job = await hub.async_create_job(old["id"])
    await caller.pending()
    await flush_store(hub.outlet.nodes_store)
    backup = copy.deepcopy(hass_storage)
    # A week goes by: that job is over, the node runs 1.2.0, and another job is under way.
    await hub.async_cancel_job(old_job.id)
    new = await upload("pir", "1.2.0")
    open_job = await hub.async_create_job(new["id"])
    (listed,) = (await caller.pending()).json["jobs"]
    await caller.report_progress(listed, NODE, "downloading", current_part=1)
    seen = caller.revision + 1000  # as far as the revisions of a week lead
    await flush_store(hub.outlet.jobs_store)
    # The restore.
    hass_storage.clear()
    hass_storage.update(backup)
    again, told = MeshOta(hass), list[Change]()
    await again.async_load()
    again.async_subscribe(told.append)
    await again.async_add_gateway("entry", GATEWAY_ID, GATEWAY_KEY)
    again.heard(GATEWAY_ID)
    progress = {
        "id": listed["id"],
        "token": listed["token"],
        "node_id": NODE,
        "attempt": 1,
        "status": "downloading",
        "current_part": 2,
    }
    report = {
        "gateway": {"type": "gateway", "boot": 4, "highest_revision": seen},
        "tree": [[NODE, GATEWAY_ID]],
        "nodes": [
            {"node_id": NODE, "heard": 0, "status": status(version="1.2.0", proof="12" * 32)}
        ],
        "progress": [progress],
    }
    dropped = take_report(again, GATEWAY_ID, report, dt_util.utcnow())
    assert dropped == [[open_job.id, listed["token"]]]
    restored = again.job(old_job.id)
    assert restored is not None
    assert (restored.status, restored.waiting_for) == (JobStatus.PAUSED, "user")
    assert [each["targets"] for each in again.engine.pending(GATEWAY_ID).jobs] == []
    assert again.engine.revision > seen
    assert Change("old_backup", GATEWAY_ID) in told
    await again.async_remove_gateway(GATEWAY_ID)
    again.windows.async_stop()
    again.health.async_stop()
