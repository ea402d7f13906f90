"""Power on, from an image of a flash: mounts it as a board's `/`, runs the shipped boot.py from it, looks at the slot.

`micropython THIS_FILE IMAGE`; prints slot, version, proof, and the first damaged file or `whole`. Nothing is imported from
the repository: what runs lies in the image. Run by littlefs_boot_cuts.py, once for each cut.
"""

import os
import sys

import vfs

BLOCK = 4096


class Chip:
    """The image's file as a block device."""

    def __init__(self, path):
        self._file = open(path, "r+b")  # noqa: SIM115  open as long as the board is on
        self._blocks = self._file.seek(0, 2) // BLOCK

    def readblocks(self, number, buffer, offset=0):
        self._file.seek(number * BLOCK + offset)
        self._file.readinto(buffer)

    def writeblocks(self, number, buffer, offset=None):
        if offset is None:
            self.ioctl(6, number)
        self._file.seek(number * BLOCK + (offset or 0))
        self._file.write(buffer)

    def ioctl(self, operation, number):
        if operation == 4:
            return self._blocks
        if operation == 5:
            return BLOCK
        if operation == 6:
            self._file.seek(number * BLOCK)
            self._file.write(b"\xff" * BLOCK)
        if operation in (2, 3):
            self._file.flush()
        return 0


class Machine:
    PWRON_RESET = 1

    def reset_cause(self):
        return 1


class Esp32:
    class Partition:
        RUNNING = 1

        def __init__(self, _id):
            pass

        def get_next_update(self):
            raise OSError(2)


chip = Chip(sys.argv[1])
vfs.umount("/")
vfs.mount(vfs.VfsLfs2(chip), "/")
os.chdir("/")
sys.path[:] = ["", ".frozen", "lib"]
sys.modules["machine"] = Machine()
sys.modules["esp32"] = Esp32
with open("boot.py") as file:
    exec(file.read(), {"__name__": "__main__"})

from device.flash_files import FlashFiles  # noqa: E402
from device.proof import slot_proof  # noqa: E402
from node.app import VERSION  # noqa: E402

slot = sys.path[0]
proof, damaged = slot_proof(FlashFiles(), slot)
print(slot, VERSION, proof, damaged or "whole")
vfs.umount("/")
