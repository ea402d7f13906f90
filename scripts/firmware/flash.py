"""The flash of a board as it is put into service by cable: factory loader, and firmware in slot a.

The slot is filled and judged by the code that runs on the board. `config.json` is not written here:
it is the board's own.
"""

import hashlib
import io
from collections.abc import Mapping
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
    described = bundles.check(bundle)
    factory = factory_files(firmware_of(described), compile_modules=compile_modules)
    return fill(folder, bundle, factory)


def fill(
    folder: Path, bundle: bytes, factory: Mapping[str, bytes], slot: str = SLOT, boot: int = 0
) -> str:
    """Put the factory's files and this bundle into a flash folder; answers the proof.

    The slot is empty. A state file and records that lie there already are carried on; without
    them boots are counted from `boot`.
    """
    described = bundles.check(bundle)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in factory.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    files = FlashFiles(str(folder))
    folders = installer.folders_of(described["files"])
    for _ in installer.unpacking(files, slot, Archive(bundle), folders, bytearray(4096)):
        pass
    md5 = hashlib.md5(bundle, usedforsecurity=False).hexdigest()
    return Slots(files=files).adopt(slot, md5, boot)


def firmware_of(described: dict[str, object]) -> str:
    """`gateway` or `node`: which application a bundle's manifest describes."""
    return "gateway" if any(name.startswith("gateway/") for name in described["files"]) else "node"


def factory_files(firmware: str, *, compile_modules: bool = True) -> dict[str, bytes]:
    """`boot.py`, `main.py` and `lib/device` of a `gateway` or a `node`, by their path on the board."""
    found = sources.of_factory()
    if compile_modules:
        found = compiler.compiled(found)
    files = {f"lib/{name}": content for name, content in found.items()}
    for name in ("boot.py", "main.py"):
        files[name] = (sources.REPOSITORY / sources.FIRMWARE[firmware] / name).read_bytes()
    return files
