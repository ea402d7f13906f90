"""Applications that fail in every way there is: each node comes back on its old version and says why."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from simulator import firmware
from simulator.stage import Entity, Stage
from tests.end_to_end.first_rollout import FirstRollout
from tests.end_to_end.house import House, fresh_version

pytestmark = pytest.mark.long

# The watchdog's 30 s and four trials, each with its restarts; all nodes at once, on a busy computer.
SECONDS = 240
TRIAL_SECONDS = 2  # of the firmware that finds no mesh; the shipped ones last 120
WATCHDOG = "The watchdog reset the node during its trial."

RAISES_AT_IMPORT = """

raise RuntimeError("the kettle is on fire")
"""
HANGS_BEFORE_JOINING = """

while True:
    pass
"""
CRASHES_AFTER_TEN_SECONDS = """

class Role(Role):
    async def run(self):
        await asyncio.sleep(10)
        raise OSError("the sensor has left")
"""
STARVES_THE_WATCHDOG = """

import time


class Role(Role):
    async def run(self):
        await asyncio.sleep(5)  # joined, and heard by the gateway
        while True:
            time.sleep(1)
"""
FAILS_ITS_SELF_TEST = """

class Role(Role):
    def self_test(self):
        return "The bell is cracked."
"""
LOSES_THE_MESH = """

from device.board import Board


async def hear_nobody(board, mesh):
    return []


Board.scan = hear_nobody
"""

# name of the node: (what its role goes on with, what the person is told)
ILL = {
    "desk": (RAISES_AT_IMPORT, "RuntimeError: the kettle is on fire (roles/button2.py:"),
    "bedroom": (HANGS_BEFORE_JOINING, WATCHDOG),
    "bath": (CRASHES_AFTER_TEN_SECONDS, "OSError: the sensor has left (roles/dht.py:"),
    "stairs": (STARVES_THE_WATCHDOG, WATCHDOG),
    "kitchen": (FAILS_ITS_SELF_TEST, "The self-test failed: The bell is cracked."),
    "garage": (LOSES_THE_MESH, f"4 trials: No mesh was joined within {TRIAL_SECONDS} s."),
}


@dataclass
class Patient:
    """One node: before the update, its row after it, and what it is and shows at the end."""

    before: dict[str, Any]
    row: dict[str, Any]
    after: dict[str, Any]
    shown_before: Entity
    shown: Entity
    console: str


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def patients(stage: Stage, first_rollout: FirstRollout) -> dict[str, Patient]:
    """Every node has been given its ill firmware, all at the same time, and its job has ended."""
    house = House(stage)
    try:
        found = await asyncio.gather(*(_treat(house, name) for name in ILL))
        return dict(zip(ILL, found, strict=True))
    finally:
        await house.leave_whole()


async def _treat(house: House, name: str) -> Patient:
    before, shown_before = await house.node(name), await house.entity(name)
    said = len(house.mesh.nodes[name].said())
    uploaded = await _ill_firmware(house, name)
    job = await house.ended(await house.make_job(uploaded, name), SECONDS)
    await house.until(
        lambda: house.node(name), lambda now: now["proof"] and now["phase"] == "idle", 60
    )
    shown = await house.until(lambda: house.entity(name), lambda now: not now.in_progress, 10)
    console = house.mesh.nodes[name].said()[said:]
    after = await house.node(name)
    return Patient(before, job["nodes"][0], after, shown_before, shown, console)


async def _ill_firmware(house: House, name: str) -> dict[str, Any]:
    version, node_type = fresh_version(), house.node_type(name)
    more = firmware.trial_lasting(DEADLINE=TRIAL_SECONDS) if name == "garage" else {}
    content = await asyncio.to_thread(firmware.with_role, node_type, version, ILL[name][0], more)
    return await house.stage.upload(node_type, version, content)


@pytest.fixture(params=ILL)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_it_is_rolled_back_and_the_job_says_why(
    patients: dict[str, Patient], name: str
) -> None:
    row = patients[name].row
    assert row["status"] == "rolled_back", row
    assert ILL[name][1] in row["error_message"], row


async def test_the_node_runs_its_old_version_whole_and_the_entity_shows_it(
    patients: dict[str, Patient], name: str
) -> None:
    patient = patients[name]
    assert patient.after["proof"] == patient.before["proof"]
    assert patient.after["slot"] == patient.before["slot"]
    assert patient.after["damaged"] is None
    assert patient.shown.installed == patient.shown_before.installed


async def test_a_firmware_that_finds_no_mesh_gets_four_trials(patients: dict[str, Patient]) -> None:
    console = patients["garage"].console
    assert console.count("trial: retry No mesh was joined") == 4


@pytest.mark.parametrize("name", ["bedroom", "stairs"])
async def test_the_watchdog_ends_what_hangs(patients: dict[str, Patient], name: str) -> None:
    assert "watchdog reset" in patients[name].console


async def test_a_refused_firmware_is_not_taken_again_and_the_next_good_one_is(
    house: House, patients: dict[str, Patient]
) -> None:
    refused = next(
        row
        for row in await house.client.mesh("GET", "firmware?node_type=button2")
        if row["version"] == patients["desk"].row["to_version"]
    )
    again = (await house.ended(await house.make_job(refused, "desk")))["nodes"][0]
    assert again["status"] == "failed"
    assert "failed its trial here before" in again["error_message"]
    good = await house.new_firmware("desk")
    assert (await house.ended(await house.make_job(good, "desk")))["status"] == "completed"
