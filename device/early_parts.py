"""Parts of an image that come before the one wanted: kept in segments with gaps, under another name.

Loaded when the first such part arrives and let go with the last gap, for most transfers have none.
A restart forgets segments with gaps; all others are as `incoming` keeps them.
"""

from device.incoming import GAPS, PART, PARTS_PER_SEGMENT, segment_name

EARLY = 64  # parts beyond the wanted one that may come before it


class EarlyParts:
    def __init__(self, incoming: object) -> None:
        self._incoming = incoming
        self._early = []  # parts beyond the wanted one that are there
        self._held = {}  # segment with gaps: parts in it
        self._file = None
        self._open = ""  # name of the segment in `_file`

    @property
    def over(self) -> bool:
        return not self._early and not self._held

    def new(self, part_no: int) -> bool:
        return part_no <= self._incoming.wanted + EARLY and part_no not in self._early

    def keep(self, files: object, part_no: int, part: memoryview) -> None:
        """Raises OSError. Moves `wanted` on."""
        number, at = part_no // PARTS_PER_SEGMENT, part_no % PARTS_PER_SEGMENT
        incoming = self._incoming
        in_order = part_no == incoming.wanted and number not in self._held
        name = segment_name(number) + ("" if in_order else GAPS)
        if not in_order and number not in self._held:
            self._begin(files, number, name)
        file = self._segment(files, name, "ab" if in_order else "r+b")
        if not in_order:
            file.seek(at * PART)
        file.write(part)
        self._count(files, number, name, in_order, at)
        self._early.append(part_no)
        while incoming.wanted in self._early:
            self._early.remove(incoming.wanted)
            incoming.wanted += 1

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _begin(self, files: object, number: int, name: str) -> None:
        self.close()
        self._held[number] = max(0, self._incoming.wanted - number * PARTS_PER_SEGMENT)
        if self._held[number]:
            files.rename(segment_name(number), name)
        else:
            with files.open(name, "wb"):
                pass

    def _segment(self, files: object, name: str, mode: str):
        if self._open != name or self._file is None:
            self.close()
            self._file, self._open = files.open(name, mode), name
        return self._file

    def _count(self, files: object, number: int, name: str, in_order: bool, at: int) -> None:
        """A segment that is whole is closed, and bears its own name."""
        parts = min(PARTS_PER_SEGMENT, self._incoming.parts - number * PARTS_PER_SEGMENT)
        if in_order:
            if at + 1 == parts:
                self.close()
            return
        self._held[number] += 1
        if self._held[number] == parts:
            self.close()
            files.rename(name, segment_name(number))
            self._held.pop(number)
