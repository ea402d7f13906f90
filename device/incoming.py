"""An image on its way in: 16 KiB segment files under `incoming/`, and a record of what it will be.

Parts are appended in order to the open segment; closing it makes it real (littlefs shows nothing of
a file that was not closed), so a power cut costs at most one segment, and an arriving image never
rewrites what it wrote. Parts that come early are the business of `early_parts`. A hash cannot be carried over a restart: when all parts are there, MD5 and
SHA-256 are computed by reading everything back from flash, which also proves that it can be read.
"""

import hashlib

from device.flash_files import FlashFiles, in_blocks
from device.image import HEX, LARGEST, ImageError, hex_of, is_word

FOLDER = "incoming"
RECORD = FOLDER + "/record.json"
LONGEST_RECORD = 1024
PART = 1024  # bytes of a painlessMesh part
PARTS_PER_SEGMENT = 16
SEGMENT = PART * PARTS_PER_SEGMENT
MOST_PARTS = LARGEST // PART
IMAGE_PARTS = 16384  # of an esp-image, docs/mesh-protocol.md §2
KIND = "app-bundle"
GAPS = "-"  # after the name of a segment that has some
RESERVE = 32768  # bytes left free for state files, folders and littlefs itself


class Incoming:
    """The one image that is arriving. `wanted` is the next part, `parts` their number."""

    def __init__(self, root_path: str = "", files: FlashFiles | None = None) -> None:
        self._files = files or FlashFiles(root_path)
        self._file = None
        self._record = {}
        self._gaps = None  # EarlyParts, while there are any
        self.wanted = 0
        self.parts = 0

    @property
    def complete(self) -> bool:
        return 0 < self.parts == self.wanted

    @property
    def announced(self) -> dict:
        """What the announcement said: md5, parts, forced, and size, sha256, version, role if there."""
        return self._record

    def begin(self, announcement: dict, room: int = -1) -> int:
        """Get ready for the announced image; answers the first part to ask for.

        The same image (by MD5, size and SHA-256) goes on where it stopped, whatever else was
        arriving is dropped. `room` is what `Slots.room` says, by default what is free now.
        Raises ImageError with the code `kind`, `size` or `space`; nothing is kept then.
        """
        self.close()
        wanted_record = record_of(announcement)
        found = self._files.read_object(RECORD, LONGEST_RECORD) or {}
        try:
            if all(
                [found.get(key) == wanted_record[key] for key in ("md5", "sha256", "size", "parts")]
            ):
                self._find_what_is_there(wanted_record["parts"])
            else:
                self.discard()
                self._check_room(wanted_record, room)
            if found != wanted_record:
                self._make_folder()
                self._files.replace_object(RECORD, wanted_record)
        except OSError as error:
            raise ImageError("flash", "The image cannot be kept: {}.".format(error))
        self._record = wanted_record
        self.parts = wanted_record["parts"]
        return self.wanted

    def write(self, part_no: int, part: memoryview) -> bool:
        """Keep the wanted part or one soon after it; False for any other, which changes nothing.

        Raises ImageError: `size` for a part of the wrong length, `flash` when writing failed.
        """
        gaps = self._gaps
        if not self.wanted <= part_no < self.parts:
            return False
        if gaps is None and part_no != self.wanted:
            gaps = self._begin_gaps()
        if gaps is not None and not gaps.new(part_no):
            return False
        if not self._has_length(part_no, len(part)):
            raise ImageError("size", "Part {} has {} bytes.".format(part_no, len(part)))
        try:
            if gaps is None:
                self._append(part_no, part)
            else:
                gaps.keep(self._files, part_no, part)
                self._gaps = None if gaps.over and gaps.close() is None else gaps
        except OSError as error:
            self.discard()
            raise ImageError("flash", "Writing part {} failed: {}.".format(part_no, error))
        return True

    def _append(self, part_no: int, part: memoryview) -> None:
        if self._file is None:
            self._file = self._files.open(segment_name(part_no // PARTS_PER_SEGMENT), "ab")
        self._file.write(part)
        self.wanted += 1
        if self.wanted % PARTS_PER_SEGMENT == 0 or self.wanted == self.parts:
            self.close()

    def _begin_gaps(self) -> object:
        from device.early_parts import EarlyParts

        self.close()
        return EarlyParts(self)

    def close(self) -> None:
        """Make what was written so far survive a restart, but for segments with gaps."""
        if self._gaps is not None:
            self._gaps.close()
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def discard(self) -> None:
        """Remove everything of the image. The record goes first: without it nothing is resumed."""
        try:
            self.close()
        except OSError:
            pass  # it is removed below
        self._gaps = None
        self._record = {}
        self.wanted = self.parts = 0
        if self._files.size(RECORD) >= 0:
            self._files.remove(RECORD)
        for name in self._files.names(FOLDER):
            self._files.remove(FOLDER + "/" + name)

    def reader(self) -> "SegmentReader":
        """The image from flash, as a source for BundleReader. Close it."""
        self.close()
        return SegmentReader(self._files)

    def digests(self) -> tuple:
        """(MD5, SHA-256) of what is in flash, in hex."""
        found = []
        for _ in self.hashing(bytearray(PART), found):
            pass
        return found[0], found[1]

    def hashing(self, buffer: bytearray, found: list):
        """The same in steps: a generator that yields after each buffer and ends by putting MD5,
        SHA-256 and the number of bytes into `found`."""
        md5, sha256 = hashlib.md5(), hashlib.sha256()
        total = 0
        window = memoryview(buffer)
        source = self.reader()
        try:
            length = source.readinto(window)
            while length:
                md5.update(window[:length])
                sha256.update(window[:length])
                total += length
                yield
                length = source.readinto(window)
        finally:
            source.close()
        found.extend((hex_of(md5), hex_of(sha256), total))

    def _has_length(self, part_no: int, length: int) -> bool:
        if part_no < self.parts - 1:
            return length == PART
        size = self._record["size"]
        return 0 < length <= PART if size is None else length == size - PART * part_no

    def _find_what_is_there(self, parts: int) -> None:
        """Count the whole parts that lie in an unbroken row of segments; drop what has gaps."""
        self.wanted = 0
        self._gaps = None
        for name in self._files.names(FOLDER):
            if name.endswith(GAPS):
                self._files.remove(FOLDER + "/" + name)
        unbroken = True
        for number in range((parts + PARTS_PER_SEGMENT - 1) // PARTS_PER_SEGMENT):
            size = self._files.size(segment_name(number))
            due = min(PARTS_PER_SEGMENT, parts - number * PARTS_PER_SEGMENT)
            last = number * PARTS_PER_SEGMENT + due == parts
            there = self._whole_parts(size, due, last) if unbroken or size < 0 else None
            if there is None:
                self._files.remove(segment_name(number))
                there = 0
            self.wanted += there
            unbroken = unbroken and there == due

    def _whole_parts(self, size: int, due: int, is_last: bool) -> int | None:
        """Parts in a segment file of that size, None when a part in it is torn."""
        if size < 0:
            return 0
        if is_last and (due - 1) * PART < size <= due * PART:
            return due
        return size // PART if size % PART == 0 and size <= due * PART else None

    def _check_room(self, record: dict, room: int) -> None:
        """Room for the segments and, twice its size for whole blocks, the slot it becomes."""
        free, block = self._files.free()
        size = record["size"] or record["parts"] * PART
        segments = in_blocks(size, SEGMENT) // SEGMENT * (SEGMENT + block)  # littlefs adds pointers
        need = segments + 2 * size + RESERVE
        room = free if room < 0 else room
        if need > room:
            raise ImageError(
                "space", "The image needs {} bytes of flash, {} are free.".format(need, room)
            )

    def _make_folder(self) -> None:
        if not self._files.is_folder(FOLDER):
            self._files.make_folder(FOLDER)


class SegmentReader:
    """The segments one after the other."""

    def __init__(self, files: FlashFiles) -> None:
        self._files = files
        self._file = None
        self._next = 0

    def readinto(self, window: memoryview) -> int:
        while True:
            if self._file is None:
                name = segment_name(self._next)
                if self._files.size(name) < 0:
                    return 0
                self._file = self._files.open(name, "rb")
                self._next += 1
            length = self._file.readinto(window)
            if length:
                return length
            self.close()

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def record_of(announcement: dict, kind: str = KIND) -> dict:
    """What is kept of an announcement (keys of the wire). Raises ImageError.

    A plain level 0 announcement has no size, SHA-256, kind or version: they are None then.
    """
    md5, parts = announcement.get("md5"), announcement.get("noPart")
    size, sha256 = announcement.get("size"), announcement.get("sha256")
    if announcement.get("kind", kind) != kind:
        raise ImageError("kind", "This board takes no such image here, but an {}.".format(kind))
    if not is_hex(md5, 32) or not (sha256 is None or is_hex(sha256, 64)):
        raise ImageError("size", "The announcement has no valid hash.")
    most = MOST_PARTS if kind == KIND else IMAGE_PARTS
    if not isinstance(parts, int) or not 0 < parts <= most:
        raise ImageError("size", "An image has 1 to {} parts.".format(most))
    if size is not None and (not isinstance(size, int) or (size + PART - 1) // PART != parts):
        raise ImageError("size", "Size and number of parts do not fit together.")
    return {
        "md5": md5,
        "sha256": sha256,
        "size": size,
        "parts": parts,
        "version": announcement.get("version"),
        "role": announcement.get("role"),
        "forced": announcement.get("forced") is True,
    }


def is_hex(value: object, length: int) -> bool:
    return isinstance(value, str) and len(value) == length and is_word(value, length, HEX)


def segment_name(number: int) -> str:
    return "{}/{:03d}".format(FOLDER, number)
