"""The power goes at every single flash operation of an update. Runs on both Pythons.

Each story is run again and again, one operation further each time, with the power gone
before, in the middle of and just behind it. Afterwards the board boots, by itself, a whole slot.
"""

from tests.device import boards, made_bundles as made
from tests.device.boards import NEW, OLD
from tests.device.power_cuts import (
    after_going_back,
    boots_whole,
    cut,
    every_cut,
    finish,
    update_and_confirm,
    update_and_go_back,
)


def test_a_cut_while_an_image_arrives_and_is_committed():
    """Transfer, unpacking, commit, first boot and confirmation, in one go."""

    cuts = every_cut(boards.in_service(), update_and_confirm, finish)
    print("power cuts in an update:", cuts)
    assert cuts > 100


def test_a_cut_in_an_update_over_an_older_confirmed_one():
    """The other slot is full: it is emptied first, and a cut in the middle of that is survived."""
    before = boards.updated()
    third = made.bundle(version="1.0.0")
    before.update(third, "tag-2", forced=True)
    before.boot()
    before.slots.confirm()

    cuts = every_cut(before, update_and_confirm, finish)
    print("power cuts in an update over an older one:", cuts)


def test_a_cut_while_the_trial_goes_back():
    every_cut(boards.in_service(), update_and_go_back, after_going_back)


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


def test_a_cut_while_a_new_image_replaces_one_that_waits():
    before = boards.in_service()
    before.update(made.bundle(version="1.2.0"))
    before.boot()
    before.slots.retry("No mesh.")
    before.boot()

    def check(board):
        if board.slots.waits_for_retry:
            board.update(NEW)
            board.boot()
        finish(board)

    every_cut(before, update_and_confirm, check)


def test_a_cut_while_the_slots_are_flipped():
    def story(board):
        board.slots.flip("tag-9", made.proof(NEW))
        board.boot()
        board.slots.confirm()

    before = boards.updated()
    before.slots.flip("tag-8", made.proof(OLD))
    before.boot()
    before.slots.confirm()

    def check(board):
        if not board.slots.in_trial and board.version() == "1.0.0":
            board.slots.flip("tag-9", made.proof(NEW))
            board.boot()
        if board.slots.in_trial:
            board.slots.confirm()
        assert board.boot() == "1.1.0"

    every_cut(before, story, check)


def test_a_cut_while_a_slot_gives_way_that_fails_at_each_start():
    def story(board):
        for _ in range(30):
            if board.version() == "1.0.0":
                break
            board.crash(ran=3)
            board.boot()

    def check(board):
        story(board)
        assert board.boot("power_on") == "1.0.0"
        assert board.slots.is_refused(made.proof(NEW))

    every_cut(boards.updated(), story, check)


def test_a_cut_while_a_refused_image_is_cleared_away():
    """An archive that turns out bad only in its last file, over a slot that was confirmed."""
    files = made.application("1.2.0")
    described = made.member("manifest.json", made.manifest(files, version="1.2.0"))
    files["roles/pir.py"] = b"other"
    bad = made.archive([described] + [made.member(name, files[name]) for name in sorted(files)])

    def story(board):
        made.refusal(board.receive, bad)

    def check(board):
        assert board.version() == "1.1.0"
        assert board.slots.other_image == {"proof": made.proof(OLD), "version": "1.0.0"}

    assert every_cut(boards.updated(), story, check) > 10


def test_two_cuts_in_a_row_are_survived_too():
    """The second one hits what comes after the first: boot, resumed transfer, trial."""

    def again(board):
        if board.slots.in_trial:
            board.slots.confirm()
        elif board.version() == "1.0.0":
            update_and_confirm(board)

    before = boards.in_service()
    at, cuts = 1, 0
    board = cut(before, update_and_confirm, at, "torn")
    while board is not None:
        for second in (1, 2, 5, 9):
            twice = cut(board, again, second, "torn")
            if twice is not None:
                cuts += 1
                boots_whole(twice)
                finish(twice)
        at += 3
        board = cut(before, update_and_confirm, at, "torn")
    print("pairs of power cuts:", cuts)
    assert cuts > 40
