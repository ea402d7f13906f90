"""The flash of a board as it is put into service by cable: factory loader, and firmware in slot a.

The slot is filled and judged by the code that runs on the board. `config.json` is not written here:
it is the board's own.
"""

import hashlib
import io
from pathlib import Path

from device import installer
from device.flash_files import FlashFiles
from device.slots import Slots
from scripts.firmware import bundle as bundles, compiler, sources

SLOT = "a"


class Archive:
    """A bundle in memory, where the board has one in segments."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def reader(self) -> io.BytesIO:
        """A fresh stream over the whole of it."""
        return io.BytesIO(self._content)


def write(folder: Path, bundle: bytes, *, compile_modules: bool = True) -> str:
    """Fill an empty flash folder so that it boots this bundle; answers the proof."""
    folder.mkdir(parents=True, exist_ok=True)
    described = bundles.check(bundle)
    for name, content in factory_files(described, compile_modules=compile_modules).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    files = FlashFiles(str(folder))
    folders = installer.folders_of(described["files"])
    for _ in installer.unpacking(files, SLOT, Archive(bundle), folders, bytearray(4096)):
        pass
    return Slots(files=files).adopt(SLOT, hashlib.md5(bundle, usedforsecurity=False).hexdigest())


def factory_files(described: dict[str, object], *, compile_modules: bool) -> dict[str, bytes]:
    """`boot.py`, `main.py` and `lib/device`, by their path on the board."""
    firmware = (
        "gateway" if any(name.startswith("gateway/") for name in described["files"]) else "node"
    )
    found = sources.of_factory()
    if compile_modules:
        found = compiler.compiled(found)
    files = {f"lib/{name}": content for name, content in found.items()}
    for name in ("boot.py", "main.py"):
        files[name] = (sources.REPOSITORY / sources.FIRMWARE[firmware] / name).read_bytes()
    return files
