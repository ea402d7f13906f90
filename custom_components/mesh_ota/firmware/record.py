"""Firmware, the row of one stored image, and how versions are ordered; where its bytes lie is the library's matter."""

import re
from dataclasses import asdict, dataclass
from typing import Any

from ..const import HARDWARE_MICROPYTHON, MICROPYTHON, PART_SIZE


@dataclass(frozen=True, kw_only=True, slots=True)
class Firmware:
    """One image of the library, with the field names of the HTTP API."""

    id: int
    node_type: str
    version: str
    hardware: str
    filename: str
    size_bytes: int
    md5_hash: str
    sha256: str
    kind: str
    runtime: str
    chip: str | None
    proof: str
    release_notes: str
    is_stable: bool
    created_at: str

    @property
    def num_parts(self) -> int:
        """How many parts of 1024 bytes it has; the last may be shorter."""
        return -(-self.size_bytes // PART_SIZE)

    @property
    def announced_hardware(self) -> str:
        """What the mesh hears: everything that runs MicroPython is kept apart from what stock nodes take."""
        return HARDWARE_MICROPYTHON if self.runtime == MICROPYTHON else self.hardware

    def as_dict(self) -> dict[str, Any]:
        """Return the row as the store and the HTTP API write it."""
        return asdict(self)


def version_key(version: str) -> tuple[tuple[int, int, str], ...]:
    """Order versions as people do: 1.10.0 after 1.9.0, 1.2.0-rc1 before 1.2.0, build notes after `+` not at all."""
    words = re.findall(r"\d+|[a-z]+", version.lower().partition("+")[0].removeprefix("v"))
    # Numbers beat the end of the version, the end beats words: 1.2.0.1 > 1.2.0 > 1.2.0-rc1.
    ordered = [(2, int(word), "") if word.isdigit() else (0, 0, word) for word in words]
    return (*ordered, (1, 0, ""))
