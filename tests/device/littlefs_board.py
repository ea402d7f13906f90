"""A node on a real littlefs2, every boot of it a process of its own; used as a board of tests/device/boards.py is."""

import contextlib
import json
import shutil
import subprocess
from pathlib import Path

from device.flash_files import FlashFiles
from device.slots import Slots
from scripts.firmware import compiler, flash
from tests.device import boards, made_bundles as made
from tests.device.ram_flash import PowerCut

REPOSITORY = Path(__file__).parents[2]
MICROPYTHON = REPOSITORY / ".tools/bin/micropython"
PROGRAM = "tests/device/littlefs_node.py"
BLOCKS = 192  # of 4 KiB: factory files and application beside both slots and an image
KILLED = -9


def bundle(version: str) -> bytes:
    """24 KiB in files of different sizes."""
    files = made.application(version)
    for number in range(4):
        files[f"node/part{number}.bin"] = bytes([number]) * 3400
    return made.bundle(files, version=version)


OLD, NEW = bundle("1.0.0"), bundle("1.1.0")
PROOFS = {"1.0.0": made.proof(OLD), "1.1.0": made.proof(NEW)}


class Flash:
    """The image of a flash in a file; `board` is the board that has it."""

    def __init__(self, image: Path) -> None:
        self.image = image
        self.board: LittleBoard | None = None
        self.dies_at, self.way = 0, "absent"

    def copy(self) -> "Flash":
        copied = Flash(self.image.with_name("copy.img"))
        shutil.copyfile(self.image, copied.image)
        return copied

    def cut_at(self, operation: int, way: str) -> None:
        """Let the power go in that operation from now, whichever boot it is in."""
        self.dies_at, self.way = operation, way
        self.board.ask("cut_at", operation, way)

    def switch_on(self) -> None:
        """Of a board whose power is still on nothing changes but that it stays on."""
        self.dies_at = 0
        if self.board.process is not None:
            self.board.ask("cut_at", 0, "")


class LittleBoard:
    def __init__(self, flash: Flash) -> None:
        self.flash = flash
        self.process: subprocess.Popen[str] | None = None
        self.slots = FarSlots(self)
        flash.board = self

    def boot(self, cause: str = "hard") -> str:
        """Restart; answers the version that runs."""
        self.end()
        self.process = subprocess.Popen(
            [
                *(MICROPYTHON, "-X", "heapsize=4m", PROGRAM, self.flash.image),
                *(self.flash.image.with_name("bundle"), cause),
                *(str(self.flash.dies_at), self.flash.way),
            ],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        status = self.ask("status")
        assert status["proof"] == PROOFS[status["version"]], status
        assert status["damaged"] is None, status
        return status["version"]

    def receive(self, content: bytes) -> str:
        return self.ask("receive", made.announcement(content))

    def ask(self, name: str, *arguments: object) -> object:
        """Tell the application to do something; answers what it answers."""
        said = ""
        try:
            self.process.stdin.write(json.dumps([name, arguments]) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it died at its boot
        for line in self.process.stdout:
            if line.startswith('{"answer"'):
                return json.loads(line)["answer"]
            said += line
        if self._gone() == KILLED:
            self.flash.dies_at = 0
            raise PowerCut
        raise AssertionError(said)

    def end(self) -> None:
        """The reset: what this boot did to the flash counts towards the cut."""
        if self.process is not None and self.flash.dies_at:
            self.flash.dies_at -= self.ask("operations")
        if self.process is not None:
            self.process.kill()  # as a reset ends it: nothing is closed, nothing unmounted
            self._gone()

    def _gone(self) -> int:
        process, self.process = self.process, None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()  # what it did not live to read is still in there
        process.stdout.close()
        return process.wait()


class FarSlots:
    """The slots that the application of this boot has."""

    def __init__(self, board: LittleBoard) -> None:
        self._board = board

    def proof(self) -> str:
        return self._said("proof")

    def manifest(self) -> dict[str, str]:
        return {"version": self._said("version")}

    @property
    def boot(self) -> int:
        return self._said("boot")

    @property
    def last(self) -> dict[str, str] | None:
        return self._said("last")

    @property
    def damaged(self) -> str | None:
        return self._said("damaged")

    @property
    def in_trial(self) -> bool:
        return self._said("in_trial")

    def commit(self, tag: str) -> None:
        self._board.ask("commit", tag)

    def confirm(self) -> None:
        self._board.ask("confirm")

    def refuse(self, reason: str) -> None:
        self._board.ask("refuse", reason)

    @property
    def waits_for_retry(self) -> bool:
        return self._said("waits_for_retry")

    def retry(self, reason: str) -> None:
        self._board.ask("retry", reason)

    def rearm(self) -> None:
        self._board.ask("rearm")

    def _said(self, name: str) -> object:
        return self._board.ask("status")[name]


def in_service(folder: Path) -> LittleBoard:
    """A board that was filled by cable and runs OLD; its power is off."""
    files = folder / "files"
    for name, content in flash.factory_files("node").items():
        _write(files / name, content)
    for path in (REPOSITORY / "device").glob("*.py"):
        compiled = compiler.compile_module(f"device/{path.name}", path.read_bytes())
        _write(files / "app/device" / f"{path.stem}.mpy", compiled)
    boards.fill(FlashFiles(str(files)), "a", OLD)
    Slots(str(files)).adopt("a", made.md5(OLD))
    (folder / "bundle").write_bytes(NEW)
    image = folder / "flash.img"
    subprocess.run(
        [
            *(MICROPYTHON, "-X", "heapsize=4m", "tests/device/littlefs_factory.py"),
            *(files, image, str(BLOCKS)),
        ],
        cwd=REPOSITORY,
        check=True,
    )
    return LittleBoard(Flash(image))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
