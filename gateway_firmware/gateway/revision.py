"""The highest revision of the pending list that this gateway ever saw, kept over restarts.

Home Assistant restored from an old backup counts from a lower one; this is how it finds out before old
jobs downgrade the house (docs/gateway-api.md §5).
"""

from device.flash_files import FlashFiles

FILE = "revision.json"
LONGEST_FILE = 64
WRITE_GAP = 60_000_000  # us; flash wears, and a minute lost to a power cut does no harm


class HighestRevision:
    def __init__(self, files: FlashFiles) -> None:
        self._files = files
        self._written_at = None
        kept = (files.read_object(FILE, LONGEST_FILE) or {}).get("highest")
        self.value = self._written = kept if isinstance(kept, int) else 0

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
            self._files.replace_object(FILE, {"highest": self.value})
        except OSError as error:
            print("The flash takes no more:", error)
