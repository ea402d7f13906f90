"""A flash chip with two application partitions, and what the ESP32's bootloader does with it.

Runs on both Pythons: the fake `esp32` and the simulator's bootloader stand on it, and tests that cut
the power do so below it, in the storage. It does what was measured on the real firmware with the
real bootloader (ESP32_GENERIC v1.23.0, variant OTA), and no more. A storage has
`read(label, at, length) -> bytes`, `erase(label, at)` of one block to ones, and `write(label, at, content)`,
which can only turn ones into zeros.
"""

import hashlib
import struct
from binascii import crc32

BLOCK = 4096
# (label, type, subtype, address, size): partitions-4MiB-ota.csv of ports/esp32
OTA_TABLE = (
    ("nvs", 1, 2, 0x9000, 0x4000),
    ("otadata", 1, 0, 0xD000, 0x2000),
    ("phy_init", 1, 1, 0xF000, 0x1000),
    ("ota_0", 0, 0x10, 0x10000, 0x180000),
    ("ota_1", 0, 0x11, 0x190000, 0x180000),
)
SLOTS = ("ota_0", "ota_1")
NOTE = "<L20sLL"
ONES = 0xFFFFFFFF
NEW, PENDING_VERIFY, VALID, INVALID, ABORTED = 0, 1, 2, 3, 4
VALIDATE_FAILED = (-5379, "ESP_ERR_OTA_VALIDATE_FAILED")


class FlashChip:
    """`running` is the label of the partition that was booted."""

    def __init__(self, storage: object, running: str = "ota_0", table: tuple = OTA_TABLE) -> None:
        self.storage = storage
        self.running = running
        self.table = table

    # ---- the bootloader

    def boot(self) -> str:
        """What happens at every reset that is not a soft one; answers the partition that runs now."""
        for sector, note in enumerate(self._notes()):
            if note is not None and note[1] == PENDING_VERIFY:
                self._write_note(sector, note[0], ABORTED)
        sector = self._active()
        self.running = SLOTS[0]
        if sector is not None:
            number, state = self._notes()[sector]
            self.running = SLOTS[(number - 1) % len(SLOTS)]
            if state == NEW:
                self._write_note(sector, number, PENDING_VERIFY)
        if not self.holds_image(self.running):
            self.running = SLOTS[1 - SLOTS.index(self.running)]
        return self.running

    # ---- what esp-idf does for esp32.Partition

    def set_boot(self, label: str) -> None:
        if not self.holds_image(label):
            raise OSError(*VALIDATE_FAILED)
        active = self._active()
        number, sector = SLOTS.index(label) + 1, 0
        if active is not None:
            sector = 1 - active
            while number < self._notes()[active][0]:
                number += len(SLOTS)
        self._write_note(sector, number, NEW)

    def mark_valid(self) -> None:
        active = self._active()
        if active is None:
            raise OSError(-1, "ESP_FAIL")
        number, state = self._notes()[active]
        if state != VALID:
            self._write_note(active, number, VALID)

    def state(self, label: str) -> int | None:
        """What the newest note about a slot says, None where there is none."""
        about = [
            note for note in self._notes() if note and SLOTS[(note[0] - 1) % len(SLOTS)] == label
        ]
        return max(about)[1] if about else None

    def holds_image(self, label: str) -> bool:
        """Whether that partition holds an image with every byte in place."""
        return image_length(lambda at, length: self.storage.read(label, at, length)) > 0

    def row(self, label: str) -> tuple:
        for row in self.table:
            if row[0] == label:
                return row
        raise OSError(2)

    # ---- otadata: one note in each of two sectors

    def _notes(self) -> list:
        """(sequence number, state) of each sector, None where it is erased or torn."""
        notes = []
        for sector in (0, 1):
            raw = self.storage.read("otadata", sector * BLOCK, 32)
            number, _label, state, crc = struct.unpack(NOTE, raw)
            good = number != ONES and crc == crc32(raw[:4], ONES)
            notes.append((number, state) if good else None)
        return notes

    def _active(self) -> int | None:
        bootable = []
        for sector, note in enumerate(self._notes()):
            if note is not None and note[1] not in (INVALID, ABORTED):
                bootable.append((note[0], -sector))
        return -max(bootable)[1] if bootable else None

    def _write_note(self, sector: int, number: int, state: int) -> None:
        raw = struct.pack("<L", number)
        self.storage.erase("otadata", sector * BLOCK)
        note = struct.pack(NOTE, number, b"\xff" * 20, state, crc32(raw, ONES))
        self.storage.write("otadata", sector * BLOCK, note)


