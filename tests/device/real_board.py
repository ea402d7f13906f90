"""A board as a folder, booted by the shipped loader in a process of its own, on either Python.

Only `lib/device/board.py` is a stand-in, which keeps a diary.
"""

import json
import shutil
import subprocess
from pathlib import Path

from device.flash_files import FlashFiles
from device.incoming import Incoming
from device.slots import Slots
from tests.device import boards, made_bundles as made

REPOSITORY = Path(__file__).parents[2]
MICROPYTHON = str(REPOSITORY / ".tools/bin/micropython")

BOARD = """
import os

def note(*words):
    with open("diary", "a") as diary:
        diary.write(" ".join([str(word) for word in words]) + "\\n")

class Board:
    def reset_cause(self):
        with open("cause") as file:
            return file.read()
    def watchdog(self, timeout_ms):
        note("watchdog", timeout_ms)
    def feed(self):
        note("feed")
    def partitions(self):
        return None
    def reset(self):
        note("reset")
        power_off()

def power_off():
    os.system("kill -9 $PPID")
"""

START = """
import sys
sys.path[:] = ["", "lib"] + [path for path in sys.path if path.startswith((".", "/"))]
from device.board import note
exec(open("boot.py").read())
from device import loader
loader.run("node.app", sleep=lambda seconds: note("sleep", seconds))
note("repl")
"""

RUNS = (
    "from device.board import note, power_off\n"
    "def main():\n    note('ran', {!r})\n    power_off()\n"
)


def application(body: str, version: str, more: dict[str, bytes] | None = None) -> bytes:
    """A bundle whose node/app.py is that source."""
    files = {
        "node/__init__.py": b"",
        "node/app.py": body.encode(),
        "device/__init__.py": b"",
        "device/board.py": BOARD.encode(),
        **(more or {}),
    }
    return made.bundle(files, version=version)


class RealBoard:
    """A flash folder, filled by cable with version 1.0.0."""

    def __init__(self, folder: Path, python: str) -> None:
        self.folder = folder
        self.python = python
        self.console = ""
        shutil.copytree(REPOSITORY / "device", folder / "lib/device")
        (folder / "lib/device/board.py").write_text(BOARD)
        shutil.copy(REPOSITORY / "node_firmware/boot.py", folder / "boot.py")
        (folder / "start.py").write_text(START)
        old = application(RUNS.format("1.0.0"), "1.0.0")
        boards.fill(FlashFiles(str(folder)), "a", old)
        self.slots.adopt("a", made.md5(old))

    @property
    def slots(self) -> Slots:
        return Slots(str(self.folder))

    @property
    def state(self) -> dict[str, object]:
        return json.loads((self.folder / "slots.json").read_text())

    def commit(self, body: str, more: dict[str, bytes] | None = None) -> None:
        """Put that application into the other slot and arm its trial."""
        slots, incoming = self.slots, Incoming(str(self.folder))
        made.arrive(incoming, application(body, "1.1.0", more))
        slots.install(incoming, "pir", made.MICROPYTHON)
        slots.commit("tag-1")

    def boot(self, cause: str = "soft") -> list[str]:
        """One boot to its reset; answers what the board's diary says of it."""
        (self.folder / "cause").write_text(cause)
        (self.folder / "diary").write_text("")
        options = ["-X", "heapsize=160k"] if self.python == MICROPYTHON else ["-B", "-u"]
        ended = subprocess.run(
            [self.python, *options, "start.py"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        self.console = ended.stdout + ended.stderr
        return (self.folder / "diary").read_text().splitlines()
