"""The one door to the board's filesystem.

Everything that the slots, the loader and an arriving image do to flash goes through here, so that
a test can cut the power at any single operation. Nothing here knows what the files mean.

Paths are relative: the board's working directory is its flash root. Two facts of littlefs2 carry
the whole design (cut at every block operation and looked at afterwards): a rename over an existing
file leaves the old or the new one, never neither; what was not closed is not there after a reset.
"""

import json
import os

FOLDER = 0x4000  # the file type bits of st_mode
COPY_BYTES = 1024  # read or written at a time; littlefs has a cache of its own


class FlashFiles:
    """The files under `root`; "" is the working directory, anything else a folder of the host."""

    def __init__(self, root: str = "") -> None:
        self._root = root + "/" if root and not root.endswith("/") else root

    def open(self, name: str, mode: str):
        """Binary modes only; the caller closes it, with `with` wherever it can."""
        return open(self._root + name, mode)

    def rename(self, old: str, new: str) -> None:
        os.rename(self._root + old, self._root + new)

    def remove(self, name: str) -> None:
        os.remove(self._root + name)

    def make_folder(self, name: str) -> None:
        os.mkdir(self._root + name)

    def remove_folder(self, name: str) -> None:
        os.rmdir(self._root + name)

    def size(self, name: str) -> int:
        """Bytes in that file, -1 when there is no such file."""
        try:
            found = os.stat(self._root + name)
        except OSError:
            return -1
        return -1 if found[0] & FOLDER else found[6]

    def names(self, folder: str) -> list:
        """What lies in that folder, sorted; nothing when there is none."""
        try:
            return sorted(os.listdir(self._root + folder))
        except OSError:
            return []

    def is_folder(self, name: str) -> bool:
        try:
            return bool(os.stat(self._root + name)[0] & FOLDER)
        except OSError:
            return False

    def free(self) -> tuple:
        """(bytes free, bytes per block)."""
        found = os.statvfs(self._root or ".")
        return found[1] * found[4], found[0]

    # ---- made of the above

    def replace(self, name: str, content: bytes) -> None:
        """Write a small file so that a power cut leaves the old content or the new."""
        fresh = name + ".tmp"
        with self.open(fresh, "wb") as file:
            file.write(content)
        self.rename(fresh, name)

    def read(self, name: str, longest: int) -> bytes | None:
        """A small file's content; None when it is absent, unreadable or longer than that."""
        size = self.size(name)
        if not 0 <= size <= longest:
            return None
        try:
            with self.open(name, "rb") as file:
                return file.read(
                    size
                )  # a read without a size takes room as it goes, twice too much
        except OSError:
            return None

    def read_object(self, name: str, longest: int) -> dict | None:
        """A small JSON object, or None for whatever else is there."""
        content = self.read(name, longest)
        try:
            parsed = None if content is None else json.loads(content)
        except (ValueError, RuntimeError):  # RuntimeError: nested too deep for the parser
            return None
        return parsed if isinstance(parsed, dict) else None

    def replace_object(self, name: str, content: dict) -> None:
        self.replace(name, json.dumps(content).encode())

    def all_below(self, folder: str):
        """Names of all files below a folder, as they are opened, sorted within each folder."""
        for name in self.names(folder):
            path = folder + "/" + name
            if self.is_folder(path):
                yield from self.all_below(path)
            else:
                yield path

    def remove_all(self, folder: str) -> None:
        """Remove a folder and everything in it; nothing happens when there is none."""
        for name in self.names(folder):
            path = folder + "/" + name
            if self.is_folder(path):
                self.remove_all(path)
            else:
                self.remove(path)
        if self.is_folder(folder):
            self.remove_folder(folder)

    def space_of(self, folder: str) -> int:
        """Bytes of flash that removing the folder would give back, in whole blocks."""
        block = self.free()[1]
        return sum([in_blocks(self.size(path), block) for path in self.all_below(folder)])


def in_blocks(size: int, block: int) -> int:
    return (size + block - 1) // block * block
