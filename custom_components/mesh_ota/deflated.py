"""The bundles of the library once more, deflated for the mesh: files beside the images, which can all be made anew.

What is on the disk stays as it is while it is right, since a node in the middle of one must get the rest of the same.
Everything here but `size` and `path` blocks: it runs in the executor. A disk that does not take one costs nothing but air.
"""

import contextlib
import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from .const import APP_BUNDLE
from .firmware.deflate import deflated, inflated
from .firmware.record import Firmware

_NAME = re.compile(r"([0-9a-f]{64})\.deflated")


class DeflatedImages:
    """By the SHA-256 of the image."""

    def __init__(self, folder: Path) -> None:
        """Knows of none until `look`."""
        self._folder = folder
        self._sizes: dict[str, int] = {}

    def size(self, sha256: str) -> int:
        """Return how many bytes it has; 0 where there is none."""
        return self._sizes.get(sha256, 0)

    def path(self, sha256: str) -> Path:
        """Return where it lies."""
        return self._folder / f"{sha256}.deflated"

    def look(self, rows: Iterable[Firmware]) -> None:
        """Find those that are there, and sweep what belongs to no row."""
        wanted, found = {row.sha256 for row in rows}, {}
        for path in self._folder.glob("*.deflated"):
            name = _NAME.fullmatch(path.name)
            if name and name[1] in wanted:
                found[name[1]] = path.stat().st_size
            else:
                path.unlink(missing_ok=True)
        self._sizes = found

    def make(self, row: Firmware) -> None:
        """Make that of a new image, where it is worth it."""
        if row.kind == APP_BUNDLE and not self.size(row.sha256):
            self._write(row.sha256, (self._folder / f"{row.sha256}.bin").read_bytes())

    def check(self, rows: Iterable[Firmware]) -> None:
        """Make those anew that are missing or damaged."""
        for row in rows:
            with contextlib.suppress(
                OSError
            ):  # what cannot be read now is looked at after the next start
                if row.kind == APP_BUNDLE and not self._right(row.sha256):
                    self.remove(row.sha256)
                    self.make(row)

    def remove(self, sha256: str) -> None:
        """Forget that of an image that has gone."""
        self._sizes.pop(sha256, None)
        self.path(sha256).unlink(missing_ok=True)

    def _right(self, sha256: str) -> bool:
        if not self.size(sha256) or not self.path(sha256).is_file():
            return False
        image = inflated(self.path(sha256).read_bytes())
        return image is not None and hashlib.sha256(image).hexdigest() == sha256

    def _write(self, sha256: str, image: bytes) -> None:
        packed = deflated(image)
        if packed is None:
            return
        part = self._folder / f"{uuid4().hex}.part"
        try:
            with part.open("wb") as file:
                file.write(packed)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path(sha256))
        except OSError:
            part.unlink(missing_ok=True)  # the image itself is there: it goes over as it is
            return
        self._sizes[sha256] = len(packed)
