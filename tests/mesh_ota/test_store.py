"""What survives a restart, and that nothing is promised before it is written."""

import asyncio
import copy
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, flush_store

from custom_components.mesh_ota import store
from custom_components.mesh_ota.hub import MeshOta
from custom_components.mesh_ota.store import MIGRATIONS, VERSION, MeshOtaStore
from homeassistant.core import HomeAssistant

from .conftest import GATEWAY_ID, Upload
from .gateway_client import GatewayClient

NODE = "2222222222"


async def test_jobs_nodes_and_library_are_there_after_a_restart(
    hass: HomeAssistant, hub: MeshOta, caller: GatewayClient, upload: Upload
):
    firmware = await upload("pir", "1.1.0")
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    await caller.report_node(NODE)
    job = await hub.async_create_job(firmware["id"])
    (entry,) = (await caller.pending()).json["jobs"]
    await caller.report_progress(entry, NODE, "downloading", current_part=4)
    await flush_store(hub.outlet.nodes_store)
    again = MeshOta(hass)
    await again.async_load()
    assert again.job(job.id).as_dict() == job.as_dict()
    assert again.library.list() == hub.library.list()
    assert (again.node(NODE).node_type, again.node(NODE).online) == ("pir", False)
    assert again.engine.revision == hub.engine.revision


async def test_state_changes_are_written_at_once_and_progress_a_while_later(
    hass: HomeAssistant,
    hub: MeshOta,
    caller: GatewayClient,
    upload: Upload,
    hass_storage: dict[str, Any],
):
    firmware = await upload("pir", "1.1.0")
    await caller.report_node(NODE)
    await hub.async_create_job(firmware["id"])

    def written() -> tuple[str, int]:
        row = hass_storage["mesh_ota.jobs"]["data"]["jobs"][0]["nodes"][0]
        return row["status"], row["current_part"]

    (entry,) = (await caller.pending()).json["jobs"]
    await caller.report_progress(entry, NODE, "downloading", current_part=1)
    assert written() == ("downloading", 1)
    await caller.report_progress(entry, NODE, "downloading", current_part=2)
    assert written() == ("downloading", 1)
    await flush_store(hub.outlet.jobs_store)
    assert written() == ("downloading", 2)


async def test_a_caller_who_hangs_up_leaves_no_half_written_store(hass: HomeAssistant):
    """Its write goes on, and the next one comes after it."""
    state, written = {"n": 0}, []
    kept = MeshOtaStore(hass, "jobs", lambda: copy.deepcopy(state))
    save = kept.async_save

    async def slow(content: dict[str, Any]) -> None:
        await asyncio.sleep(0.05)
        written.append(content["n"])
        await save(content)

    kept.async_save = slow
    state["n"] = 1
    kept.touch()
    first = asyncio.create_task(kept.async_settle())
    await asyncio.sleep(0)
    first.cancel()
    state["n"] = 2
    kept.touch()
    await kept.async_settle()
    assert written == [1, 2] or written == [2]
    assert kept.settled
    assert (await kept.async_load())["n"] == 2


async def test_callers_that_wait_for_the_same_change_share_one_write(hass: HomeAssistant):
    writes = []
    kept = MeshOtaStore(hass, "jobs", lambda: {"n": 1})
    save = kept.async_save

    async def counted(content: dict[str, Any]) -> None:
        writes.append(content)
        await save(content)

    kept.async_save = counted
    kept.touch()
    await asyncio.gather(*(kept.async_settle() for _ in range(20)))
    assert len(writes) == 1


async def test_an_older_store_is_brought_up_to_date_step_by_step(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(store, "VERSION", 3)
    steps = {1: lambda old: {"n": old["n"] + 1}, 2: lambda old: {"m": old["n"] * 10}}
    monkeypatch.setitem(MIGRATIONS, "jobs", steps)
    hass_storage["mesh_ota.jobs"] = {"version": 1, "key": "mesh_ota.jobs", "data": {"n": 1}}
    assert await MeshOtaStore(hass, "jobs", dict).async_load() == {"m": 20}


def test_there_is_a_migration_from_every_older_version():
    for name, steps in MIGRATIONS.items():
        assert sorted(steps) == list(range(1, VERSION)), name


async def test_a_removed_gateway_ends_its_rows_and_keeps_the_history(
    hass: HomeAssistant,
    hub: MeshOta,
    paired: MockConfigEntry,
    caller: GatewayClient,
    upload: Upload,
):
    firmware = await upload("pir", "1.1.0")
    await caller.report_node(NODE)
    job = await hub.async_create_job(firmware["id"])
    assert await hass.config_entries.async_remove(paired.entry_id)
    await hass.async_block_till_done()
    assert hub.node(NODE) is None
    assert (job.status, job.nodes[NODE].reason) == ("cancelled", "gateway_removed")
    assert hub.job(job.id) is job


async def test_the_hub_is_made_once(hass: HomeAssistant, hub: MeshOta):
    from custom_components.mesh_ota.hub import async_get_hub

    assert [await async_get_hub(hass) for _ in range(2)] == [hub, hub]
