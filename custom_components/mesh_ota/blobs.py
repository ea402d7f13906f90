"""The images on the disk, each named by its SHA-256. Everything here blocks: it runs in the executor. Raises OSError."""

import os
import re
import shutil
from pathlib import Path
from uuid import uuid4

from .firmware.record import Firmware

_BLOB = re.compile(r"[0-9a-f]{64}\.bin")


def place(path: Path, folder: Path, sha256: str) -> None:
    """Put a file's bytes under their hash: whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    part = path
    if path.parent != folder:
        part = folder / f"{uuid4().hex}.part"
        try:
            shutil.copyfile(path, part)
        except OSError:
            part.unlink(missing_ok=True)
            raise
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(folder / f"{sha256}.bin")


def read_range(path: Path, start: int, end: int) -> bytes:
    """Return bytes start to end (exclusive)."""
    with path.open("rb") as file:
        file.seek(start)
        return file.read(end - start)


def look_over(folder: Path, rows: tuple[Firmware, ...]) -> set[int]:
    """Return the ids whose image is not there or has another size; sweep what belongs to no row."""
    sizes = {path.name: path.stat().st_size for path in folder.glob("*")} if folder.is_dir() else {}
    wanted = {f"{row.sha256}.bin" for row in rows}
    for name in sizes:
        if name.endswith(".part") or (_BLOB.fullmatch(name) and name not in wanted):
            (folder / name).unlink(missing_ok=True)
    return {row.id for row in rows if sizes.get(f"{row.sha256}.bin") != row.size_bytes}
