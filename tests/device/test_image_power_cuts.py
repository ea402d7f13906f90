"""The power goes at every single flash operation of an esp-image's way. Runs on both Pythons.

Operations are those of the filesystem, of the partitions and of the bootloader's notes alike; each
is cut before it, in the middle of it and just behind it. Afterwards the board boots a whole image,
by itself, and a gateway that does not give up gets the new one onto it.
"""

from tests.device import image_boards as boards
from tests.device.image_boards import NEW, OLD, VERSIONS, ImageBoard
from tests.device.made_bundles import refusal, sha256
from tests.device.power_cuts import WAYS
from tests.device.ram_flash import PowerCut


def cut(before, story, at, way):
    """Run the story with the power gone at that operation; answers the board, or None at its end."""
    board = ImageBoard(before.flash.copy(), before.old_bootloader)
    board.boot()
    board.flash.cut_at(at, way)
    try:
        story(board)
    except PowerCut:
        board.flash.switch_on()
        return board
    return None


def every_cut(before, story, check):
    """Cut the story everywhere; `check` looks at the board once it has booted. Answers the count."""
    cuts = 0
    for way in WAYS:
        at = 1
        board = cut(before, story, at, way)
        while board is not None:
            cuts += 1
            boots_whole(board)
            check(board)
            at += 1
            board = cut(before, story, at, way)
    assert cuts > 20
    return cuts


def boots_whole(board):
    """Old or new, with every byte in place; so too if the state file had gone as well, or if the
    power went once more in the first steps of that boot."""
    without_state = ImageBoard(board.flash.copy(), board.old_bootloader)
    if without_state.flash.files().size("slots.json") >= 0:
        without_state.flash.files().remove("slots.json")
    assert without_state.boot("power_on") in ("1.0.0", "1.1.0")
    for again in (1, 2, 3, 5):
        twice = ImageBoard(board.flash.copy(), board.old_bootloader)
        twice.flash.cut_at(again, "torn")
        try:
            twice.boot("power_on")
        except PowerCut:
            pass
        twice.flash.switch_on()
        assert twice.boot("power_on") in ("1.0.0", "1.1.0")
    assert board.boot("power_on") in ("1.0.0", "1.1.0")
    assert board.slots.damaged is None
    says_what_is_so(board)


def says_what_is_so(board):
    other = board.slots.other_image
    if other is not None:
        assert other["proof"] == board.slots.proof(board.slots.other)
        assert VERSIONS[other["proof"]] == other["version"]
    last = board.slots.last
    if last and last["outcome"] == "confirmed":
        assert last["proof"] == board.slots.proof()
    state = board.partitions().state(board.partitions().running)
    assert board.old_bootloader or board.slots.in_trial == (state == 1)


def finish(board):
    """What a gateway that never gives up does with the board, until it runs NEW for good."""
    for _ in range(5):
        if board.slots.in_trial:
            assert board.slots.confirm()
        if board.version == "1.1.0":
            break
        if board.slots.waits_for_retry:
            board.slots.rearm()
        else:
            board.update(NEW, forced=True)
        board.boot()
    assert board.boot("power_on") == "1.1.0"
    assert not board.slots.in_trial
    assert board.slots.last["outcome"] == "confirmed"


def update_and_confirm(board):
    board.update(NEW, forced=True)
    board.boot()
    board.slots.confirm()


def test_a_cut_from_the_first_part_to_the_confirmation():
    cuts = every_cut(boards.in_service(), update_and_confirm, finish)
    print("power cuts in an update of an image:", cuts)
    assert cuts > 200


def test_a_cut_in_an_update_over_an_older_confirmed_image():
    before = boards.updated()
    before.update(OLD, forced=True, version="1.0.0")
    before.boot()
    before.slots.confirm()
    cuts = every_cut(before, update_and_confirm, finish)
    print("power cuts in an update over an older image:", cuts)


def test_a_cut_while_the_trial_goes_back():
    def story(board):
        board.update(NEW, forced=True)
        board.boot()
        board.slots.refuse("The self-test failed.")
        board.boot()

    def check(board):
        if board.slots.last and board.slots.last["outcome"] == "refused":
            assert board.version == "1.0.0"
            assert board.slots.is_refused(sha256(NEW))
        finish(board)

    print("power cuts in a trial that goes back:", every_cut(boards.in_service(), story, check))


def test_a_cut_while_an_image_waits_for_its_gateway():
    def story(board):
        board.update(NEW)
        board.boot()
        board.slots.retry("No mesh.")
        board.boot()
        board.slots.rearm()
        board.boot()
        board.slots.confirm()

    every_cut(boards.in_service(), story, finish)


def test_a_cut_while_the_slots_are_flipped():
    before = boards.updated()

    def story(board):
        board.slots.flip("tag-9", sha256(OLD))
        board.boot()
        board.slots.confirm()

    def check(board):
        if not board.slots.in_trial and board.version == "1.1.0":
            board.slots.flip("tag-9", sha256(OLD))
            board.boot()
        if board.slots.in_trial:
            board.slots.confirm()
        assert board.boot("power_on") == "1.0.0"

    every_cut(before, story, check)


def test_a_cut_while_an_image_gives_way_that_fails_at_each_start():
    def story(board):
        for _ in range(30):
            if board.version == "1.0.0":
                break
            board.crash(ran=3)
            board.boot()
        board.slots.confirm()

    def check(board):
        story(board)
        assert board.boot("power_on") == "1.0.0"
        assert board.slots.is_refused(sha256(NEW))
        assert board.slots.last["reason"].startswith("10 failed starts")

    before = boards.updated()
    print("power cuts while an image gives way:", every_cut(before, story, check))


def test_a_cut_while_a_bad_image_is_dropped():
    bad = NEW[:9000] + b"?" + NEW[9001:]

    def story(board):
        refusal(board.receive, bad)

    def check(board):
        assert board.version == "1.0.0"
        finish(board)

    every_cut(boards.in_service(), story, check)


def test_a_cut_with_a_bootloader_that_knows_no_trials():
    cuts = every_cut(boards.in_service(old_bootloader=True), update_and_confirm, finish)
    print("power cuts with an old bootloader:", cuts)
