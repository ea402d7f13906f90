"""The images on the disk, each named by its SHA-256. Everything here blocks: it runs in the executor. Raises OSError."""

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from uuid import uuid4

from .firmware.record import Firmware, version_key

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


def damaged_rows(folder: Path, rows: tuple[Firmware, ...]) -> set[int]:
    """Return the ids whose image is not there or has another hash than its name says."""
    whole: dict[str, bool] = {}
    for row in rows:
        if row.sha256 not in whole:
            whole[row.sha256] = _hash_of(folder / f"{row.sha256}.bin") == row.sha256
    return {row.id for row in rows if not whole[row.sha256]}


def _hash_of(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def prunable(
    rows: Iterable[Firmware], needed: Callable[[Firmware], bool], excess: int
) -> list[Firmware] | None:
    """Return what has to go so that so many bytes become free, oldest first; None if there is not enough to go.

    The newest version for each type and hardware stays, and the newest stable one, whether or not a node needs it.
    """
    everything = list(rows)
    newest: dict[tuple[str, str, bool], Firmware] = {}
    for row in sorted(everything, key=lambda row: (version_key(row.version), row.id)):
        newest[row.node_type, row.hardware, False] = row
        newest[row.node_type, row.hardware, row.is_stable] = row
    stay = {row.id for row in newest.values()} | {row.id for row in everything if needed(row)}
    kept = {row.sha256 for row in everything if row.id in stay}
    going: dict[str, int] = {}
    for row in sorted(everything, key=lambda row: (row.created_at, row.id)):
        if excess <= 0:
            break
        if row.sha256 not in kept and row.sha256 not in going:
            going[row.sha256] = row.size_bytes
            excess -= row.size_bytes
    # An image goes with the last of its rows: all of them, or nothing would become free.
    return [row for row in everything if row.sha256 in going] if excess <= 0 else None
