"""What is to be written to a board, in the order in which it is safe, and nothing that is there already.

The slot first, then what says that it holds something, then the loader, the settings, and at last what starts it
all. So a cable that is pulled out in between leaves a board that runs what it ran, or nothing yet; only between
the loader's files is there a moment when running this again is the way on.
"""

import hashlib
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from device import installer, manifest
from device.flash_files import in_blocks
from device.slot_state import other_than, record_name
from scripts.deployment.errors import DeployError
from scripts.deployment.survey import RESERVE, Firmware, Survey
from scripts.firmware import bundle as bundles, flash

STATE = "slots.json"
LOADER = "lib/device"
START = ("main.py", "boot.py")  # boot.py last: without it the board stays at its REPL


@dataclass
class Step:
    """Files that are written together, and what is removed just before."""

    title: str
    files: dict[str, bytes] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)

    @property
    def hashes(self) -> dict[str, str]:
        return {path: hashlib.sha256(content).hexdigest() for path, content in self.files.items()}


def slot_to_fill(running: Firmware | None, bundle: bytes, *, asked: bool) -> str | None:
    """The slot that this bundle goes into; None when the board keeps what it has. Raises DeployError."""
    if running is None:
        return flash.SLOT
    described = bundles.check(bundle)
    if running.node_type != described["node_type"] and not asked:
        raise DeployError(
            f"This board is a {running.node_type} (version {running.version}). Add --reinstall to make it a "
            f"{described['node_type']}."
        )
    if running.fault or asked:
        return other_than(running.slot)
    return None


def filled_slot(found: Survey, bundle: bytes, slot: str) -> dict[str, bytes]:
    """Slot, records and state as the board's own code makes them, by path on the board."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in (STATE, record_name(other_than(slot))):
            if path in found.texts:
                (folder / path).write_text(found.texts[path])
        # A board whose flash was erased goes on with a number that is higher than all before: the time.
        flash.fill(folder, bundle, {}, slot, boot=int(time.time()))
        paths = [path for path in folder.rglob("*") if path.is_file()]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def steps(
    found: Survey,
    filled: Mapping[str, bytes],
    slot: str | None,
    factory: Mapping[str, bytes],
    settings: bytes,
) -> list[Step]:
    """Every step in order; what the board has already is not in them."""
    loader = {path: factory[path] for path in factory if path.startswith(f"{LOADER}/")}
    planned = []
    if slot is not None:
        planned += _filling(found, filled, slot)
    planned += [
        Step("the loader", _changed(found, loader), _stale(found, LOADER, loader)),
        Step("the settings", _changed(found, {"config.json": settings})),
        Step("what starts it", _changed(found, {name: factory[name] for name in START})),
    ]
    return [step for step in planned if step.files or step.removed]


def _filling(found: Survey, filled: Mapping[str, bytes], slot: str) -> list[Step]:
    inside = {path: filled[path] for path in filled if path.startswith(f"{slot}/")}
    record = record_name(slot)
    told = {path: filled[path] for path in (record, STATE)}
    return [
        Step(f"the record of slot {slot}", removed=[record] if record in found.texts else []),
        Step(
            f"the firmware, into slot {slot}", _changed(found, inside), _stale(found, slot, inside)
        ),
        Step(f"that slot {slot} is to run", told),
    ]


def folders_for(planned: list[Step], found: Survey) -> list[str]:
    """Folders that are missing on the board, each after the one it lies in."""
    paths = {path: "" for step in planned for path in step.files}
    return [folder for folder in installer.folders_of(paths) if folder not in found.folders]


def check_room(planned: list[Step], found: Survey) -> None:
    """Raises DeployError when the board cannot hold all that."""
    need = sum(in_blocks(len(one), found.block) for step in planned for one in step.files.values())
    need += (len(folders_for(planned, found)) + 1) * installer.FOLDER_BLOCKS * found.block
    # What is to be removed lies there until everything new has arrived.
    if planned and need + RESERVE > found.free:
        raise DeployError(
            f"The board has {found.free // 1024} KiB free and {(need + RESERVE) // 1024} KiB are needed. Remove files of "
            "yours from it ('mpremote fs ls'), or erase its flash and start anew (docs/hardware.md)."
        )


def _changed(found: Survey, wanted: Mapping[str, bytes]) -> dict[str, bytes]:
    return {
        path: content
        for path, content in wanted.items()
        if found.hash_of(path) != hashlib.sha256(content).hexdigest()
    }


def _stale(found: Survey, folder: str, wanted: Mapping[str, bytes]) -> list[str]:
    """Files in a folder of ours that must not be there: a stale `.py` would be imported before our `.mpy`."""
    fresh = {f"{path}.tmp" for path in wanted}
    held = (path for path in found.files if path.startswith(f"{folder}/"))
    return sorted(path for path in held if path not in wanted and path not in fresh)


def is_running(running: Firmware | None, found: Survey, bundle: bytes) -> bool:
    """Whether the active slot is whole and holds exactly this bundle."""
    if running is None or running.fault:
        return False
    own = found.hash_of(f"{running.slot}/{manifest.NAME}")
    return own == bundles.proof_of(bundle)
