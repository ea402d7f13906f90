"""An esp-image on its way in: its parts go straight to the partition that does not run.

Flash can be written once after it was erased, so the block of 4 KiB is erased when a part starts
it, and there is no buffer. How far it came is written down every 64 parts; after a restart it goes
on at the block that was noted last. What the partition held is over with the first part of
another image, and its record goes before.
"""

from device import forget
from device.esp_image import BLOCK, KIND, check_header
from device.image import ImageError
from device.incoming import LONGEST_RECORD, PART, RECORD, Incoming

PARTS_PER_NOTE = 64  # each note costs littlefs two blocks


class ImageIncoming(Incoming):
    def __init__(self, slots: object) -> None:
        Incoming.__init__(self, files=slots.files)
        self._slots = slots
        self._noted = 0

    def begin(self, announcement: dict, room: int = -1) -> int:
        """As `Incoming.begin`; `space` when the image is larger than the partition."""
        from device.arrival import record_of

        try:
            record = record_of(announcement, KIND)
        finally:
            record_of = None
            forget(("device.arrival",))
        record["slot"] = self._slots.other
        found = self._files.read_object(RECORD, LONGEST_RECORD) or {}
        size = record["size"] or (record["parts"] - 1) * PART + 1
        if size > self._slots.room():
            self._drop()
            raise ImageError(
                "space",
                "The image has {} bytes, the partition {}.".format(size, self._slots.room()),
            )
        try:
            if not all([found.get(key) == record[key] for key in record if key != "forced"]):
                self.discard()
                self._slots.clear_other()
                found = {}
            record["again"] = found.get("again")
            self._make_folder()
            self._record = record
            self.parts = record["parts"]
            noted = found.get("wanted")
            noted = noted if isinstance(noted, int) and 0 <= noted <= self.parts else 0
            self.wanted = noted if noted == self.parts else noted * PART // BLOCK * BLOCK // PART
            self._note()
        except OSError as error:
            raise ImageError("flash", "The image cannot be kept: {}.".format(error))
        return self.wanted

    def write(self, part_no: int, part: memoryview) -> bool:
        """As `Incoming.write`; the first part must be for this board's chip."""
        if part_no != self.wanted or part_no >= self.parts:
            return False
        if not self._has_length(part_no, len(part)):
            raise ImageError("size", "Part {} has {} bytes.".format(part_no, len(part)))
        if part_no == 0:
            check_header(part, self._slots.chip)
        try:
            partition = self._slots.partitions.other
            block, offset = part_no * PART // BLOCK, part_no * PART % BLOCK
            if offset == 0:
                partition.ioctl(6, block)
            partition.writeblocks(block, part, offset)
            self.wanted += 1
            if self.wanted - self._noted >= PARTS_PER_NOTE or self.wanted == self.parts:
                self._note()
        except OSError as error:
            self._drop()
            raise ImageError("flash", "Writing part {} failed: {}.".format(part_no, error))
        return True

    def close(self) -> None:
        """Write down how far it came."""
        if self._record and self._noted != self.wanted:
            self._note()

    def _note(self) -> None:
        self._record["wanted"] = self._noted = self.wanted
        self._files.replace_object(RECORD, self._record)
