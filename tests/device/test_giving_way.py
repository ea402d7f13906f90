"""A confirmed firmware that fails again and again, and the one before that takes its place. Runs on both Pythons."""

from tests.device import boards, image_boards, made_bundles as made
from tests.device.boards import NEW


def test_a_confirmed_slot_gives_way_only_after_three_failed_imports():
    board = boards.updated()
    for _ in range(2):
        board.crash(imported=False)
        assert board.boot() == "1.1.0"
    board.crash(imported=False)
    assert board.boot() == "1.0.0"


def test_a_damaged_slot_that_crashes_gives_way_after_three_times():
    """What was confirmed is not what runs any more, so it is not the firmware's fault."""
    for name in ("b/node/app.py", "b/roles/pir.py"):
        board = boards.updated()
        board.flash.contents[name] += b"x"
        for _ in range(2):
            board.crash()
            assert board.boot() == "1.1.0"
        board.crash()
        assert board.boot() == "1.0.0"
        assert board.slots.damaged is None
    for name in ("a/node/app.py", "b/node/app.py"):
        board.flash.contents[name] += b"x"
    for _ in range(4):
        board.crash()
        assert board.boot() == "1.0.0", "the other one is no better"


def test_a_confirmed_slot_that_ends_at_each_start_gives_way_and_is_refused():
    """It passed its trial and would not any more, so no update could reach the node."""
    board = boards.updated()
    for _ in range(9):
        board.crash("ValueError: no", ran=3)
        assert board.boot() == "1.1.0"
    board.crash("ValueError: no", ran=3)
    assert board.boot() == "1.0.0"
    assert (board.slots.last["outcome"], board.slots.last["proof"]) == ("refused", made.proof(NEW))
    assert board.slots.last["tag"] == "tag-1", "Home Assistant may have heard nothing of that trial"
    assert board.slots.last["reason"] == "10 failed starts: ValueError: no"
    assert board.slots.is_refused(made.proof(NEW)) and board.slots.other_image is None
    for _ in range(12):
        board.crash(ran=3)
        assert board.boot() == "1.0.0", "there is nothing better"


def test_a_confirmed_slot_that_hangs_at_each_start_gives_way_too():
    board = boards.updated()
    for _ in range(9):
        assert board.boot("watchdog", after=40) == "1.1.0"
    assert board.boot("watchdog", after=40) == "1.0.0"
    assert board.slots.last["reason"] == "10 failed starts: The watchdog reset the node."
    assert board.slots.is_refused(made.proof(NEW))


def test_no_slot_gives_way_for_a_configuration_that_cannot_be_used():
    """Another firmware would end by it too, and the good one would be refused when it is mended."""
    board = boards.updated()
    for _ in range(30):
        delay = board.crash("ConfigError: mesh.prefix", ran=0, settings=True)
        assert board.boot() == "1.1.0"
    assert delay == 60
    assert not board.slots.is_refused(made.proof(NEW))


def test_hangs_after_a_while_or_with_power_cuts_between_them_are_none_in_a_row():
    board = boards.updated()
    for _ in range(4):
        for _ in range(9):
            assert board.boot("watchdog", after=40) == "1.1.0"
        assert board.boot("power_on", after=40) == "1.1.0"
    for _ in range(30):
        assert board.boot("watchdog", after=70) == "1.1.0"
        assert board.boot("watchdog", after=-3000) == "1.1.0", "the clock was set"


def test_the_only_firmware_never_gives_way():
    board = boards.in_service()
    for _ in range(12):
        board.crash(ran=3)
        assert board.boot() == "1.0.0"


def test_a_confirmed_slot_that_crashes_later_never_gives_way():
    board = boards.updated()
    delays = []
    for _ in range(12):
        delays.append(board.crash())
        assert board.boot("hard") == "1.1.0"
    assert delays == [2, 4, 8, 16, 32] + [60] * 7
    assert board.crash(ran=600) == 1


# ---- esp-images


def test_an_image_that_ends_or_hangs_at_each_start_gives_way_to_the_one_before():
    def crashed(board):
        board.crash("ValueError: no", ran=3)
        return board.boot()

    def hung(board):
        return board.boot("watchdog", after=40)

    for start, reason in ((crashed, "ValueError: no"), (hung, "The watchdog reset the node.")):
        board = image_boards.updated()
        starts = 1
        while start(board) == "1.1.0":
            starts += 1
        assert starts in (10, 11), starts
        assert board.slots.in_trial and board.version == "1.0.0"
        assert board.slots.last["reason"] == "10 failed starts: " + reason
        assert board.slots.is_refused(made.sha256(image_boards.NEW))
        assert board.slots.confirm()
        assert board.boot("power_on") == "1.0.0"
        last = board.slots.last
        assert (last["outcome"], last["tag"], last["proof"]) == (
            "refused",
            "tag-1",
            made.sha256(image_boards.NEW),
        )
        assert last["reason"] == "10 failed starts: " + reason, "that is how this came to run"
        for _ in range(12):
            board.crash(ran=3)
            assert board.boot() == "1.0.0", "there is nothing better"


def given_way():
    """A board whose new image has ended ten times at its start, in the trial of the one before."""
    board = image_boards.updated()
    for _ in range(10):
        board.crash("ValueError: no", ran=3)
        version = board.boot()
    assert version == "1.0.0"
    return board


def test_two_images_that_both_fail_do_not_take_turns_for_ever():
    board = given_way()
    board.crash("OSError: no sensor", ran=3)
    assert board.boot() == "1.1.0"
    assert board.slots.last["reason"] == "OSError: no sensor"
    assert board.slots.other_image is None
    for _ in range(25):
        board.crash(ran=3)
        assert board.boot() == "1.1.0"


def test_a_way_back_that_finds_no_mesh_or_no_power_is_taken_again():
    def without_mesh(board):
        board.slots.retry("No mesh was joined within 120 s.")
        return board.boot()

    def without_power(board):
        for _ in range(4):
            version = board.boot("power_on")
        return version

    def without_gateway(board):
        for _ in range(3):
            assert without_mesh(board) == "1.1.0"
            assert board.slots.rearm()
            assert board.boot() == "1.0.0"
        return without_mesh(board)

    for end in (without_mesh, without_power, without_gateway):
        board = given_way()
        assert end(board) == "1.1.0"
        for _ in range(10):
            board.crash(ran=3)
            version = board.boot()
        assert version == "1.0.0"
        assert board.slots.confirm()
        assert board.slots.last["proof"] == made.sha256(image_boards.NEW)


def test_bundles_from_before_the_first_image_do_not_hold_it_up():
    """They are confirmed and whole, but it is not they that fail."""
    board = image_boards.updated()
    older = boards.updated().flash
    for name in older.contents:
        if name != "slots.json":
            board.flash.contents[name] = older.contents[name]
    board.flash.folders |= older.folders
    for _ in range(9):
        board.crash(imported=False, ran=0)
        assert board.boot() == "1.1.0"
    assert board.boot("watchdog", after=40) == "1.1.0"
    board.crash(imported=False, ran=0)
    assert board.boot() == "1.0.0"


def test_the_only_image_never_gives_way():
    board = image_boards.in_service()
    for _ in range(12):
        board.crash(ran=3)
        assert board.boot() == "1.0.0"
        assert board.boot("watchdog", after=40) == "1.0.0"
