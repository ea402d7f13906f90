"""Two slots: what ends a trial, and how often one is begun. Runs on both Pythons."""

import sys

from device.slots import Slots
from tests.device import boards, made_bundles as made
from tests.device.boards import NEW, OLD


def test_an_exception_in_the_trial_brings_the_old_firmware_back():
    board = boards.in_trial()
    assert board.crash("ValueError: no such pin (roles/pir.py:12)") == 0
    assert board.boot() == "1.0.0"
    assert boards.outcome(board) == "refused"
    assert board.slots.last["reason"] == "ValueError: no such pin (roles/pir.py:12)"


def test_a_failed_self_test_brings_the_old_firmware_back():
    board = boards.in_trial()
    board.slots.refuse("The self-test failed: no PIR.")
    assert board.boot() == "1.0.0"
    assert boards.outcome(board) == "refused"


def test_a_watchdog_reset_in_the_trial_brings_the_old_firmware_back():
    board = boards.in_trial()
    assert board.boot("watchdog") == "1.0.0"
    assert boards.outcome(board) == "refused"
    assert "watchdog" in board.slots.last["reason"]


def test_a_refused_image_is_known_by_proof_and_by_md5():
    board = boards.in_trial()
    board.slots.refuse("no")
    board.boot()
    assert board.slots.is_refused(made.proof(NEW))
    assert board.slots.is_refused(made.md5(NEW))
    assert not board.slots.is_refused(made.proof(OLD))
    assert not board.slots.is_refused("")


def test_a_refused_image_is_not_installed_again_unless_forced():
    board = boards.in_trial()
    board.slots.refuse("no")
    board.boot()
    assert made.refusal(board.receive, NEW)[0] == "refused"
    board.update(NEW, "tag-2", forced=True)
    assert board.boot() == "1.1.0"
    board.slots.confirm()
    assert not board.slots.is_refused(made.proof(NEW))


def test_only_the_last_eight_refused_images_are_remembered():
    board = boards.in_service()
    proofs = []
    for number in range(10):
        content = made.bundle(version="2.{}".format(number))
        proofs.append(made.proof(content))
        board.update(content, "tag")
        board.boot()
        board.slots.refuse("no")
        board.boot()
    assert [board.slots.is_refused(proof) for proof in proofs] == [False] * 2 + [True] * 8


def test_power_cuts_in_the_trial_start_it_again_three_times():
    board = boards.in_trial()
    for _ in range(3):
        assert board.boot("power_on") == "1.1.0"
        assert boards.outcome(board) == "trial"
    assert board.boot("power_on") == "1.0.0"
    assert boards.outcome(board) == "refused"
    assert board.slots.is_refused(made.proof(NEW))


def test_a_good_image_survives_two_power_cuts_in_its_trial():
    board = boards.in_trial()
    board.boot("power_on")
    board.boot("power_on")
    assert board.slots.confirm()
    assert board.boot("power_on") == "1.1.0"


def test_without_a_mesh_the_old_firmware_waits_and_arms_it_again():
    board = boards.in_trial()
    board.slots.retry("No mesh was joined within 120 s.")
    assert board.boot() == "1.0.0"
    assert boards.outcome(board) == "retry"
    assert board.boot() == "1.0.0"
    assert board.slots.waits_for_retry
    assert board.slots.rearm()
    assert board.boot() == "1.1.0"
    assert board.slots.in_trial
    assert board.slots.last["tag"] == "tag-1"
    assert board.slots.confirm()


def test_it_is_armed_again_three_times_and_then_refused():
    board = boards.in_trial()
    for _ in range(3):
        board.slots.retry("No mesh.")
        assert board.boot() == "1.0.0"
        assert board.slots.rearm()
        assert board.boot() == "1.1.0"
    board.slots.retry("No mesh.")
    assert board.boot() == "1.0.0"
    assert boards.outcome(board) == "refused"
    assert board.slots.last["reason"] == "4 trials: No mesh."
    assert not board.slots.rearm()


def test_a_new_image_takes_the_place_of_one_that_waits():
    board = boards.in_trial()
    board.slots.retry("No mesh.")
    board.boot()
    third = made.bundle(version="1.2.0")
    board.update(third, "tag-2")
    assert board.boot() == "1.2.0"
    assert board.slots.last["tag"] == "tag-2"


def test_during_a_trial_no_image_is_installed_over_the_old_firmware():
    board = boards.in_trial()
    assert made.refusal(board.receive, OLD)[0] == "flash"
    assert board.boot("watchdog") == "1.0.0"


def test_a_boot_that_could_not_be_written_down_decides_no_trial():
    """The loader runs the old slot then, and the state file still speaks of the trial before."""
    board = boards.in_trial()
    sys.path.insert(0, "a")
    try:
        slots = Slots(files=board.flash.files())
        assert slots.running == "a"
        assert not slots.in_trial
        assert not slots.confirm()
    finally:
        sys.path.pop(0)


def test_only_a_running_trial_can_be_decided():
    board = boards.updated()
    assert not board.slots.confirm()
    board.slots.refuse("no")
    board.slots.retry("no")
    assert boards.outcome(board) == "confirmed"
    assert board.boot() == "1.1.0"
