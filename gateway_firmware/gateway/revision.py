"""The highest revision of the pending list that this gateway ever saw, kept over restarts.

Home Assistant restored from an old backup counts from a lower one; this is how it finds out before old
jobs downgrade the house (docs/gateway-api.md §5).
"""

import os

FILE = "revision"
LONGEST = 15  # digits
WRITE_GAP = 60_000_000  # us; flash wears, and a minute lost to a power cut does no harm


class HighestRevision:
    """`root` is the flash root with a slash, or "" for the working directory."""

    def __init__(self, root: str = "") -> None:
        self._path = root + FILE
        self._written_at = None
        self.value = self._written = _read(self._path)

    def saw(self, revision: int) -> None:
        self.value = max(self.value, revision)

    def tick(self, now: int) -> None:
        """Write what is new, not too often. A full or broken flash is no reason to stop."""
        recent = self._written_at is not None and now - self._written_at < WRITE_GAP
        if self.value == self._written or recent:
            return
        self._written_at = now
        self._written = self.value
        try:
            with open(self._path + ".tmp", "w") as file:
                file.write(str(self.value))
            os.rename(self._path + ".tmp", self._path)
        except OSError as error:
            print("The flash takes no more:", error)


def _read(path: str) -> int:
    try:
        with open(path) as file:
            return int(file.read(LONGEST))
    except (OSError, ValueError):
        return 0  # never written, or damaged: Home Assistant has the truth
