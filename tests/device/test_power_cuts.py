"""The power goes at every single flash operation of an update. Runs on both Pythons.

Each story is run once to count its operations and then once for each of them, with the power gone
before, in the middle of and just behind it. Afterwards the board boots, by itself, a whole slot.
"""

from device.slot_state import BOOT_LEAP, SlotState
from tests.device import boards, made_bundles as made
from tests.device.boards import NEW, OLD, BoardInMemory
from tests.device.ram_flash import Flash, PowerCut, RamFiles

WAYS = ("absent", "torn", "complete")


def copy_of(flash):
    copied = Flash(flash.capacity)
    copied.contents = dict(flash.contents)
    copied.folders = set(flash.folders)
    return copied


def cut(before, story, at, way):
    """Run the story with the power gone at that operation; answers the board, or None at its end."""
    board = BoardInMemory(copy_of(before.flash))
    board.boot()
    board.flash.operations = 0
    board.flash.dies_at, board.flash.last_one = at, way
    # The board restarts inside a story without the count or the cut being forgotten.
    board.flash.power_on = lambda: RamFiles(board.flash)
    try:
        story(board)
    except PowerCut:
        del board.flash.power_on
        return board
    return None


def every_cut(before, story, check):
    """Cut the story everywhere; `check` looks at the board after it has booted. Counts the cuts."""
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
    return cuts


def boots_whole(board):
    """Whatever was left, what boots is one of the two firmwares, with every byte in place; and so
    it would be if the state file had gone as well."""
    without_state = BoardInMemory(copy_of(board.flash))
    without_state.flash.contents.pop("slots.json", None)
    assert without_state.boot("power_on") in ("1.0.0", "1.1.0")
    assert without_state.slots.damaged is None
    version = board.boot("power_on")
    proofs = {"1.0.0": made.proof(OLD), "1.1.0": made.proof(NEW)}
    assert version in proofs, version
    assert board.slots.damaged is None
    assert board.slots.proof() == proofs[version]
    assert board.slots.boot < BOOT_LEAP, "the state was lost"
    other = board.slots.other_image
    assert other is None or other["proof"] == board.slots.proof(board.slots.other)
    if board.slots.waits_for_retry:
        assert board.slots.proof(board.slots.other) == board.slots.last["proof"]
    if not board.slots.in_trial:
        assert SlotState(board.flash.power_on()).record(board.slots.running)["confirmed"]


def finish(board):
    """What a gateway that never gives up does with the board, until it runs NEW for good."""
    for _ in range(4):
        if board.slots.in_trial:
            assert board.slots.confirm()
        if board.slots.proof() == made.proof(NEW):
            break
        if board.slots.waits_for_retry:
            board.slots.rearm()
        else:
            board.update(NEW)
        board.boot()
    assert board.boot("power_on") == "1.1.0"
    assert not board.slots.in_trial
    assert board.slots.damaged is None


def test_a_cut_while_an_image_arrives_and_is_committed():
    """Transfer, unpacking, commit, first boot and confirmation, in one go."""

    def story(board):
        board.update(NEW)
        board.boot()
        board.slots.confirm()

    cuts = every_cut(boards.in_service(), story, finish)
    print("power cuts in an update:", cuts)
    assert cuts > 100


def test_a_cut_in_an_update_over_an_older_confirmed_one():
    """The other slot is full: it is emptied first, and a cut in the middle of that is survived."""
    before = boards.updated()
    third = made.bundle(version="1.0.0")
    before.update(third, "tag-2", forced=True)
    before.boot()
    before.slots.confirm()

    def story(board):
        board.update(NEW, forced=True)
        board.boot()
        board.slots.confirm()

    cuts = every_cut(before, story, finish)
    print("power cuts in an update over an older one:", cuts)


def test_a_cut_while_the_trial_goes_back():
    def story(board):
        board.update(NEW)
        board.boot()
        board.slots.refuse("The self-test failed.")
        board.boot()

    def check(board):
        if board.slots.last and board.slots.last["outcome"] == "refused":
            assert board.version() == "1.0.0"
            assert board.slots.is_refused(made.proof(NEW))
        else:
            finish(board)

    every_cut(boards.in_service(), story, check)


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

    def story(board):
        board.update(NEW)
        board.boot()
        board.slots.confirm()

    def check(board):
        if board.slots.waits_for_retry:
            board.update(NEW)
            board.boot()
        finish(board)

    every_cut(before, story, check)


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

    def story(board):
        board.update(NEW)
        board.boot()
        board.slots.confirm()

    def again(board):
        if board.slots.in_trial:
            board.slots.confirm()
        elif board.version() == "1.0.0":
            story(board)

    before = boards.in_service()
    at = 1
    board = cut(before, story, at, "torn")
    while board is not None:
        for second in (1, 2, 5, 9):
            twice = cut(board, again, second, "torn")
            if twice is not None:
                boots_whole(twice)
                finish(twice)
        at += 3
        board = cut(before, story, at, "torn")
