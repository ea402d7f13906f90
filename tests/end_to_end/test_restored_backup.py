"""Home Assistant restored from an old copy of its configuration while the house has gone on without it."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from tests.end_to_end.house import House
from tests.end_to_end.small_house import near, small_house

GOES_ON, WAITS = "kitchen", "bath"


@pytest_asyncio.fixture(loop_scope="session")
async def own_house(tmp_path: Path) -> AsyncIterator[House]:
    async with small_house(tmp_path / "stage", near(GOES_ON, WAITS)) as house:
        yield house


async def issues(house: House) -> list[str]:
    found = (await house.client.command("repairs/list_issues"))["issues"]
    return [issue["issue_id"] for issue in found if issue["domain"] == "mesh_ota"]


async def phase(house: House, name: str) -> Any:
    return (await house.node(name)).get("phase")


async def test_an_old_copy_downgrades_nobody_pauses_its_jobs_and_asks(own_house: House) -> None:
    house, home = own_house, own_house.stage.home_assistant
    storage = Path(home.folder) / ".storage"
    copy = Path(home.folder).with_name("copy of a week ago")
    # In the copy a job waits for a node that is away, and the other node runs what it was delivered with.
    await house.mesh.nodes[WAITS].stop()
    old_job = await house.make_job(await house.new_firmware(WAITS), WAITS)
    old_firmware = await house.new_firmware(GOES_ON)
    await home.stop()
    shutil.copytree(storage, copy)
    await home.start()
    # A week goes by: that job is gone, the other node has a newer firmware, and the next is on its way to it.
    await house.cancel(old_job)
    newer = await house.new_firmware(GOES_ON)
    assert (await house.ended(await house.make_job(newer, GOES_ON)))["status"] == "completed"
    async with house.slow_air():
        unknown = await house.make_job(await house.new_firmware(GOES_ON), GOES_ON)
        await house.in_mid_transfer(unknown, GOES_ON)
        await home.kill()
        shutil.rmtree(storage)
        shutil.copytree(copy, storage)
        await home.start()
        await house.mesh.nodes[WAITS].start()
        paused = await house.until(
            lambda: house.job(old_job), lambda job: job["status"] == "paused", 60
        )
        assert paused["waiting_for"] == "user"
        assert "restored_from_backup" in await issues(house)
        # The gateway has let go of the job that nobody knows any more.
        await house.until(lambda: phase(house, GOES_ON), lambda now: now == "idle", 60)
    starts = house.mesh.nodes[WAITS].starts
    assert (await house.node(GOES_ON))["proof"] == newer["proof"] != old_firmware["proof"]
    assert (await house.row(old_job, WAITS))["status"] == "pending"
    assert house.mesh.nodes[WAITS].starts == starts
    # Somebody has looked: it may go on.
    await house.client.mesh("POST", f"ota/updates/{old_job['id']}/resume")
    assert (await house.ended(old_job))["status"] == "completed"
    assert "restored_from_backup" not in await issues(house)
    assert (await house.node(GOES_ON))["proof"] == newer["proof"]
