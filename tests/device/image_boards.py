"""A board with OTA partitions as far as its flash goes: the chip, the bootloader, the shipped loader.

Runs on both Pythons. The application is played by the test; whatever decides what boots is shipped
code, or the fake bootloader that was held against the real one (tests/simulator).
"""

from device import boot_choice, image_boot
from device.image_incoming import ImageIncoming
from device.image_slots import ImageSlots
from device.partitions import Partitions
from device.slot_state import SlotState
from simulator.hardware.flash_chip import BLOCK, FlashChip, Partition, cleared
from tests.device import made_images as made
from tests.device.made_bundles import sha256
from tests.device.ram_flash import Flash

SIZE = 0x10000
TABLE = (
    ("otadata", 1, 0, 0xD000, 0x2000),
    ("ota_0", 0, 0x10, 0x10000, SIZE),
    ("ota_1", 0, 0x11, 0x20000, SIZE),
)
OLD = made.image("1.0.0")
NEW = made.image("1.1.0")
VERSIONS = {sha256(OLD): "1.0.0", sha256(NEW): "1.1.0"}


class ChipFlash(Flash):
    """Filesystem and partitions on one chip: each operation of either can be the last."""

    def __init__(self, table=TABLE):
        Flash.__init__(self)
        self.table = table
        self.partitions = {}
        for row in table:
            self.partitions[row[0]] = bytearray(b"\xff" * row[4])

    def copy(self):
        copied = ChipFlash(())
        copied.table = self.table
        copied.contents = dict(self.contents)
        copied.folders = set(self.folders)
        for label in self.partitions:
            copied.partitions[label] = bytearray(self.partitions[label])
        return copied

    # ---- what a FlashChip stands on

    def read(self, label, at, length):
        return bytes(memoryview(self.partitions[label])[at : at + length])

    def erase(self, label, at):
        self._change(label, at, b"\xff" * BLOCK)

    def write(self, label, at, content):
        self._change(label, at, cleared(self.read(label, at, len(content)), content))

    def _change(self, label, at, fresh):
        def put(length):
            self.partitions[label][at : at + length] = fresh[:length]

        self.changes(lambda: put(len(fresh)), lambda: put(len(fresh) // 2))


class Reset(Exception):
    """The loader resets the board."""


class ImageBoard:
    """`slots` and `incoming` are what the application of this boot has."""

    chip_name = "esp32"

    def __init__(self, flash=None, old_bootloader=False):
        self.flash = flash or ChipFlash()
        self.chip = FlashChip(self.flash, table=self.flash.table)
        self.old_bootloader = old_bootloader
        self.resets = 0
        self.now = 1000  # seconds
        self.slots = None

    def boot(self, cause="hard", after=600):
        """Every reset from here to an application that runs, so many seconds after the last one; answers its version."""
        self.now += after
        for _ in range(12):
            if self.old_bootloader:
                self._boot_without_trials()
            else:
                self.chip.boot()
            try:
                return self._load(cause)
            except Reset:
                self.resets += 1
                cause = "hard"
        raise AssertionError("the board resets for ever")

    def _boot_without_trials(self):
        sector = self.chip._active()
        self.chip.running = "ota_0"
        if sector is not None:
            self.chip.running = ("ota_0", "ota_1")[(self.chip._notes()[sector][0] - 1) % 2]

    def _load(self, cause):
        def reset():
            raise Reset

        partitions = self.partitions()
        state = SlotState(self.flash.files())
        image_boot.settle(state, cause, partitions, reset)
        boot_choice.pick(state, cause, True, self.now, in_image=True)
        self.slots = ImageSlots(partitions, self.chip_name, SlotState(self.flash.files()), None)
        self.version = VERSIONS.get(self.slots.proof(), "?")
        self.slots._own = {"node_type": "pir", "version": self.version}
        self.slots.record_own()
        self.incoming = ImageIncoming(self.slots)
        return self.version

    def partitions(self):
        other = "ota_1" if self.chip.running == "ota_0" else "ota_0"
        row = [Partition(self.chip, label) for label in (self.chip.running, other, "otadata")]
        return Partitions(row[0], row[1], row[2], 2)

    def crash(self, reason="ValueError: no", imported=True, ran=60):
        """The application raised: what the loader does before it resets."""
        state = SlotState(self.flash.files())
        boot_choice.note_crash(state, reason, imported, ran, in_image=True)
        self.partitions().go_back()
        image_boot.give_way(state, self.partitions(), reason, ran)

    def receive(self, content, **changes):
        made.arrive(self.incoming, content, **changes)
        return self.slots.install(self.incoming, "pir")

    def update(self, content, tag="tag-1", **changes):
        """Everything up to the restart."""
        self.receive(content, **changes)
        self.slots.commit(tag)


def in_service(**kind):
    """A board that was flashed by cable and runs OLD."""
    board = ImageBoard(**kind)
    board.flash.partitions["ota_0"][: len(OLD)] = OLD
    assert board.boot("power_on") == "1.0.0"
    return board


def updated(**kind):
    """A board that runs NEW, confirmed, and has OLD in the other partition."""
    board = in_service(**kind)
    board.update(NEW)
    assert board.boot() == "1.1.0"
    assert board.slots.confirm()
    return board
