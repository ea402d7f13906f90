"""What the gateway says of itself, and the trial of a new version of it: real slots on a real folder."""

import asyncio

import pytest

from device.flash_files import FlashFiles
from device.slot_state import SlotState
from gateway import own_slot, own_trial, revision
from tests.device import made_bundles as made
from tests.device.boards import BoardInMemory

NEW = made.bundle(version="1.1.0")
OLD = made.bundle(version="1.0.0")


@pytest.fixture
def on_trial():
    """A board that has booted NEW for the first time."""
    from tests.device import boards

    board = boards.in_service()
    board.update(NEW, tag="4f1d-1")
    assert board.boot() == "1.1.0"
    return board


class Partners:
    """The home network and Home Assistant, each there or not, on a clock of its own."""

    def __init__(self, router=True, accepted=True):
        self.router = router
        self.accepted = accepted
        self.now = 0
        self.resets = 0

    def now_us(self):
        self.now += 10_000_000
        return self.now

    def router_alive(self):
        return self.router

    def reset(self):
        self.resets += 1


async def try_out(monkeypatch, board, partners, seconds=2):
    monkeypatch.setattr(own_trial, "LOOK_SECONDS", 0)
    files = board.flash.files()
    return await asyncio.wait_for(own_trial.run(partners, partners, files), seconds)


def version_after(board: BoardInMemory):
    return board.boot()


def test_the_facts_are_those_of_the_slot_that_runs(on_trial):
    facts = own_slot.facts(on_trial.flash.files())
    assert facts["version"] == "1.1.0"
    assert facts["proof"] == made.proof(NEW)
    assert facts["in_trial"]
    assert facts["last"]["outcome"] == "trial"


def test_a_damaged_slot_says_so_and_has_another_proof(tmp_path):
    (tmp_path / "a").mkdir()
    facts = own_slot.facts(FlashFiles(str(tmp_path)))
    assert facts["damaged"] == "manifest.json"
    assert facts["version"] == ""
    assert not facts["in_trial"]


async def test_a_version_that_home_assistant_answers_is_confirmed(on_trial, monkeypatch):
    partners = Partners()
    changed = await try_out(monkeypatch, on_trial, partners)
    assert changed["last"]["outcome"] == "confirmed"
    assert partners.resets == 0
    assert SlotState(on_trial.flash.files()).last["outcome"] == "confirmed"
    assert version_after(on_trial) == "1.1.0"
    assert not own_slot.facts(on_trial.flash.files())["in_trial"]


async def test_a_version_that_never_reaches_home_assistant_goes_back(on_trial, monkeypatch):
    partners = Partners(accepted=False)
    await try_out(monkeypatch, on_trial, partners)
    assert partners.resets == 1
    assert SlotState(on_trial.flash.files()).last["outcome"] == "retry"
    assert version_after(on_trial) == "1.0.0"


async def test_a_version_that_waits_gets_another_trial_once_home_assistant_answers(
    on_trial, monkeypatch
):
    partners = Partners(accepted=False)
    await try_out(monkeypatch, on_trial, partners)
    assert version_after(on_trial) == "1.0.0"
    files = on_trial.flash.files()
    assert own_slot.facts(files)["parked"]
    partners.accepted = True
    await own_trial.again(partners, partners, files)
    assert partners.resets == 2
    assert version_after(on_trial) == "1.1.0"


def test_the_version_before_is_told_as_what_lies_in_the_other_slot(on_trial):
    assert own_slot.facts(on_trial.flash.files())["other"] == {
        "proof": made.proof(OLD),
        "version": "1.0.0",
    }


async def test_a_house_without_a_router_does_not_end_a_trial(on_trial, monkeypatch):
    partners = Partners(router=False, accepted=False)
    with pytest.raises(asyncio.TimeoutError):
        await try_out(monkeypatch, on_trial, partners, 0.3)
    assert partners.now > 10 * 120_000_000
    assert partners.resets == 0


def test_the_highest_revision_is_written_at_once_and_then_not_too_often(tmp_path):
    root = str(tmp_path) + "/"
    found = revision.HighestRevision(root)
    for number, now in ((5, 0), (6, 1_000_000), (4, 2_000_000)):
        found.saw(number)
        found.tick(now)
    assert found.value == 6
    assert revision.HighestRevision(root).value == 5
    found.tick(61_000_000)
    assert revision.HighestRevision(root).value == 6


@pytest.mark.parametrize("content", ["", "x", "[]", "9" * 5000])
def test_a_damaged_revision_does_not_stop_the_gateway(tmp_path, content):
    (tmp_path / "revision").write_text(content)
    assert revision.HighestRevision(str(tmp_path) + "/").value in (0, int("9" * 15))
