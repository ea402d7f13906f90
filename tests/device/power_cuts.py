"""Tell a story on a board, cut the power in it everywhere, and look at what boots afterwards.

Runs on both Pythons, and on any flash that has `copy`, `files`, `cut_at` and `switch_on`: the one in
memory (ram_flash) and littlefs2 (littlefs_flash).
"""

from device.slot_reading import BOOT_LEAP
from device.slot_state import SlotState
from tests.device import made_bundles as made
from tests.device.boards import NEW, OLD, BoardInMemory
from tests.device.ram_flash import PowerCut

WAYS = ("absent", "torn", "complete")  # what becomes of the operation in which the power goes


def cut(before, story, at, way):
    """Run the story with the power gone at that operation; answers the board, or None at its end."""
    board = BoardInMemory(before.flash.copy())
    board.boot()
    board.flash.cut_at(at, way)
    try:
        story(board)
    except PowerCut:
        board.flash.switch_on()
        return board
    return None


def every_cut(before, story, check, step=1):
    """Cut the story everywhere (or at every `step`th operation); `check` looks at the board after
    it has booted. Answers the number of cuts."""
    cuts = 0
    for offset, way in enumerate(WAYS):
        at = 1 + offset % step
        board = cut(before, story, at, way)
        while board is not None:
            cuts += 1
            boots_whole(board)
            check(board)
            at += step
            board = cut(before, story, at, way)
    assert cuts >= len(WAYS), "the story was never cut"
    return cuts


def boots_whole(board):
    """Whatever was left, what boots is one of the two firmwares, with every byte in place; and so
    it would be if the state file had gone as well."""
    without_state = BoardInMemory(board.flash.copy())
    if without_state.flash.files().size("slots.json") >= 0:
        without_state.flash.files().remove("slots.json")
    assert without_state.boot("power_on") in ("1.0.0", "1.1.0")
    assert without_state.slots.damaged is None
    version = board.boot("power_on")
    proofs = {"1.0.0": made.proof(OLD), "1.1.0": made.proof(NEW)}
    assert version in proofs, version
    assert board.slots.damaged is None
    assert board.slots.proof() == proofs[version]
    says_what_is_so(board)


def says_what_is_so(board):
    """The state was not lost, and what it says of the other slot is true."""
    assert board.slots.boot < BOOT_LEAP, "the state was lost"
    other = board.slots.other_image
    assert other is None or other["proof"] == board.slots.proof(board.slots.other)
    if board.slots.waits_for_retry:
        assert board.slots.proof(board.slots.other) == board.slots.last["proof"]
    if not board.slots.in_trial:
        assert SlotState(board.flash.files()).record(board.slots.running)["confirmed"]


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


def update_and_confirm(board):
    """The way of a good image: transfer, unpacking, commit, first boot, confirmation."""
    board.update(NEW, forced=True)
    board.boot()
    board.slots.confirm()


def update_and_go_back(board):
    """The way of an image that fails its self-test."""
    board.update(NEW, forced=True)
    board.boot()
    board.slots.refuse("The self-test failed.")
    board.boot()


def after_going_back(board):
    if board.slots.last and board.slots.last["outcome"] == "refused":
        assert board.version() == "1.0.0"
        assert board.slots.is_refused(made.proof(NEW))
    else:
        finish(board)
