"""Saves a store, an image and its deflated copy, and dies at each operation on files and within writes, one after the other: `killed_saves.py FOLDER`.

Prints one JSON line per death: what was being saved, at which operation or byte it died, and whether what lies there afterwards
is the state before or after. Run by `test_storage_killed.py` in a process of its own.
"""

import asyncio
import hashlib
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

# Operations on files that Python tells of; it tells of no write, which the kernel kills instead (`die_in_write`).
OPERATIONS = {"open", "os.rename", "os.chmod", "os.remove", "shutil.copyfile", "os.mkdir"}
IMAGE = bytes(range(256)) * 64
# Bytes that a file gets before the death in its write; both files are larger.
IN_WRITES = (0, 1, 4096, 12_000)
NAME = hashlib.sha256(IMAGE).hexdigest()
# Deflated it is longer than the last byte at which a write dies.
LARGE = b"".join(b"%d\n" % number for number in range(12_000))
LARGE_NAME = hashlib.sha256(LARGE).hexdigest()
type Look = Callable[[Path], str]


def die_at(number: int) -> None:
    """Die at that operation from now on."""
    seen = 0

    def look(event: str, _args: tuple[Any, ...]) -> None:
        nonlocal seen
        if event in OPERATIONS:
            seen += 1
            if seen > number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(look)


def die_in_write(size: int) -> None:
    """Die as soon as a file would grow beyond so many bytes, with those bytes in it."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def die(where: int) -> None:
    """At that operation; below zero: at that byte of a write."""
    if where >= 0:
        die_at(where)
    else:
        die_in_write(-1 - where)


async def save_store(folder: Path, value: int, where: int | None) -> None:
    """Write the jobs' store as the integration does."""
    from custom_components.mesh_ota.store import MeshOtaStore
    from homeassistant.core import HomeAssistant

    hass = HomeAssistant(str(folder))
    store = MeshOtaStore(hass, "jobs", lambda: {"value": value, "filling": "x" * 50_000})
    if where is not None:
        die(where)
    store.touch()
    await store.async_settle()


def save_image(folder: Path, where: int | None) -> None:
    """Put an image under its hash as an upload does."""
    from custom_components.mesh_ota.blobs import place

    source = folder / "upload.bin"
    if where is not None:
        die(where)
    place(source, folder / "images", NAME)


def save_deflated(folder: Path, where: int | None) -> None:
    """Make the deflated copy of an image as the library does after an upload."""
    from custom_components.mesh_ota.deflated import DeflatedImages

    images = DeflatedImages(folder / "images")
    if where is not None:
        die(where)
    images._write(LARGE_NAME, LARGE)


def in_a_child(work: Any) -> bool:
    """Run in a child of its own. Returns whether it lived."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def look_at_store(folder: Path) -> Any:
    """What a start of Home Assistant would read."""
    return json.loads((folder / ".storage" / "mesh_ota.jobs").read_text())["data"]["value"]


def look_at_image(folder: Path) -> str:
    """Whole, or not there; anything else is named."""
    path = folder / "images" / f"{NAME}.bin"
    if not path.exists():
        return "before"
    return "after" if path.read_bytes() == IMAGE else "broken"


def look_at_deflated(folder: Path) -> str:
    """The same of the deflated copy."""
    from custom_components.mesh_ota.firmware.deflate import inflated

    path = folder / "images" / f"{LARGE_NAME}.deflated"
    if not path.exists():
        return "before"
    return "after" if inflated(path.read_bytes()) == LARGE else "broken"


def tell(what: str, where: int, lived: bool, whole: bool) -> None:
    """One death."""
    print(json.dumps({"what": what, "at": where, "lived": lived, "whole": whole}), flush=True)


def kill_stores(folder: Path) -> None:
    """Everywhere in the save of a store."""
    in_a_child(lambda: asyncio.run(save_store(folder, 0, None)))
    before = 0
    for value, where in enumerate(places(), 1):
        lived = in_a_child(lambda v=value, w=where: asyncio.run(save_store(folder, v, w)))
        found = look_at_store(folder)
        tell("store", where, lived, found in ((value,) if lived else (before, value)))
        before = found
        if lived:
            return


def kill_arrivals(
    folder: Path, what: str, name: str, save: Callable[[Path, int | None], None], look: Look
) -> None:
    """Everywhere in the arrival of a file, which is whole then or not there."""
    for where in places():
        (folder / "images" / name).unlink(missing_ok=True)
        lived = in_a_child(lambda w=where: save(folder, w))
        found = look(folder)
        tell(what, where, lived, found in (("after",) if lived else ("before", "after")))
        if lived:
            return


def places() -> Iterator[int]:
    """In writes first, then at each operation until one lives."""
    yield from (-1 - size for size in IN_WRITES)
    yield from count()


def main(folder: Path) -> None:
    """Die everywhere."""
    import custom_components.mesh_ota.store  # noqa: F401  # so that children need not load it

    kill_stores(folder)
    (folder / "upload.bin").write_bytes(IMAGE)
    kill_arrivals(folder, "image", f"{NAME}.bin", save_image, look_at_image)
    kill_arrivals(folder, "deflated", f"{LARGE_NAME}.deflated", save_deflated, look_at_deflated)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
