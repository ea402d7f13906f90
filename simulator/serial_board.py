"""One board on a USB cable: a serial port of this computer behind which MicroPython runs, for mpremote and people.

    python3 -m simulator.serial_board FOLDER       prints the port; Ctrl-C pulls the cable

The board is the same as every other of the simulator (folder with flash and parts, started by start.py); here is only
what the cable adds: bytes between the port and the processor, Ctrl-C as the interrupt that it is on a UART, and a restart
after each reset. What the board says when nobody has the port open is lost, as on a wire; the console file keeps it.
"""

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tty
from pathlib import Path

from simulator import firmware
from simulator.bootloader import START
from simulator.powered import BOOT_SECONDS

REPOSITORY = Path(__file__).resolve().parent.parent
MICROPYTHON = REPOSITORY / ".tools" / "bin" / "micropython"
CONTROL_C = b"\x03"
_HEAP = "512k"
_LOOK_SECONDS = 0.05
_READER_SECONDS = 1.0  # who has the port open and does not read for so long, misses what is said


class SerialBoard:
    """`hardware` is the folder of compiled fakes, `air` the folder that boards in radio range share."""

    def __init__(self, folder: Path, hardware: Path, air: Path, mac: bytes) -> None:
        self.mac = mac
        self.flash = folder / "flash"
        self.parts = folder / "parts"
        self.console = folder / "console.log"
        for path in (self.flash, self.parts / "pins", self.parts / "dht", air):
            path.mkdir(parents=True, exist_ok=True)
        (self.parts / "mac").write_text(mac.hex())
        self._command = [MICROPYTHON, "-X", f"heapsize={_HEAP}", START, hardware]
        self._environment = {**os.environ, "MESH_BOARD": str(self.parts), "MESH_AIR": str(air)}
        self._ours, port = pty.openpty()
        tty.setraw(port)
        os.set_blocking(self._ours, False)
        self.port = os.ttyname(port)
        os.close(port)
        self._unplugged = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._life = threading.Thread(target=self._live, daemon=True)

    def identify(self, **identity: object) -> None:
        """Be another chip from the next start on; the names are those of serial_repl.py."""
        (self.parts / "identity").write_text(json.dumps(identity))

    def plug_in(self) -> str:
        """Power on; answers the port."""
        self._life.start()
        return self.port

    def unplug(self) -> None:
        """Pull the cable: power and line are gone at once."""
        self._unplugged.set()
        if self._life.is_alive():
            self._life.join(10)
        os.close(self._ours)

    def said(self) -> str:
        """Everything that the board has printed since it was made."""
        return self.console.read_text(errors="replace") if self.console.exists() else ""

    def _live(self) -> None:
        cause, mode = "power_on", "friendly"
        while not self._unplugged.is_set():
            self._run(cause, mode)
            cause, mode = self._after_reset()
            time.sleep(BOOT_SECONDS)

    def _run(self, cause: str, mode: str) -> None:
        """From one reset to the next."""
        (self.parts / "reset_cause").write_text(cause)
        for name in ("reset", "wdt", "repl", "after_reset"):
            (self.parts / name).unlink(missing_ok=True)
        with self.console.open("ab", buffering=0) as console:
            self._process = subprocess.Popen(
                [*self._command, mode],
                cwd=self.flash,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                self._relay(self._process, console.write)
            finally:
                self._stop()

    def _relay(self, process: "subprocess.Popen[bytes]", keep: object) -> None:
        output, processor = process.stdout.fileno(), process.stdin.fileno()
        while not self._unplugged.is_set():
            listening = [output, *([self._ours] if self._is_open() else [])]
            ready = select.select(listening, [], [], _LOOK_SECONDS)[0]
            if output in ready:
                spoken = os.read(output, 4096)
                if not spoken:
                    return  # the processor has stopped
                keep(spoken)
                self._say(spoken)
            if self._ours in ready:
                with contextlib.suppress(OSError):  # closed at the other end meanwhile
                    self._hear(os.read(self._ours, 4096), processor, process.pid)
            if self._watchdog_starved():
                (self.parts / "reset").write_text("watchdog")
                return

    def _is_open(self) -> bool:
        """Whether a program at the other end has the port open."""
        poll = select.poll()
        poll.register(self._ours, 0)
        return not any(event & select.POLLHUP for _, event in poll.poll(0))

    def _say(self, spoken: bytes) -> None:
        """Nothing is lost on the way to somebody who reads."""
        while spoken and self._is_open():
            if not select.select([], [self._ours], [], _READER_SECONDS)[1]:
                return
            spoken = spoken[os.write(self._ours, spoken) :]

    def _hear(self, typed: bytes, processor: int, pid: int) -> None:
        """Ctrl-C interrupts a running program, and is a character like any other for the REPL."""
        before, control_c, after = typed.partition(CONTROL_C)
        os.write(processor, before)
        if control_c:
            self._wait_until_interruptible()
            if (self.parts / "repl").read_text() == "running":
                os.kill(pid, signal.SIGINT)
            else:
                os.write(processor, control_c)
            self._hear(after, processor, pid)

    def _wait_until_interruptible(self) -> None:
        while not (self.parts / "repl").exists() and not self._unplugged.is_set():
            time.sleep(_LOOK_SECONDS)

    def _watchdog_starved(self) -> bool:
        path = self.parts / "wdt"
        try:
            return time.time() - path.stat().st_mtime > int(path.read_text()) / 1000
        except (FileNotFoundError, ValueError):
            return False

    def _after_reset(self) -> tuple[str, str]:
        """Why the processor stopped, and the mode in which its REPL comes back."""
        asked, mode = self.parts / "reset", self.parts / "after_reset"
        cause = asked.read_text() if asked.exists() else "hard"
        return cause, mode.read_text() if mode.exists() and cause == "soft" else "friendly"

    def _stop(self) -> None:
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdin.close()
        process.stdout.close()


def main() -> None:
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as made:
        hardware = firmware.compile_hardware(Path(made))
        mac = bytes.fromhex("246f28ae0902")
        board = SerialBoard(folder, hardware, folder / "air", mac)
        print(board.plug_in(), flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            board.unplug()


if __name__ == "__main__":
    main()
