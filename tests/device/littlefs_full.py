"""Lets bundles fill a real littlefs2 to its last block: `micropython THIS_FILE`; prints what was said of each.

Run by test_littlefs.py. The checks that would refuse them before the first part believe in more room than there is.
"""

import sys

sys.path.insert(0, ".")

from device.image import ImageError
from tests.device import boards, littlefs_flash, made_bundles as made
from tests.device.littlefs_flash import LittleFlash

littlefs_flash.BLOCKS = 72
PLENTY = (10000000, littlefs_flash.BLOCK)


def large(size):
    """A bundle of about so many bytes in files of 4000."""
    files = made.application("9.9.9")
    for number in range(size // 4000):
        files["node/part{}.bin".format(number)] = bytes([number]) * 4000
    return made.bundle(files, version="9.9.9")


for size in (120000, 150000, 200000, 400000):
    board = boards.in_service(LittleFlash())
    files = board.slots.files
    files.free = lambda: PLENTY
    incoming = boards.Incoming(files=files)
    try:
        made.arrive(incoming, large(size))
        said = made.refusal(board.slots.install, incoming, "pir", made.MICROPYTHON)
    except ImageError as error:
        said = (error.code, error.reason)
    print(size, *said)
    assert board.boot("power_on") == "1.0.0"
    assert board.slots.damaged is None
    board.update(boards.NEW)
    assert board.boot() == "1.1.0"
    assert board.slots.confirm()
