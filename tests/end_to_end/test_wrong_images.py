"""Images that look right to Home Assistant and are wrong for the node: it says why, and takes the next good one."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from scripts.firmware import bundle
from simulator import firmware
from tests.end_to_end.house import House, fresh_version


async def test_a_bundle_for_a_newer_micropython_fails_with_the_nodes_sentence(house: House) -> None:
    before, version = await house.entity("desk"), fresh_version()
    content = await asyncio.to_thread(bundle.build, "button2", version, micropython="99.1")
    job = await house.ended(
        await house.make_job(await house.stage.upload("button2", version, content), "desk")
    )
    await house.failed_with(job, "desk", "The bundle needs MicroPython 99.1, this is 1.")
    assert (await house.entity("desk")).installed == before.installed
    good = await house.ended(await house.make_job(await house.new_firmware("desk"), "desk"))
    assert good["status"] == "completed", good


@pytest_asyncio.fixture(loop_scope="session")
async def small(house: House) -> AsyncIterator[House]:
    """The desk's flash has room for one more bundle of its kind and for little else."""
    board = house.mesh.nodes["desk"]
    used = sum(path.stat().st_size + 4096 for path in board.flash.rglob("*"))
    (board.parts / "flash_size").write_text(str(used + 450_000))
    await board.power_cut()
    yield house
    (board.parts / "flash_size").unlink()
    await board.power_cut()


async def test_a_bundle_that_would_fill_the_flash_fails_before_its_first_part(small: House) -> None:
    version = fresh_version()
    content = await asyncio.to_thread(
        firmware.with_new_behaviour, "button2", version, bytes(700_000)
    )
    await refused_for_space(small, version, content, "The image needs ", parts=0)


async def test_a_bundle_whose_files_would_fill_the_slot_fails_before_it_is_committed(
    small: House,
) -> None:
    """Each file takes whole blocks on flash, so many small ones need much more than their archive."""
    version = fresh_version()
    many = {f"roles/part{number}.bin": b"-" for number in range(90)}
    content = await asyncio.to_thread(firmware.with_role, "button2", version, "", many)
    await refused_for_space(small, version, content, "The slot needs ")


async def refused_for_space(
    house: House, version: str, content: bytes, sentence: str, parts: int | None = None
) -> None:
    before = await house.until(lambda: house.node("desk"), lambda node: node["flash"], 60)
    uploaded = await house.stage.upload("button2", version, content)
    job = await house.ended(await house.make_job(uploaded, "desk"))
    await house.failed_with(job, "desk", sentence)
    row = job["nodes"][0]
    assert row["reason"] == "space"
    assert parts is None or row["current_part"] == parts
    assert (await house.node("desk"))["proof"] == before["proof"]
    good = await house.ended(await house.make_job(await house.new_firmware("desk"), "desk"))
    assert good["status"] == "completed", good
