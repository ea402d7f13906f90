"""Two slots: an image that is taken, tried and kept, and the way back. Runs on both Pythons."""

from tests.device import boards, made_bundles as made
from tests.device.boards import NEW, OLD

# ---- the way of a good image


def test_an_update_is_tried_confirmed_and_stays():
    board = boards.in_trial()
    assert board.slots.in_trial
    assert board.slots.last == {
        "tag": "tag-1",
        "proof": made.proof(NEW),
        "outcome": "trial",
        "reason": "",
    }
    assert board.slots.confirm()
    assert boards.outcome(board) == "confirmed"
    for cause in ("soft", "power_on", "watchdog", "hard"):
        assert board.boot(cause) == "1.1.0"
        assert not board.slots.in_trial
        assert boards.outcome(board) == "confirmed"


def test_the_proof_is_the_hash_of_the_manifest():
    board = boards.updated()
    assert board.slots.proof() == made.proof(NEW)
    assert board.slots.proof("a") == made.proof(OLD)
    assert board.slots.damaged is None


def test_the_boot_number_grows_with_each_boot():
    board = boards.in_service()
    numbers = []
    for _ in range(3):
        board.boot()
        numbers.append(board.slots.boot)
    assert numbers == [2, 3, 4]


def test_nothing_of_the_arrived_image_stays_after_the_commit():
    board = boards.in_service()
    board.update(NEW)
    assert [name for name in board.flash.contents if name.startswith("incoming/")] == []


def test_before_the_commit_a_restart_runs_the_old_firmware():
    board = boards.in_service()
    assert board.receive(NEW) == made.proof(NEW)
    assert board.boot() == "1.0.0"
    assert board.slots.last is None


def test_the_slots_take_turns():
    board = boards.updated()
    third = made.bundle(version="1.2.0")
    board.update(third, "tag-2")
    assert board.boot() == "1.2.0"
    board.slots.confirm()
    assert board.slots.active == "a"
    assert board.slots.other_image == {"proof": made.proof(NEW), "version": "1.1.0"}


def test_the_same_image_by_force_is_tried_again():
    board = boards.updated()
    board.update(NEW, "tag-2", forced=True)
    assert board.boot() == "1.1.0"
    assert board.slots.in_trial
    assert board.slots.confirm()
    assert board.slots.last["tag"] == "tag-2"


def test_the_md5_of_what_runs_is_known():
    board = boards.updated()
    assert board.slots.md5() == made.md5(NEW)
    assert board.slots.md5("a") == made.md5(OLD)


# ---- going back


def test_the_other_slot_is_flipped_to_through_a_trial():
    board = boards.updated()
    board.slots.flip("tag-9", made.proof(OLD))
    assert board.boot() == "1.0.0"
    assert board.slots.in_trial
    assert board.slots.confirm()
    assert board.boot("power_on") == "1.0.0"
    assert board.slots.other_image == {"proof": made.proof(NEW), "version": "1.1.0"}


def test_a_flip_that_fails_ends_where_it_began():
    board = boards.updated()
    board.slots.flip("tag-9", made.proof(OLD))
    assert board.boot() == "1.0.0"
    assert board.boot("watchdog") == "1.1.0"
    assert board.slots.other_image is None
    assert made.refusal(board.slots.flip, "tag-10", made.proof(OLD))[0] == "refused"


def test_a_flip_wants_the_very_firmware_that_was_confirmed():
    board = boards.updated()
    assert made.refusal(board.slots.flip, "tag-9", made.proof(NEW))[0] == "bundle"
    board = boards.in_service()
    board.receive(NEW)
    assert made.refusal(board.slots.flip, "tag-9", made.proof(NEW))[0] == "bundle"


def test_a_damaged_slot_is_not_flipped_to():
    board = boards.updated()
    board.flash.contents["a/node/app.py"] += b"x"
    assert made.refusal(board.slots.flip, "tag-9", made.proof(OLD))[0] == "bundle"


def test_a_flash_that_cannot_clear_the_arrived_image_does_not_take_the_commit_back():
    board = boards.in_service()
    incoming = boards.Incoming(files=board.slots.files)
    made.arrive(incoming, NEW)
    board.slots.install(incoming, "pir", made.MICROPYTHON)

    def worn_out():
        raise OSError(5)

    incoming.discard = worn_out
    board.slots.commit("tag-1")
    assert board.boot() == "1.1.0"
