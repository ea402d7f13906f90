"""The gateway updates itself, by a job as any node: its slots, its trial, its proof, and the way back."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio

from scripts.firmware import bundle
from simulator import firmware
from tests.end_to_end.house import House, fresh_version
from tests.end_to_end.small_house import near, small_house

pytestmark = pytest.mark.long

SECONDS = 150  # a download, a boot that unpacks, a trial; four of them where it goes back
TALKS_TO_NOWHERE = {
    "gateway/http.py": """

_Connection = Connection


class Connection(_Connection):
    def __init__(self, url, *more):
        _Connection.__init__(self, "http://127.0.0.1:9", *more)
"""
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with small_house(tmp_path_factory.mktemp("gateway"), near("desk")) as house:
        yield house


async def upload(house: House, **build: Any) -> dict[str, Any]:
    version = fresh_version()
    content = await asyncio.to_thread(firmware.of_gateway, version, **build)
    return await house.stage.upload("gateway", version, content)


async def ended(house: House, job: dict[str, Any]) -> dict[str, Any]:
    return (await house.ended(job, SECONDS))["nodes"][0]


async def shown(house: House, version: str) -> None:
    await house.until(
        lambda: house.entity("gateway"),
        lambda now: not now.in_progress and now.installed == version,
        20,
    )


async def test_it_installs_its_own_version_after_the_nodes_and_proves_it(house: House) -> None:
    nodes = await house.make_job(await house.new_firmware("desk"), "desk")
    new = await upload(house, STEADY=1)
    await house.until(lambda: house.entity("gateway"), lambda now: now.latest == new["version"], 20)
    entity = await house.entity("gateway")
    await house.client.act("update", "install", entity_id=entity.entity_id)
    job = next(
        job for job in await house.client.mesh("GET", "ota/updates") if job["id"] != nodes["id"]
    )
    row = await ended(house, job)
    assert row["status"] == "completed", row
    assert (row["from_version"], row["to_version"]) == ("1.0.0", new["version"])
    await shown(house, new["version"])
    node = await house.node("gateway")
    assert (node["proof"], node["slot"], node["damaged"]) == (new["proof"], "b", None)
    before = (await house.ended(nodes))["nodes"][0]
    assert before["status"] == "completed", before
    assert datetime.fromisoformat(before["completed_at"]) <= datetime.fromisoformat(
        row["started_at"]
    )


async def test_one_that_cannot_reach_home_assistant_goes_back_by_itself(house: House) -> None:
    before = await house.node("gateway")
    bad = await upload(house, appended=TALKS_TO_NOWHERE, DEADLINE=2)
    row = await ended(house, await house.make_job(bad, "gateway"))
    assert row["status"] == "rolled_back", row
    assert "Home Assistant did not answer within 2 s." in row["error_message"]
    after = await house.node("gateway")
    assert (after["proof"], after["slot"]) == (before["proof"], before["slot"])
    await shown(house, before["version"])


@pytest.fixture
def at_leisure(full_counts: bool) -> None:
    if not full_counts:
        pytest.skip("two more ways of the gateway, half a minute: scripts/test --all")


@pytest.mark.usefixtures("at_leisure")
async def test_one_that_raises_goes_back_and_is_not_taken_again(house: House) -> None:
    before = await house.node("gateway")
    bad = await upload(house, appended={"gateway/poller.py": "\n\nraise ValueError('no')\n"})
    row = await ended(house, await house.make_job(bad, "gateway"))
    assert row["status"] == "rolled_back", row
    assert "ValueError: no" in row["error_message"]
    again = await ended(house, await house.make_job(bad, "gateway"))
    assert again["status"] == "failed", again
    assert "failed its trial here before" in again["error_message"]
    assert (await house.node("gateway"))["proof"] == before["proof"]


async def test_it_goes_back_to_the_version_before_without_a_transfer(house: House) -> None:
    before = await house.node("gateway")
    good = await upload(house, STEADY=1)
    assert (await ended(house, await house.make_job(good, "gateway")))["status"] == "completed"
    assert (await ended(house, await house.go_back("gateway")))["status"] == "completed"
    await shown(house, before["version"])
    assert (await house.node("gateway"))["proof"] == before["proof"]


@pytest.mark.usefixtures("at_leisure")
async def test_what_a_gateway_cannot_unpack_fails_with_the_reason(house: House) -> None:
    version = fresh_version()
    content = await asyncio.to_thread(bundle.build, "gateway", version, micropython="99.1")
    uploaded = await house.stage.upload("gateway", version, content)
    row = await ended(house, await house.make_job(uploaded, "gateway"))
    assert row["status"] == "failed", row
    assert "The bundle needs MicroPython 99.1" in row["error_message"]
