"""What must not go out: to a second node when the first did not prove the firmware, to any while the window is closed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from scripts.kill_matrix.ear import Ear
from tests.end_to_end.house import House

# One window of parts, and four. What is sent again for other reasons depends on how busy this computer is.
MOST_AGAIN = 20
ENTITY = "input_boolean.nobody_home"


@pytest_asyncio.fixture(loop_scope="session")
async def ear(house: House) -> AsyncIterator[Ear]:
    """Hears what the gateway says to its neighbours."""
    ear = Ear()
    wire = house.mesh.air.wires[house.mesh.gateway.access_point_mac.hex()]
    wire.ear = ear.hear
    yield ear
    wire.ear = None


async def set_state(house: House, state: str) -> None:
    await house.client.call("POST", f"/api/states/{ENTITY}", {"state": state})


async def make_job(house: House, body: dict[str, Any]) -> dict[str, Any]:
    job: dict[str, Any] = await house.client.mesh("POST", "ota/updates", body)
    return job


async def test_after_a_canary_that_fails_no_second_node_is_touched(house: House, ear: Ear) -> None:
    uploaded = await house.failing_firmware("hall", "the lamp is the wrong one")
    starts = house.mesh.nodes["garage"].starts
    before = (await house.node("garage"))["proof"]
    ear.listen_for(int(house.node_id("garage")))
    rollout = {"canary_node_ids": [house.node_id("hall")]}
    job = await make_job(house, {"firmware_id": uploaded["id"], "rollout": rollout})
    ended = await house.ended(job)
    assert ended["status"] == "failed"
    rows = {row["node_id"]: row for row in ended["nodes"]}
    assert rows[house.node_id("hall")]["status"] == "rolled_back"
    assert rows[house.node_id("garage")]["status"] == "cancelled"
    assert not ear.reached("offered")
    assert not ear.reached("first part")
    assert (await house.node("garage"))["proof"] == before
    assert house.mesh.nodes["garage"].starts == starts


async def test_a_window_that_closes_in_mid_transfer_stops_it_in_two_seconds_and_it_goes_on_where_it_was(
    house: House, ear: Ear
) -> None:
    await set_state(house, "on")
    uploaded = await house.new_firmware("bedroom")
    wish = {
        "firmware_id": uploaded["id"],
        "target_node_ids": [house.node_id("bedroom")],
        "rollout": {"window": {"entity_id": ENTITY}},
    }
    ear.listen_for(int(house.node_id("bedroom")))
    async with house.slow_air():
        job = await make_job(house, wish)
        row = await house.in_mid_transfer(job, "bedroom")
        await set_state(house, "off")
        await asyncio.sleep(2)
        by_then = ear.sent
        await asyncio.sleep(4)
        assert ear.sent == by_then
        held = await house.job(job)
        assert (held["status"], held["waiting_for"]) == ("paused", "window")
        # The row counts parts of the image; what went over is that image deflated.
        assert row["current_part"] > 0
        assert 0 < by_then < row["total_parts"]
        await set_state(house, "on")
    assert (await house.ended(job))["status"] == "completed"
    assert ear.sent > by_then
    assert ear.sent_before(by_then) <= MOST_AGAIN
    assert (await house.node("bedroom"))["proof"] == uploaded["proof"]
