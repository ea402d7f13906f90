"""What an update costs of a node's heap, as MicroPython counts it."""

import random
import subprocess
from pathlib import Path

from device.flash_files import FlashFiles
from device.slots import Slots
from tests.device import boards, made_bundles as made, made_images

REPOSITORY = Path(__file__).parents[2]
KIBIBYTE = 1024
HEAP = "160k"  # of a node


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
    return measured("install_heap.py", flash, bundle)


def heap_needed_by_an_image(folder: Path, size: int) -> int:
    flash = folder / "flash"
    flash.mkdir(parents=True)
    return measured("image_heap.py", flash, made_images.image(size=size))


def measured(script: str, flash: Path, content: bytes) -> int:
    file = flash.parent / "firmware"
    file.write_bytes(content)
    run = subprocess.run(
        [
            REPOSITORY / ".tools/bin/micropython",
            *("-X", f"heapsize={HEAP}"),
            f"tests/device/{script}",
            *(flash, file, made.md5(content), str(len(content))),
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
    assert max(needed) < 12 * KIBIBYTE


def test_the_heap_that_an_image_needs_does_not_grow_with_it(tmp_path: Path) -> None:
    sizes = (16 * KIBIBYTE, 256 * KIBIBYTE, 2048 * KIBIBYTE)
    needed = [heap_needed_by_an_image(tmp_path / str(size), size) for size in sizes]
    print("heap for esp-images of", sizes, "bytes:", needed)
    assert max(needed) - min(needed) < 1 * KIBIBYTE
    assert max(needed) < 16 * KIBIBYTE
