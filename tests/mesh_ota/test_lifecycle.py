"""What is left behind when a gateway comes and goes: nothing but what the user guide says is kept.

That the doors close and open again is in `test_init`; real processes are restarted in tests/end_to_end.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_test_home_assistant,
    flush_store,
)

from custom_components.mesh_ota.const import CONF_KEY, DOMAIN
from custom_components.mesh_ota.hub import MeshOta, async_get_hub
from custom_components.mesh_ota.jobs.rollout import Rollout, Window
from homeassistant import loader
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.setup import async_setup_component
from homeassistant.util.async_ import get_scheduled_timer_handles

from .conftest import GATEWAY_ID, GATEWAY_KEY, Upload
from .gateway_client import GatewayClient

NODE = "2222222222"


@pytest.fixture
def alone(hub: MeshOta) -> int:
    """How many listen to a house without a gateway: asked for before `paired`."""
    return hub.outlet.listening


@pytest.fixture
async def busy(
    hass: HomeAssistant, hub: MeshOta, caller: GatewayClient, upload: Upload
) -> dict[str, Any]:
    """A node with a job under way, and its firmware."""
    firmware = await upload("pir", "1.1.0")
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    await caller.report_node(NODE)
    await hub.async_create_job(firmware["id"], node_ids=[NODE])
    job = (await caller.pending()).json["jobs"][0]
    await caller.report_progress(job, NODE, "downloading", current_part=1)
    await hass.async_block_till_done()
    return firmware


def ours(thing: object) -> bool:
    """Whether it belongs to the integration, by what it prints as."""
    return "custom_components.mesh_ota" in repr(thing) or "Mesh OTA" in repr(thing)


def listening(hass: HomeAssistant, hub: MeshOta) -> dict[str, Any]:
    """Whatever could still call us."""
    timers = get_scheduled_timer_handles(hass.loop)
    # A store that waits to be written listens for the end, and no longer when it is.
    bus = {kind: n for kind, n in hass.bus.async_listeners().items() if "final_write" not in kind}
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    return {
        "hub": hub.outlet.listening,
        "library": len(hub.library._listeners),
        "long polls": len(hub.outlet._wakeups),
        "bus": bus,
        "timers": sum(ours(timer) for timer in timers if not timer.cancelled()),
        "tasks": sorted(task.get_name() for task in tasks if ours(task.get_coro())),
    }


def shown(hass: HomeAssistant) -> dict[str, list[str]]:
    """Whatever a user sees of us."""
    registry = er.async_get(hass).entities.values()
    return {
        "entities": [each.entity_id for each in registry if each.platform == DOMAIN],
        "devices": [
            each.id
            for each in dr.async_get(hass).devices
            if any(domain == DOMAIN for domain, *_ in each.identifiers)
        ],
        "states": [name for name in hass.states.async_entity_ids() if GATEWAY_ID in name],
        "issues": [name for domain, name in ir.async_get(hass).issues if domain == DOMAIN],
    }


def files(config_dir: Path) -> set[str]:
    """Files of ours, by name."""
    storage = config_dir / ".storage"
    found = [*storage.glob("mesh_ota*"), *storage.glob("mesh_ota/*")]
    return {path.relative_to(storage).as_posix() for path in found if path.is_file()}


def progress(hub: MeshOta) -> list[tuple[int, str, str, int]]:
    """How far each job and its node are; what they wait for is another thing after a start."""
    return [
        (job.id, str(job.status), str(job.nodes[NODE].status), job.nodes[NODE].current_part)
        for job in hub.jobs()
    ]


@asynccontextmanager
async def another(config_dir: Path) -> AsyncIterator[tuple[HomeAssistant, MeshOta]]:
    """A Home Assistant that starts with this folder and the gateway's entry."""
    async with async_test_home_assistant(config_dir=str(config_dir)) as hass:
        hass.data.pop(loader.DATA_CUSTOM_COMPONENTS)
        try:
            assert await async_setup_component(hass, "http", {})
            entry = gateway_entry()
            entry.add_to_hass(hass)
            assert await hass.config_entries.async_setup(entry.entry_id)
            await hass.async_block_till_done()
            yield hass, await async_get_hub(hass)
        finally:
            await hass.async_stop(force=True)


def gateway_entry() -> MockConfigEntry:
    """The entry, as the dialog makes it."""
    return MockConfigEntry(
        domain=DOMAIN,
        unique_id=GATEWAY_ID,
        title=f"Gateway {GATEWAY_ID}",
        data={CONF_KEY: GATEWAY_KEY.hex()},
    )


