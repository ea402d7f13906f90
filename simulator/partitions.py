"""The partitions of a simulated board that has two for its application, and their part in each reset.

A board has them when its parts have a folder `partitions` (the flash chip's contents, hardware/flash_chip.py). What the
booted image holds is laid out beside it in `frozen`, where the fake hardware lets the firmware import it from.
"""

import io
import shutil
import tarfile
from pathlib import Path

from simulator import esp_image
from simulator.hardware.flash_chip import FileStorage, FlashChip


def solder_on(parts: Path, image: bytes) -> None:
    """Give a board two application partitions, the first one with this image, as a cable leaves them."""
    folder = parts / "partitions"
    folder.mkdir()
    FileStorage(str(folder)).write("ota_0", 0, image)


def boot(parts: Path) -> str | None:
    """A reset: the bootloader picks the partition; answers its name, None on a board with one partition."""
    folder = parts / "partitions"
    if not folder.exists():
        return None
    running = FlashChip(FileStorage(str(folder))).boot()
    (parts / "running").write_text(running)
    shutil.rmtree(parts / "frozen", ignore_errors=True)
    payload = esp_image.payload_of((folder / running).read_bytes())
    if payload:
        with tarfile.open(fileobj=io.BytesIO(payload)) as archive:
            archive.extractall(parts / "frozen", filter="data")
    return running
