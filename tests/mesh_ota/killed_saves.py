"""Saves a store and an image, and dies by SIGKILL at each operation on files, one after the other: `killed_saves.py FOLDER`.

Prints one JSON line per death: what was being saved, at which operation it died, and whether what lies there afterwards is
the state before or after. Run by `test_storage_killed.py` in a process of its own.
"""

import asyncio
import hashlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

# Operations on files that Python tells of; a write in between has no name of its own, but its file is opened and renamed.
OPERATIONS = {"open", "os.rename", "os.chmod", "os.remove", "shutil.copyfile", "os.mkdir"}
IMAGE = bytes(range(256)) * 64
NAME = hashlib.sha256(IMAGE).hexdigest()


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


async def save_store(folder: Path, value: int, die: int | None) -> None:
    """Write the jobs' store as the integration does."""
    from custom_components.mesh_ota.store import MeshOtaStore
    from homeassistant.core import HomeAssistant

    hass = HomeAssistant(str(folder))
    store = MeshOtaStore(hass, "jobs", lambda: {"value": value, "filling": "x" * 50_000})
    if die is not None:
        die_at(die)
    store.touch()
    await store.async_settle()


def save_image(folder: Path, die: int | None) -> None:
    """Put an image under its hash as an upload does."""
    from custom_components.mesh_ota.blobs import place

    source = folder / "upload.bin"
    if die is not None:
        die_at(die)
    place(source, folder / "images", NAME)


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


def main(folder: Path) -> None:
    """Die everywhere."""
    import custom_components.mesh_ota.store  # noqa: F401  # so that children need not load it

    in_a_child(lambda: asyncio.run(save_store(folder, 0, None)))
    lived, number, before = False, 0, 0
    while not lived:
        value = number + 1
        lived = in_a_child(lambda v=value, n=number: asyncio.run(save_store(folder, v, n)))
        found = look_at_store(folder)
        ok = found in (before, value) and (not lived or found == value)
        print(json.dumps({"what": "store", "at": number, "lived": lived, "whole": ok}))
        before, number = found, number + 1
    (folder / "upload.bin").write_bytes(IMAGE)
    lived, number = False, 0
    while not lived:
        (folder / "images" / f"{NAME}.bin").unlink(missing_ok=True)
        lived = in_a_child(lambda n=number: save_image(folder, n))
        found = look_at_image(folder)
        ok = found == "after" if lived else found in ("before", "after")
        print(json.dumps({"what": "image", "at": number, "lived": lived, "whole": ok}))
        number += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]))
