"""Real littlefs2 on a block device in memory whose power can be cut. MicroPython only.

The block device is what an ESP32 has: 4096-byte blocks, erased to ones and then written in pieces.
The filesystem is MicroPython's own, so what a cut leaves is what it would leave on a board.
"""

import vfs

from device.flash_files import FlashFiles
from tests.device.ram_flash import PowerCut

BLOCK = 4096
BLOCKS = 96
ERASED = b"\xff" * BLOCK
MOUNTED_AT = "/flash"


class BlockDevice:
    """Counts each erase and each write; the power goes in the one that was asked for."""

    def __init__(self, content):
        self.content = content
        self.operations = 0
        self.dies_at = 0
        self.last_one = "absent"
        self.is_off = False
        self.is_gone = False  # the collector still closes files of it: that reaches no flash

    def readblocks(self, number, buffer, offset=0):
        if self.is_gone:
            return
        start = number * BLOCK + offset
        buffer[:] = memoryview(self.content)[start : start + len(buffer)]

    def writeblocks(self, number, buffer, offset=None):
        if offset is None:
            self._change(number * BLOCK, ERASED)
            offset = 0
        self._change(number * BLOCK + offset, buffer)

    def ioctl(self, operation, number):
        if operation == 4:
            return BLOCKS
        if operation == 5:
            return BLOCK
        if operation == 6:
            self._change(number * BLOCK, ERASED)
        return 0

    def _change(self, start, fresh):
        if self.is_gone:
            return
        if self.is_off:
            raise PowerCut
        self.operations += 1
        length = len(fresh)
        if self.operations == self.dies_at:
            self.is_off = True
            length = {"absent": 0, "torn": length // 2, "complete": length}[self.last_one]
        self.content[start : start + length] = memoryview(fresh)[:length]
        if self.is_off:
            raise PowerCut


class LittleFlash:
    """One board's flash. Only one can be mounted at a time, and `files` mounts its own."""

    mounted = None

    def __init__(self, device=None):
        self.device = device or BlockDevice(bytearray(b"\xff" * (BLOCK * BLOCKS)))
        if device is None:
            vfs.VfsLfs2.mkfs(self.device)

    def copy(self):
        return LittleFlash(BlockDevice(bytearray(self.device.content)))

    def files(self):
        if LittleFlash.mounted is not self:
            if LittleFlash.mounted:
                vfs.umount(MOUNTED_AT)
            LittleFlash.mounted = None
            vfs.mount(vfs.VfsLfs2(self.device), MOUNTED_AT)
            LittleFlash.mounted = self
        return FlashFiles(MOUNTED_AT)

    def cut_at(self, operation, last_one):
        self.device.operations = 0
        self.device.dies_at, self.device.last_one = operation, last_one

    def switch_on(self):
        """What the filesystem had in memory is gone: it is mounted anew."""
        self.device.is_gone = True
        self.device = BlockDevice(self.device.content)
        if LittleFlash.mounted is self:
            vfs.umount(MOUNTED_AT)
            LittleFlash.mounted = None
