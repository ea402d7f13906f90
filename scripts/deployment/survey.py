"""What a board is and holds, as it told by cable, and whether it will do.

Lives here: facts and the sentences about them. Not here: what is to be done (plan.py).
"""

import json
from dataclasses import dataclass, field

from device import manifest
from scripts.deployment import board_programs
from scripts.deployment.cable import Cable

OLDEST = (1, 24)
RESERVE = 16 * 1024  # bytes that stay free for state files
DATA, OTADATA = 1, 0  # type and subtype of the partition that says which image boots
OTA_SLOTS = range(0x10, 0x20)  # subtypes of application partitions that can be updated
BUNDLES_ONLY = (
    "One application partition: this board takes app-bundles. To update MicroPython itself over the air as well, flash a "
    "build with OTA partitions once (docs/hardware.md)."
)
ROLLBACK_SINCE = (
    5,
    0,
    4,
)  # the ESP-IDF of MicroPython 1.22, whose bootloaders are the first to go back by themselves
OLD_BOOTLOADER = (
    "Its bootloader is of ESP-IDF {}: one older than MicroPython 1.22 does not go back by itself from a MicroPython image that "
    "does not start. Updates over the air never replace it: flash a whole MicroPython by cable once (docs/hardware.md)."
)
BOTH_KINDS = "OTA partitions {}: this board has room for MicroPython images beside app-bundles."


@dataclass
class Survey:
    """Paths are those on the board; hashes are lower-case hex SHA-256."""

    platform: str = ""
    machine: str = ""
    version: tuple[int, ...] = ()
    block: int = 4096
    free: int = 0
    partitions: list[list[object]] = field(default_factory=list)
    bootloader: str = ""
    """The ESP-IDF that its bootloader was built with, such as "v5.2.2"; empty where that cannot be read"""
    folders: set[str] = field(default_factory=set)
    files: dict[str, tuple[int, str]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def object(self, path: str) -> dict[str, object]:
        """A JSON object on the board; empty when it is absent or unreadable."""
        try:
            parsed = json.loads(self.texts.get(path, ""))
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}

    def hash_of(self, path: str) -> str:
        return self.files.get(path, (0, ""))[1]

    @property
    def micropython(self) -> str:
        return ".".join(str(number) for number in self.version)


def of_board(cable: Cable) -> Survey:
    """Ask the board. Its program is interrupted; nothing is written."""
    found = Survey()
    for key, value in board_programs.told(cable.run(board_programs.survey())):
        if key == "partition":
            found.partitions.append(value)
        elif key == "folder":
            found.folders.add(value)
        elif key == "file":
            found.files[value[0]] = (value[1], value[2])
        elif key == "text":
            found.texts[value[0]] = value[1]
        else:
            setattr(found, key, tuple(value) if key == "version" else value)
    return found


def faults(found: Survey) -> list[str]:
    """Why this board cannot be used as it is, and what to do; empty when it can."""
    said = []
    if found.platform != "esp32":
        said.append(
            f"This is a board of the kind '{found.platform}' ({found.machine}). Mesh OTA needs one of the ESP32 family "
            "with at least 4 MB of flash (docs/hardware.md lists them)."
        )
    if found.version[:2] < OLDEST:
        said.append(
            f"MicroPython {found.micropython} is too old: flash 1.24 or newer (docs/hardware.md says how), then run this "
            "again."
        )
    return said


def partition_note(found: Survey) -> str:
    """One sentence on what the partition table lets the board take."""
    slots = [row[4] for row in found.partitions if row[0] == 0 and row[1] in OTA_SLOTS]
    chooser = [row for row in found.partitions if row[0] == DATA and row[1] == OTADATA]
    if len(slots) >= 2 and chooser:
        said = BOTH_KINDS.format(" and ".join(str(label) for label in slots))
        old = has_old_bootloader(found)
        return f"{said} {OLD_BOOTLOADER.format(found.bootloader)}" if old else said
    if slots:
        return (
            f"The partition table is incomplete (only {slots[0]}, or no otadata). " + BUNDLES_ONLY
        )
    return BUNDLES_ONLY


def has_old_bootloader(found: Survey) -> bool:
    """Whether it is known to have no trials of its own."""
    if not found.bootloader:
        return False
    return manifest.version_numbers(found.bootloader.removeprefix("v")) < ROLLBACK_SINCE


@dataclass(frozen=True)
class Firmware:
    """What one slot holds; `fault` names the first file that is not as its manifest says."""

    slot: str
    node_type: str
    version: str
    fault: str


def running_firmware(found: Survey) -> Firmware | None:
    """The firmware in the active slot of a board that was put into service before."""
    slot = found.object("slots.json").get("active")
    if slot not in ("a", "b") or not found.object(f"record-{slot}.json").get("confirmed"):
        return None
    try:
        described = manifest.parse(found.texts.get(f"{slot}/manifest.json", "").encode())
    except manifest.ManifestError:
        return None
    listed = dict(described["files"].items())
    held = {path[2:] for path in found.files if path.startswith(f"{slot}/")} - {manifest.NAME}
    wrong = [name for name in listed if found.hash_of(f"{slot}/{name}") != listed[name]]
    fault = next(iter([*wrong, *sorted(held - set(listed))]), "")
    return Firmware(slot, described["node_type"], described["version"], fault)
