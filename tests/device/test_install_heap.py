"""What an update costs of a node's heap, as MicroPython counts it."""

import random
import subprocess
from pathlib import Path

from device.flash_files import FlashFiles
from device.slots import Slots
from tests.device import boards, made_bundles as made

REPOSITORY = Path(__file__).parents[2]
KIBIBYTE = 1024


def heap_needed(folder: Path, size: int) -> int:
    """Bytes, on the 64-bit unix port, where an object takes twice an ESP32's room."""
    contents = {
        f"node/part{number}.bin": random.Random(number).randbytes(size // 32)
        for number in range(32)
    }
    bundle = made.bundle(contents)
    folder.mkdir()
    flash = folder / "flash"
    flash.mkdir()
    boards.fill(FlashFiles(str(flash)), "a", boards.OLD)
    Slots(str(flash)).adopt("a")
    (folder / "bundle.tar").write_bytes(bundle)
    run = subprocess.run(
        [
            REPOSITORY / ".tools/bin/micropython",
            *("-X", "heapsize=192k"),
            "tests/device/install_heap.py",
            *(flash, folder / "bundle.tar", made.md5(bundle), str(len(bundle))),
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr + run.stdout
    return int(run.stdout)


def test_the_heap_that_an_update_needs_does_not_grow_with_the_image(tmp_path: Path) -> None:
    sizes = (16 * KIBIBYTE, 256 * KIBIBYTE, 2048 * KIBIBYTE)
    needed = [heap_needed(tmp_path / str(size), size) for size in sizes]
    print("heap for images of", sizes, "bytes:", needed)
    assert max(needed) - min(needed) < 2 * KIBIBYTE
    assert max(needed) < 20 * KIBIBYTE