class Partition:
    """`esp32.Partition` on a chip, without its constructor and class methods."""

    TYPE_APP = 0
    TYPE_DATA = 1
    BOOT = 0
    RUNNING = 1

    def __init__(self, chip: FlashChip, label: str) -> None:
        self.chip = chip
        self._row = chip.row(label)

    def info(self) -> tuple:
        label, kind, subtype, address, size = self._row
        return kind, subtype, address, size, label, False

    def readblocks(self, number: int, buffer: bytearray, offset: int = 0) -> None:
        at = self._at(number, offset, len(buffer))
        buffer[:] = self.chip.storage.read(self._row[0], at, len(buffer))

    def writeblocks(self, number: int, buffer: bytes, offset: "int | None" = None) -> None:
        at = self._at(number, offset or 0, len(buffer))
        if offset is None:
            if len(buffer) % BLOCK:
                raise OSError(-260, "ESP_ERR_INVALID_SIZE")
            for block in range(at, at + len(buffer), BLOCK):
                self.chip.storage.erase(self._row[0], block)
        self.chip.storage.write(self._row[0], at, bytes(buffer))

    def ioctl(self, operation: int, argument: int = 0) -> "int | None":
        if operation == 4:
            return self._row[4] // BLOCK
        if operation == 5:
            return BLOCK
        if operation == 6:
            self.chip.storage.erase(self._row[0], self._at(argument, 0, BLOCK))
            return 0
        return None

    def set_boot(self) -> None:
        self.chip.set_boot(self._row[0])

    def get_next_update(self) -> "Partition":
        other = SLOTS[1 - SLOTS.index(self.chip.running)]
        return Partition(self.chip, other)

    def mark_app_valid_cancel_rollback(self) -> None:
        self.chip.mark_valid()

    def _at(self, number: int, offset: int, length: int) -> int:
        at = number * BLOCK + offset
        if not 0 <= at <= self._row[4] - length:
            raise OSError(-258, "ESP_ERR_INVALID_ARG")
        return at


class FileStorage:
    """Partitions as files of a folder, each as long as its partition; a missing one is erased."""

    def __init__(self, folder: str, table: tuple = OTA_TABLE) -> None:
        self._folder = folder
        self._table = table

    def read(self, label: str, at: int, length: int) -> bytes:
        with self._open(label) as file:
            file.seek(at)
            return file.read(length)

    def erase(self, label: str, at: int) -> None:
        with self._open(label) as file:
            file.seek(at)
            for _ in range(BLOCK // 256):  # in pieces: a board's heap is full of holes
                file.write(b"\xff" * 256)

    def write(self, label: str, at: int, content: bytes) -> None:
        with self._open(label) as file:
            file.seek(at)
            written = cleared(file.read(len(content)), content)
            file.seek(at)
            file.write(written)

    def _open(self, label: str) -> object:
        path = self._folder + "/" + label
        try:
            return open(path, "r+b")
        except OSError:
            size = next(row[4] for row in self._table if row[0] == label)
            with open(path, "wb") as file:
                for _ in range(size // BLOCK):
                    file.write(b"\xff" * BLOCK)
            return open(path, "r+b")


def cleared(there: bytes, content: bytes) -> bytes:
    """What flash holds after writing: a bit that is zero stays so until its block is erased."""
    both = int.from_bytes(there, "little") & int.from_bytes(content, "little")
    return both.to_bytes(len(content), "little")


def image_length(read: object) -> int:
    """Bytes of the ESP32 image that `read(at, length)` reads, 0 unless all of it is in place:
    header, segments, checksum and digest, as esp_image_verify looks at them."""
    header = read(0, 24)
    if header[0] != 0xE9 or not 0 < header[1] <= 16 or header[23] != 1:
        return 0
    digest, checksum, at = hashlib.sha256(header), 0xEF, 24
    for _ in range(header[1]):
        head = read(at, 8)
        if len(head) < 8:
            return 0
        digest.update(head)
        at += 8
        length = struct.unpack("<L", head[4:])[0]
        while length:
            piece = read(at, min(1024, length))
            if not piece:
                return 0
            digest.update(piece)
            checksum ^= folded(piece)
            at += len(piece)
            length -= len(piece)
    padding = read(at, 16 - at % 16)
    digest.update(padding)
    at += len(padding)
    good = padding[-1:] == bytes([checksum]) and read(at, 32) == digest.digest()
    return at + 32 if good else 0


def folded(piece: bytes) -> int:
    """All bytes by exclusive or."""
    number, size = int.from_bytes(piece, "little"), 1
    while size < len(piece):
        size *= 2
    while size > 1:
        size //= 2
        number = (number >> (8 * size)) ^ (number & ((1 << (8 * size)) - 1))
    return number
