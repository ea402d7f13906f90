"""The cable to one board: runs code on it, copies files onto it, restarts it. All of it by mpremote.

Each call is a run of mpremote of its own with `resume`: without a soft reset, which would count as a boot.
Nothing secret is ever an argument of a program; what is copied lies in a private folder meanwhile.
"""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from scripts.deployment.errors import DeployError

SECONDS = 30  # for a program on the board: hashing what is there takes a few
COPY_SECONDS = 180  # for a batch of files, which takes about 10 at 115200 baud
BATCH = 16  # files per run of mpremote
RESET = "import time, machine; time.sleep_ms(100); machine.reset()"


class Cable:
    """`port` is what mpremote's `connect` takes; `python` is one that has mpremote; `seconds` are for a program."""

    def __init__(self, port: str, python: str = sys.executable, seconds: float = SECONDS) -> None:
        self.port = port
        self._python = python
        self._seconds = seconds

    def run(self, source: str) -> str:
        """Run a program on the board; answers what it printed. Raises DeployError."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "program.py")
            path.write_text(source)
            return self._mpremote("run", str(path))

    def copy(self, files: Mapping[str, bytes], progress: object = None) -> None:
        """Write these files, by path on the board; their folders are there. Not atomic."""
        names = sorted(files)
        with tempfile.TemporaryDirectory() as folder:
            for start in range(0, len(names), BATCH):
                batch = names[start : start + BATCH]
                arguments = self._copying(Path(folder), {name: files[name] for name in batch})
                self._mpremote(*arguments, seconds=COPY_SECONDS)
                if progress:
                    progress(start + len(batch), len(names))

    def restart(self) -> None:
        self._mpremote("exec", "--no-follow", RESET)

    def _copying(self, folder: Path, files: Mapping[str, bytes]) -> list[str]:
        arguments: list[str] = []
        for number, (name, content) in enumerate(files.items()):
            path = folder / str(number)
            path.write_bytes(content)
            arguments += ["cp", str(path), f":{name}", "+"]
        return arguments[:-1]

    def _mpremote(self, *arguments: str, seconds: float | None = None) -> str:
        command = [self._python, "-m", "mpremote", "connect", self.port, "resume", *arguments]
        try:
            run = subprocess.run(
                command,
                capture_output=True,
                timeout=seconds or self._seconds,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            raise DeployError(
                f"The board on {self.port} does not answer. Press its reset button and run this again "
                "within two seconds; if that does not help, flash MicroPython first (docs/hardware.md)."
            ) from None
        said = run.stdout.decode(errors="replace")
        if run.returncode:
            raise DeployError(self._sentence(said + run.stderr.decode(errors="replace")))
        return said

    def _sentence(self, said: str) -> str:
        if "failed to access" in said or "no device" in said:
            return (
                f"{self.port} cannot be opened. Is the board plugged in, is the name right ('mpremote connect list' "
                "shows the ports), has another program opened it, and may you use it (on Linux: group dialout)?"
            )
        if "could not enter raw repl" in said:
            return (
                f"The board on {self.port} does not answer as MicroPython does. Press its reset "
                "button and run this again within two seconds; if that does not help, flash "
                "MicroPython first (docs/hardware.md)."
            )
        last = next(
            (line for line in reversed(said.splitlines()) if line.strip()), "it said nothing"
        )
        return f"The board on {self.port} could not do what it was asked: {last.strip()}"
