"""The trial of an esp-image that has arrived, and the ways back from it. Runs on both Pythons."""

from simulator.hardware.flash_chip import Partition
from tests.device import image_boards as boards
from tests.device.image_boards import NEW, OLD
from tests.device.made_bundles import md5, refusal, sha256


def test_a_failed_self_test_goes_back_and_the_image_is_refused():
    board = boards.in_service()
    board.update(NEW)
    board.boot()
    board.slots.refuse("The self-test failed.")
    assert board.boot() == "1.0.0"
    assert board.slots.last["outcome"] == "refused"
    assert board.slots.is_refused(md5(NEW))
    assert board.boot("power_on") == "1.0.0"
    assert refusal(board.receive, NEW)[0] == "refused"
    board.update(NEW, forced=True)
    assert board.boot() == "1.1.0"


def test_an_exception_and_a_watchdog_reset_refuse_the_image():
    board = boards.in_service()
    board.update(NEW)
    board.boot()
    board.crash("ValueError: no (roles/pir.py:12)")
    assert board.boot() == "1.0.0"
    assert board.slots.last["reason"] == "ValueError: no (roles/pir.py:12)"
    assert board.slots.is_refused(sha256(NEW))

    board = boards.in_service()
    board.update(NEW)
    board.boot()
    assert board.boot("watchdog") == "1.0.0"
    assert board.slots.last["outcome"] == "refused"
    assert "watchdog" in board.slots.last["reason"]


def test_a_good_image_whose_power_is_cut_twice_in_its_trial_still_stays():
    board = boards.in_service()
    board.update(NEW)
    assert board.boot() == "1.1.0"
    for _ in range(2):
        assert board.boot("power_on") == "1.1.0"
        assert board.slots.in_trial
    assert "Try 3 of 4" in board.slots.last["reason"]
    assert board.slots.confirm()
    assert board.boot("power_on") == "1.1.0"


def test_three_times_an_aborted_partition_is_set_again_and_then_no_more():
    board = boards.in_service()
    board.update(NEW)
    for _ in range(4):
        assert board.boot("power_on") == "1.1.0"
    assert board.boot("power_on") == "1.0.0"
    assert board.slots.last["outcome"] == "refused"
    assert board.slots.is_refused(sha256(NEW))
    assert board.boot("power_on") == "1.0.0"


def test_an_image_that_dies_before_any_code_of_ours_is_tried_four_times():
    board = boards.in_service()
    board.update(NEW)
    booted = board.chip.boot

    def boot():
        """The bootloader, and a chip that panics as soon as the new image runs."""
        while booted() == "ota_1":
            board.died += 1
        return board.chip.running

    board.died = 0
    board.chip.boot = boot
    assert board.boot() == "1.0.0"
    assert board.died == 4
    assert board.slots.last["outcome"] == "refused"
    assert board.slots.is_refused(sha256(NEW))


def test_without_a_gateway_the_old_image_waits_and_tries_again_three_times():
    board = boards.in_service()
    board.update(NEW)
    for _ in range(3):
        assert board.boot() == "1.1.0"
        board.slots.retry("The gateway did not answer within 120 s.")
        assert board.boot() == "1.0.0"
        assert board.slots.waits_for_retry
        assert board.boot("power_on") == "1.0.0"
        assert board.slots.rearm()
    assert board.boot() == "1.1.0"
    board.slots.retry("The gateway did not answer within 120 s.")
    assert board.boot() == "1.0.0"
    assert board.slots.last["outcome"] == "refused"


def test_a_flip_goes_back_without_a_transfer_and_through_a_trial():
    board = boards.updated()
    board.slots.flip("tag-9", sha256(OLD))
    assert board.boot() == "1.0.0"
    assert board.slots.in_trial
    assert board.slots.other_image == {"proof": sha256(NEW), "version": "1.1.0"}
    assert board.slots.confirm()
    assert board.boot("power_on") == "1.0.0"
    board.slots.flip("tag-10", sha256(NEW))
    assert board.boot() == "1.1.0"


def test_a_flip_to_a_damaged_image_is_refused():
    board = boards.updated()
    board.flash.partitions["ota_0"][6000] ^= 1
    assert refusal(board.slots.flip, "tag-9", sha256(OLD))[0] == "image"
    assert refusal(board.slots.flip, "tag-9", "0" * 64)[0] == "bundle"
    assert board.boot() == "1.1.0"


def test_an_image_that_went_bad_before_its_trial_is_not_booted():
    board = boards.in_service()
    board.update(NEW)
    board.flash.partitions["ota_1"][5000] ^= 1
    assert board.boot() == "1.0.0"
    assert board.slots.last["outcome"] == "refused"
    assert "VALIDATE_FAILED" in board.slots.last["reason"]


def test_a_lost_state_file_in_the_trial_does_not_lose_the_trial():
    board = boards.in_service()
    board.update(NEW)
    board.boot()
    board.flash.files().remove("slots.json")
    board._load("soft")
    assert board.slots.in_trial
    assert board.slots.confirm()
    assert board.boot("power_on") == "1.1.0"


def test_the_other_partition_can_be_taken_by_hand_as_the_docs_say():
    with open("docs/hardware.md") as page:
        typed = page.read().split("```python\n")[2].split("```")[0]
    assert "Partition(Partition.RUNNING).get_next_update().set_boot()" in typed
    board = boards.updated()
    Partition(board.chip, board.chip.running).get_next_update().set_boot()
    assert board.boot() == "1.0.0"
    assert board.slots.in_trial
    assert board.slots.confirm()
    assert board.boot("power_on") == "1.0.0"


def test_the_boot_number_grows_even_when_the_state_file_was_lost():
    board = boards.in_service()
    before = board.slots.boot
    board.flash.files().remove("slots.json")
    assert board.boot("power_on") == "1.0.0"
    assert board.slots.boot > before + 60000


def test_a_trial_of_an_image_ends_where_the_second_partition_has_gone():
    from device import boot_choice
    from device.slot_state import SlotState

    board = boards.in_service()
    board.update(NEW)
    state = SlotState(board.flash.files())
    boot_choice.pick(state, "power_on")
    assert state.trial is None


def test_a_bootloader_that_knows_no_trials_is_told_to_go_back():
    board = boards.in_service(old_bootloader=True)
    board.update(NEW)
    assert board.boot() == "1.1.0"
    board.slots.refuse("The self-test failed.")
    assert board.boot() == "1.0.0"
    assert board.slots.last["outcome"] == "refused"

    board.update(NEW, forced=True)
    assert board.boot() == "1.1.0"
    assert board.boot("watchdog") == "1.0.0"
    assert "watchdog" in board.slots.last["reason"]

    board.update(NEW, forced=True)
    assert board.boot() == "1.1.0"
    assert board.boot("power_on") == "1.1.0"
    assert board.slots.confirm()
    assert board.boot("power_on") == "1.1.0"


def test_an_image_stays_where_the_one_before_is_damaged_and_cannot_be_gone_back_to():
    """With a bootloader that keeps on with what it was told once."""
    board = boards.in_service(old_bootloader=True)
    board.update(NEW)
    for _ in range(3):
        assert board.boot("power_on") == "1.1.0"
    board.flash.partitions["ota_0"][5000] ^= 1
    assert board.boot("power_on") == "1.1.0"
    assert board.slots.last["outcome"] == "refused"
    assert board.boot("power_on") == "1.1.0"
