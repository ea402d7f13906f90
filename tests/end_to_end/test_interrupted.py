"""What is switched off or taken back in the middle of a transfer."""

import asyncio
import json
from pathlib import Path

import pytest

from simulator import firmware
from tests.end_to_end.house import House, fresh_version

pytestmark = pytest.mark.long


async def test_a_job_completes_although_home_assistant_is_restarted_in_mid_transfer(
    house: House,
) -> None:
    uploaded = await house.new_firmware("kitchen")
    async with house.slow_air():
        job = await house.make_job(uploaded, "kitchen")
        await house.in_mid_transfer(job, "kitchen")
        await house.stage.home_assistant.restart()
        shown = await house.entity("kitchen")
        assert shown.latest == uploaded["version"]
    await completed(house, job, "kitchen", uploaded)


async def test_a_job_completes_although_the_gateway_is_killed_in_mid_transfer(house: House) -> None:
    uploaded = await house.new_firmware("stairs")
    async with house.slow_air():
        job = await house.make_job(uploaded, "stairs")
        await house.in_mid_transfer(job, "stairs")
        await house.mesh.gateway.power_cut()
    await completed(house, job, "stairs", uploaded)


async def test_a_job_completes_although_the_node_is_killed_in_mid_transfer(house: House) -> None:
    uploaded = await house.new_firmware("bath")
    async with house.slow_air():
        job = await house.make_job(uploaded, "bath")
        await house.in_mid_transfer(job, "bath")
        await house.mesh.nodes["bath"].power_cut()
    await completed(house, job, "bath", uploaded)


async def test_a_good_node_whose_power_is_cut_twice_in_its_trial_ends_on_the_new_version(
    house: House,
) -> None:
    board = house.mesh.nodes["bath"]
    version, starts = fresh_version(), board.starts
    content = await asyncio.to_thread(firmware.with_new_behaviour, "dht", version)
    uploaded, said = await house.stage.upload("dht", version, content), len(board.said())
    job = await house.make_job(uploaded, "bath")
    for _ in range(2):
        await board.wait_until_said("This is the new version", 60, said)
        said = len(board.said())
        await board.power_cut()
    await completed(house, job, "bath", uploaded)
    assert board.starts == starts + 3
    console = board.said()[said:]
    assert console.count("This is the new version") == 1 and "trial: confirmed" in console


async def test_a_cancel_before_the_start_leaves_the_node_alone(house: House) -> None:
    before = (await house.node("desk"))["proof"]
    await house.mesh.nodes["desk"].stop()
    job = await house.make_job(await house.new_firmware("desk"), "desk")
    await house.until(
        lambda: house.row(job, "desk"), lambda row: row["status"] in ("pending", "offered"), 5
    )
    assert (await house.cancel(job))["status"] == "cancelled"
    await house.mesh.nodes["desk"].start()
    await house.until(
        lambda: house.node("desk"), lambda node: node["online"] and node["up"] < 30, 60
    )
    assert (await house.row(job, "desk"))["status"] == "cancelled"
    assert (await house.node("desk"))["proof"] == before
    assert not (await house.entity("desk")).in_progress


async def test_a_cancel_in_mid_transfer_withdraws_the_offer_within_two_seconds(
    house: House, tmp_path: Path
) -> None:
    board = house.mesh.nodes["bedroom"]
    before, starts = (await house.node("bedroom"))["proof"], board.starts
    async with house.slow_air():
        job = await house.make_job(await house.new_firmware("bedroom"), "bedroom")
        with house.listening_to_gateway(tmp_path / "air.bin") as offered_or_sent:
            await house.in_mid_transfer(job, "bedroom")
            assert offered_or_sent()
            await house.cancel(job)
            assert not (await house.entity("bedroom")).in_progress
            await asyncio.sleep(2)
            by_then = offered_or_sent()
            # The node hears of it when what was on its way over two slow hops is there.
            await house.until(lambda: _arriving(house, "bedroom"), lambda record: not record, 8)
            assert offered_or_sent() == by_then
    row = await house.row(job, "bedroom")
    assert row["status"] == "cancelled"
    assert (await house.node("bedroom"))["proof"] == before
    assert board.starts == starts


async def completed(
    house: House, job: dict[str, object], name: str, uploaded: dict[str, object]
) -> None:
    """Done without a hand, proved, nothing half-written left behind."""
    ended = await house.ended(job, 150)
    assert ended["status"] == "completed", ended
    assert (await house.node(name))["proof"] == uploaded["proof"]
    assert not (await house.entity(name)).in_progress
    assert await _arriving(house, name) is None
    slots = json.loads((house.mesh.nodes[name].flash / "slots.json").read_text())
    assert not slots.get("trial")


async def _arriving(house: House, name: str) -> str | None:
    """The record of an image that a node is taking, from its flash."""
    record = house.mesh.nodes[name].flash / "incoming" / "record.json"
    return record.read_text() if record.exists() else None
