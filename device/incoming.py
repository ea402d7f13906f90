"""An image on its way in: 16 KiB segment files under `incoming/`, and a record of what it will be.

Parts are appended in order to the open segment; closing it makes it real (littlefs shows nothing of
a file that was not closed), so a power cut costs at most one segment, and an arriving image never
rewrites what it wrote. A hash cannot be carried over a restart: when all parts are there, MD5 and
SHA-256 are computed by reading everything back from flash, which also proves that it can be read.
How it begins is `arrival`'s business, parts that come early are `early_parts`'.
"""

import hashlib

from device import forget
from device.flash_files import FlashFiles
from device.image import ImageError, hex_of

FOLDER = "incoming"
RECORD = FOLDER + "/record.json"
INFLATED = FOLDER + "/image"  # what a deflated image makes, while it is checked
LONGEST_RECORD = 1024
PART = 1024  # bytes of a painlessMesh part
PARTS_PER_SEGMENT = 16
SEGMENT = PART * PARTS_PER_SEGMENT
KIND = "app-bundle"
GAPS = "-"  # after the name of a segment that has some
SAME = ("md5", "sha256", "size", "parts", "deflate")  # what must be equal for a transfer to go on


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
        """What the announcement said: md5, parts, forced, and size, sha256, version, role, deflate if there; `again`
        once it was kept for a check after a restart."""
        return self._record

    def begin(self, announcement: dict, room: int = -1) -> int:
        """Get ready for the announced image; answers the first part to ask for.

        The same image (by MD5, size and SHA-256) goes on where it stopped, whatever else was
        arriving is dropped. `room` is what `Slots.room` says, by default what is free now.
        Raises ImageError with the code `kind`, `size` or `space`; nothing is kept then.
        """
        from device import arrival  # 4 KB of heap, for this moment

        self.close()
        wanted_record = arrival.record_of(announcement)
        found = self._files.read_object(RECORD, LONGEST_RECORD) or {}
        try:
            if all([found.get(key) == wanted_record[key] for key in SAME]):
                self._gaps = None
                wanted_record["again"] = found.get("again")
                self.wanted = arrival.parts_there(self._files, wanted_record)
            else:
                self.discard()
                arrival.check_room(self._files, wanted_record, room)
            if found != wanted_record:
                self._make_folder()
                self._files.replace_object(RECORD, wanted_record)
        except OSError as error:
            raise ImageError("flash", "The image cannot be kept: {}.".format(error))
        finally:
            arrival = None
            forget(("device.arrival",))
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
            self._drop()
            raise ImageError("flash", "Writing part {} failed: {}.".format(part_no, error))
        return True

    def _drop(self) -> None:
        """Discard what cannot be kept; a flash that does not even let go of it is told of all the same."""
        try:
            self.discard()
        except OSError:
            pass  # the next image removes it

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

    def once_more(self) -> bool:
        """Whether this is the first time that the image could not be checked; written down. Raises OSError."""
        if not self._record or self._record.get("again"):
            return False
        self._record["again"] = True
        self._files.replace_object(RECORD, self._record)
        return True

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

    def inflating(self, buffer: bytearray):
        """Make the image of one that came deflated, before `reader`: a generator that yields after each buffer.

        Once, into a file of its own, and not again for each reading: later there is other code in the heap.
        Raises ImageError, OSError.
        """
        if not self._record.get("deflate"):
            return
        from device import inflate

        self.close()
        window = memoryview(buffer)
        source = inflate.GroupReader(SegmentReader(self._files), self._record["size"])
        try:
            with self._files.open(INFLATED, "wb") as file:
                length = source.readinto(window)
                while length:
                    file.write(window[:length])
                    yield
                    length = source.readinto(window)
        finally:
            source.close()
            source = inflate = None
            forget(("device.inflate",))

    def reader(self) -> object:
        """The image from flash, as a source for BundleReader. Close it."""
        self.close()
        if self._record.get("deflate"):
            return self._files.open(INFLATED, "rb")
        return SegmentReader(self._files)

    def digests(self) -> tuple:
        """(MD5, SHA-256) of what is in flash, in hex."""
        found, buffer = [], bytearray(PART)
        for _ in self.inflating(buffer):
            pass
        for _ in self.hashing(buffer, found):
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
        size = self._record.get("deflate") or self._record["size"]
        return 0 < length <= PART if size is None else length == size - PART * part_no

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
        while self._open():
            length = self._file.readinto(window)
            if length:
                return length
            self.close()
        return 0

    def read(self, length: int) -> bytes:
        """So many bytes; fewer at the end."""
        found = b""
        while len(found) < length and self._open():
            more = self._file.read(length - len(found))
            found = found + more if found else more
            if not more:
                self.close()
        return found

    def _open(self) -> bool:
        """Whether a segment is open, or there is one more to open."""
        if self._file is None:
            name = segment_name(self._next)
            if self._files.size(name) < 0:
                return False
            self._file = self._files.open(name, "rb")
            self._next += 1
        return True

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def segment_name(number: int) -> str:
    return "{}/{:03d}".format(FOLDER, number)