async def test_unloading_leaves_nothing_that_listens(
    hass: HomeAssistant, hub: MeshOta, alone: int, paired: MockConfigEntry, busy: dict[str, Any]
):
    """The second time as the first; nothing of the entry listens to the house any more."""
    left = []
    for _ in range(2):
        assert await hass.config_entries.async_unload(paired.entry_id)
        await hass.async_block_till_done()
        left.append(listening(hass, hub))
        assert await hass.config_entries.async_setup(paired.entry_id)
        await hass.async_block_till_done()
    assert left[0] == left[1]
    assert left[0]["long polls"] == 0
    assert left[0]["tasks"] == []
    assert left[0]["hub"] == alone


async def test_reloading_again_and_again_adds_nothing(
    hass: HomeAssistant,
    hub: MeshOta,
    paired: MockConfigEntry,
    busy: dict[str, Any],
    config_dir: Path,
):
    before = listening(hass, hub), shown(hass), files(config_dir)
    for _ in range(5):
        assert await hass.config_entries.async_reload(paired.entry_id)
        await hass.async_block_till_done()
    assert (listening(hass, hub), shown(hass), files(config_dir)) == before


async def test_an_automation_that_acts_while_entities_are_being_added_makes_none_come_twice(
    hass: HomeAssistant,
    hub: MeshOta,
    paired: MockConfigEntry,
    caller: GatewayClient,
    upload: Upload,
    caplog: pytest.LogCaptureFixture,
):
    """It hears of the first entity while the second node's are still to come."""
    firmware = await upload("pir", "1.1.0")
    await caller.report(tree=[[NODE, GATEWAY_ID], ["3333333333", NODE]])
    await caller.report_node(NODE)
    await caller.report_node("3333333333", name="attic")
    await hass.async_block_till_done()

    @callback
    def act(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if state is not None and state.state == "on" and not hub.jobs():
            hass.async_create_task(hub.async_create_job(firmware["id"]))

    stop = async_track_state_change_event(hass, "update.hall_firmware", act)
    before = sorted(shown(hass)["entities"])
    assert await hass.config_entries.async_reload(paired.entry_id)
    await hass.async_block_till_done()
    stop()
    assert [set(job.nodes) for job in hub.jobs()] == [{NODE, "3333333333"}]
    assert sorted(shown(hass)["entities"]) == before
    assert "already exists" not in caplog.text


async def test_unloading_ends_a_long_poll_and_its_transfer_keeps_what_it_has(
    hass: HomeAssistant,
    hub: MeshOta,
    paired: MockConfigEntry,
    caller: GatewayClient,
    busy: dict[str, Any],
):
    """The gateway hears "later" and changes nothing."""
    poll = asyncio.ensure_future(caller.pending(wait=50, have=caller.revision))
    await asyncio.sleep(0.1)
    assert not poll.done()
    assert await hass.config_entries.async_unload(paired.entry_id)
    assert (await asyncio.wait_for(poll, 5)).status == 503
    assert hub.jobs()[0].nodes[NODE].status == "downloading"


async def test_removing_keeps_library_and_history_and_nothing_else(
    hass: HomeAssistant,
    hub: MeshOta,
    paired: MockConfigEntry,
    caller: GatewayClient,
    busy: dict[str, Any],
    config_dir: Path,
):
    """As the user guide says; an update under way ends, and no key stays on the disk."""
    await hass.config_entries.async_remove(paired.entry_id)
    await hass.async_block_till_done()
    await flush_store(hub.outlet.nodes_store)
    assert shown(hass) == {"entities": [], "devices": [], "states": [], "issues": []}
    assert (hub.nodes.nodes, hub.gateways) == ({}, {})
    assert [job.nodes[NODE].status for job in hub.jobs()] == ["cancelled"]
    assert len(await hub.history.async_entries()) == 2
    assert f"mesh_ota/{busy['sha256']}.bin" in files(config_dir)
    assert not [name for name in files(config_dir) if name.endswith((".part", ".tmp"))]
    for name in files(config_dir):
        content = (config_dir / ".storage" / name).read_bytes()
        assert GATEWAY_KEY.hex().encode() not in content, name
    left = listening(hass, hub)
    assert (left["long polls"], left["tasks"]) == (0, [])


async def test_a_house_without_gateways_looks_at_no_clock(
    hass: HomeAssistant, hub: MeshOta, paired: MockConfigEntry, busy: dict[str, Any]
):
    """Whatever was set to happen by itself; it goes on when a gateway is there again."""
    await hub.policies.async_set("pir", {"auto_update": True})
    window = Window(entity_id="input_boolean.go")
    await hub.async_create_job(
        busy["id"], rollout=Rollout(canary=0, window=window, health_entities=("light.hall",))
    )
    timers = listening(hass, hub)["timers"]
    assert timers >= 2
    await hass.config_entries.async_remove(paired.entry_id)
    await hass.async_block_till_done()
    left = listening(hass, hub)
    assert left["timers"] == 0
    assert left["bus"].get("state_changed", 0) == 0
    again = gateway_entry()
    again.add_to_hass(hass)
    assert await hass.config_entries.async_setup(again.entry_id)
    assert listening(hass, hub)["timers"] >= 2


async def test_added_again_it_is_as_if_new_and_as_before_all_the_same(
    hass: HomeAssistant,
    hub: MeshOta,
    paired: MockConfigEntry,
    caller: GatewayClient,
    busy: dict[str, Any],
):
    """No entity comes twice, and the old update does not start again by itself."""
    before = listening(hass, hub)
    entities = sorted(shown(hass)["entities"])
    await hass.config_entries.async_remove(paired.entry_id)
    again = gateway_entry()
    again.add_to_hass(hass)
    assert await hass.config_entries.async_setup(again.entry_id)
    await hass.async_block_till_done()
    assert (await caller.open()).status == 200
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    await caller.report_node(NODE)
    await hass.async_block_till_done()
    assert sorted(shown(hass)["entities"]) == entities
    assert (await caller.pending()).json["jobs"] == []
    assert hub.library.get(busy["id"]).version == "1.1.0"
    assert {**listening(hass, hub), "bus": None} == {**before, "bus": None}


async def test_stopping_answers_who_waits_and_a_start_goes_on_where_it_was(
    hass: HomeAssistant,
    hub: MeshOta,
    caller: GatewayClient,
    busy: dict[str, Any],
    config_dir: Path,
):
    poll = asyncio.ensure_future(caller.pending(wait=50, have=caller.revision))
    await asyncio.sleep(0.1)
    job = hub.jobs()[0]
    await hass.async_stop(force=True)
    assert (await asyncio.wait_for(poll, 5)).status in (200, 503)
    assert not [timer for timer in get_scheduled_timer_handles(hass.loop) if ours(timer)]
    kept = files(config_dir)
    async with another(config_dir) as (_hass, restarted):
        assert progress(restarted) == [(job.id, "distributing", "downloading", 1)]
        assert restarted.node(NODE).online is False
        assert restarted.library.damaged == set()
        assert files(config_dir) == kept


async def test_a_copy_of_the_folder_is_a_whole_house(
    hass: HomeAssistant,
    hub: MeshOta,
    caller: GatewayClient,
    busy: dict[str, Any],
    config_dir: Path,
    tmp_path: Path,
):
    """A backup, restored elsewhere: image, job, node and history; an upload that was under way is swept."""
    await flush_store(hub.outlet.nodes_store)
    (config_dir / ".storage" / "mesh_ota" / "0123.part").write_bytes(b"half an upload")
    copy = tmp_path / "restored"
    await hass.async_add_executor_job(shutil.copytree, config_dir, copy)
    jobs = progress(hub)
    history = await hub.history.async_entries()
    await hass.async_stop(force=True)
    async with another(copy) as (there, restored):
        assert progress(restored) == jobs != []
        assert await restored.history.async_entries() == history
        assert restored.history.history.verify() is None
        await restored.library.async_check_images()
        assert restored.library.damaged == set()
        assert there.states.get("update.hall_firmware").attributes["latest_version"] == "1.1.0"
        assert not [name for name in files(copy) if name.endswith(".part")]


async def test_a_copy_without_its_images_says_so_and_serves_nothing(
    hass: HomeAssistant,
    hub: MeshOta,
    busy: dict[str, Any],
    config_dir: Path,
    tmp_path: Path,
):
    """Somebody copied the stores alone."""
    await flush_store(hub.outlet.nodes_store)
    copy = tmp_path / "restored"
    await hass.async_add_executor_job(shutil.copytree, config_dir, copy)
    (copy / ".storage" / "mesh_ota" / f"{busy['sha256']}.bin").unlink()
    await hass.async_stop(force=True)
    async with another(copy) as (there, restored):
        assert restored.library.damaged == {busy["id"]}
        assert shown(there)["issues"] == [f"firmware_damaged_{busy['id']}"]
