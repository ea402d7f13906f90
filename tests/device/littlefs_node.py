"""One boot of a node, from an image of its flash: `micropython THIS_FILE IMAGE BUNDLE CAUSE DIES_AT WAY`.

Mounts the image as a board's `/`, runs the shipped boot.py from it, and then does what an application does with its slots, as
it is told line by line on standard input. What it runs lies in the image. At flash operation DIES_AT (0: never) the power
goes: what is written of it is said by WAY, and this process is killed. Run by littlefs_board.py.
"""

import json
import os
import sys

import vfs

BLOCK = 4096
APPLICATION = "app"  # where the image has the device modules of a whole application; too large for the 24 KiB of a slot here


class Chip:
    """The image's file as a block device: each erase and each write is in it at once."""

    def __init__(self, path):
        self._file = open(path, "r+b")  # noqa: SIM115  open as long as the board is on
        self._blocks = self._file.seek(0, 2) // BLOCK
        self.operations, self.dies_at, self.way = 0, 0, ""

    def readblocks(self, number, buffer, offset=0):
        self._file.seek(number * BLOCK + offset)
        self._file.readinto(buffer)

    def writeblocks(self, number, buffer, offset=None):
        if offset is None:
            self.ioctl(6, number)
        self._change(number * BLOCK + (offset or 0), memoryview(buffer))

    def ioctl(self, operation, number):
        if operation == 4:
            return self._blocks
        if operation == 5:
            return BLOCK
        if operation == 6:
            self._change(number * BLOCK, memoryview(b"\xff" * BLOCK))
        return 0

    def _change(self, at, fresh):
        self.operations += 1
        last = self.operations == self.dies_at
        if last:
            length = {"absent": 0, "torn": len(fresh) // 2, "complete": len(fresh)}[self.way]
            fresh = fresh[:length]
        self._file.seek(at)
        self._file.write(fresh)
        if last:
            self._file.flush()
            os.system("kill -9 $PPID")


class Machine:
    """A board as far as boot.py asks."""

    PWRON_RESET, HARD_RESET = 1, 2

    class WDT:
        def __init__(self, timeout):
            pass

    def reset_cause(self):
        return self.PWRON_RESET if cause == "power_on" else self.HARD_RESET


class Esp32:
    class Partition:
        RUNNING = 1

        def __init__(self, _id):
            pass

        def get_next_update(self):
            raise OSError(2)


image, bundle, cause = sys.argv[1:4]
with open(bundle, "rb") as file:
    NEW = file.read()
chip = Chip(image)
chip.dies_at, chip.way = int(sys.argv[4]), sys.argv[5]
vfs.umount("/")
vfs.mount(vfs.VfsLfs2(chip), "/")
os.chdir("/")
sys.path[:] = ["", ".frozen", "lib"]
sys.modules["machine"] = Machine()
sys.modules["esp32"] = Esp32
with open("boot.py") as file:
    exec(file.read(), {"__name__": "__main__"})

slot = sys.path[0]
from node.app import VERSION  # noqa: E402

sys.modules["device.loader"].forget_modules()
sys.path.insert(0, APPLICATION)
import device  # noqa: E402

del sys.path[0]
from device.incoming import PART, Incoming  # noqa: E402
from device.slots import Slots  # noqa: E402

assert device.__file__.startswith(APPLICATION)
slots = Slots()
assert slots.running == slot


class Application:
    """What it is told to do, by name."""

    def status(self):
        return {
            "version": VERSION,
            "proof": slots.proof(),
            "boot": slots.boot,
            "last": slots.last,
            "damaged": slots.damaged,
            "in_trial": slots.in_trial,
            "waits_for_retry": slots.waits_for_retry,
        }

    def receive(self, announcement):
        incoming = Incoming()
        first = incoming.begin(announcement, slots.room())
        for number in range(first, incoming.parts):
            assert incoming.write(number, memoryview(NEW)[number * PART : (number + 1) * PART])
        return slots.install(incoming, "pir", "1.26.1")

    def commit(self, tag):
        slots.commit(tag)

    def confirm(self):
        assert slots.confirm()

    def refuse(self, reason):
        slots.refuse(reason)

    def retry(self, reason):
        slots.retry(reason)

    def rearm(self):
        assert slots.rearm()

    def cut_at(self, operation, way):
        chip.operations, chip.dies_at, chip.way = 0, operation, way

    def operations(self):
        return chip.operations


application = Application()
while True:
    name, arguments = json.loads(sys.stdin.readline())
    print(json.dumps({"answer": getattr(application, name)(*arguments)}))
