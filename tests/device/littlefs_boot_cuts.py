"""Cuts the power at block operations of littlefs2, and boots each remainder in a process of its own.

`micropython THIS_FILE STEP FOLDER`, where FOLDER/factory holds what a cable puts on a board; prints the counts. Run by
test_littlefs.py. The bundle has 24 KiB; STEP 1 cuts at every erase and every write.
"""

import os
import sys

sys.path.insert(0, ".")

from tests.device import boards, littlefs_flash, made_bundles as made, power_cuts
from tests.device.littlefs_flash import BlockDevice, LittleFlash

littlefs_flash.BLOCKS = 160  # room for the factory files beside both slots and an image
step, folder = int(sys.argv[1]), sys.argv[2]
IMAGE, SAID = folder + "/flash.img", folder + "/said"
BOOT = "{} tests/device/littlefs_boot.py {} > {} 2>&1".format(sys.executable, IMAGE, SAID)


def bundle(version):
    files = made.application(version)
    for number in range(4):
        files["node/part{}.bin".format(number)] = bytes([number]) * 4000
    return made.bundle(files, version=version)


OLD, NEW = bundle("1.0.0"), bundle("1.1.0")
PROOFS = {"1.0.0": made.proof(OLD), "1.1.0": made.proof(NEW)}


def in_service():
    """A board that was filled by cable: factory files and OLD."""
    board = boards.BoardInMemory(LittleFlash())
    files = board.flash.files()
    copy_factory(files, "")
    boards.fill(files, "a", OLD)
    boards.Slots(files=files).adopt("a", made.md5(OLD))
    return board


def copy_factory(files, below):
    for entry in os.ilistdir(folder + "/factory/" + below):
        name = below + entry[0]
        if entry[1] & 0x4000:
            files.make_folder(name)
            copy_factory(files, name + "/")
        else:
            with open(folder + "/factory/" + name, "rb") as source:
                content = source.read()
            with files.open(name, "wb") as file:
                file.write(content)


def boot_in_a_new_process(board):
    """Answers the version that booted; the board goes on with what that boot left in flash."""
    with open(IMAGE, "wb") as file:
        file.write(board.flash.device.content)
    os.system(BOOT)
    with open(SAID) as file:
        said = file.read()
    words = said.split()
    assert len(words) == 4 and words[3] == "whole", said
    assert PROOFS[words[1]] == words[2], said
    with open(IMAGE, "rb") as file:
        board.flash = LittleFlash(BlockDevice(bytearray(file.read())))
    return words[1]


def finish(board):
    """A gateway that never gives up; every boot of it is a new process."""
    for _ in range(4):
        version = boot_in_a_new_process(board)
        board.slots = boards.Slots(files=board.flash.files())
        if board.slots.in_trial:
            assert board.slots.confirm()
        if version == "1.1.0":
            break
        board.update(NEW)
    assert boot_in_a_new_process(board) == "1.1.0"


def update_and_confirm(board):
    board.update(NEW)
    board.boot()
    board.slots.confirm()


def update_and_go_back(board):
    board.update(NEW)
    board.boot()
    board.slots.refuse("The self-test failed.")
    board.boot()


def check_going_back(board):
    version = boot_in_a_new_process(board)
    slots = boards.Slots(files=board.flash.files())
    if slots.last and slots.last["outcome"] == "refused":
        assert version == "1.0.0"
    else:
        finish(board)


def every_cut(story, check):
    cuts, before = 0, in_service()
    for offset, way in enumerate(power_cuts.WAYS):
        at = 1 + offset * step // 3
        board = power_cuts.cut(before, story, at, way)
        while board is not None:
            cuts += 1
            check(board)
            at += step
            board = power_cuts.cut(before, story, at, way)
    return cuts


good, bad = every_cut(update_and_confirm, finish), every_cut(update_and_go_back, check_going_back)
print("{} power cuts in a good update, {} in a bad one, each booted anew".format(good, bad))
