"""What a chip does by itself: start at power-on, start again after a reset, reset when its watchdog starves.

One Board is one process of MicroPython with its flash folder as working directory. What the firmware prints goes to the
board's console file, each line with its time, and so do this module's own notes, marked by `--`. Not here: what is on the
flash (flash.py), and who is in radio range (air.py).
"""

import asyncio
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from simulator import partitions
from simulator.guardian import Guardian
from simulator.powered import Powered

START = Path(__file__).with_name("start.py")

_LOOK_SECONDS = 0.25
_FROZEN = 64  # KiB: what the code of a running application takes here


@dataclass(frozen=True)
class Machine:
    """What all boards of a house run on: the interpreter, the compiled fakes, the air, and who cleans up after us."""

    micropython: Path
    hardware: Path
    air: Path
    guardian: Guardian


class Board(Powered):
    def __init__(self, machine: Machine, folder: Path, name: str, mac: bytes, heap: str) -> None:
        super().__init__(folder, name, machine.guardian)
        self.mac = mac
        self.flash = folder / "flash"
        self.parts = folder / "parts"
        self._machine = machine
        self._heap = heap
        self._listening: asyncio.Task[None] | None = None
        for path in (self.flash, self.parts / "pins", self.parts / "dht"):
            path.mkdir(parents=True, exist_ok=True)
        (self.parts / "mac").write_text(mac.hex())

    @property
    def access_point_mac(self) -> bytes:
        return self.mac[:5] + bytes([self.mac[5] + 1])

    @property
    def node_id(self) -> int:
        """painlessMesh: the last four bytes of the access point's address."""
        return int.from_bytes(self.access_point_mac[2:], "big")

    @property
    def address(self) -> str:
        """Where its mesh port is: 127.x.y.1, x and y being the last two bytes of the access point's address."""
        return f"127.{self.access_point_mac[4]}.{self.access_point_mac[5]}.1"

    async def stop(self) -> None:
        await super().stop()
        self._note("power off")

    def press(self, pin: int, level: int) -> None:
        """Drive a line from outside, as a button or a sensor does."""
        self._write_part(f"pins/{pin}", str(level))

    def pin(self, pin: int) -> int | None:
        path = self.parts / "pins" / str(pin)
        return int(path.read_text()) if path.exists() else None

    async def wait_until_said(self, pattern: str, seconds: float, start: int = 0) -> re.Match[str]:
        """Wait for a line of the console, from character `start` on; TimeoutError names the board and shows its end."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = re.search(pattern, self.said()[start:])
            if found:
                return found
            await asyncio.sleep(0.1)
        raise TimeoutError(
            f"{self.name} did not say {pattern!r} in {seconds} s:\n{self.said()[-1500:]}"
        )

    async def _boot(self, cause: str) -> None:
        self._write_part("reset_cause", cause)
        forgotten = ["reset", "wdt", *(["rtc"] if cause == "power_on" else [])]
        for name in forgotten:
            (self.parts / name).unlink(missing_ok=True)
        self._silence_the_radio()
        self.starts += 1
        running = partitions.boot(self.parts) if cause != "soft" else None
        self._note(f"boot {self.starts}, {cause}" + (f", from {running}" if running else ""))
        environment = {
            "MESH_BOARD": str(self.parts),
            "MESH_AIR": str(self._machine.air),
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),
        }
        process = await self._run(
            self._machine.micropython, "-X", f"heapsize={self._heap_now()}", START, self._machine.hardware,
            cwd=self.flash, env=environment, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        self._listening = asyncio.create_task(self._listen(process.stdout))

    def _heap_now(self) -> str:
        """An application frozen into the image takes none of a board's heap; laid out beside the board it does."""
        frozen = (self.parts / "frozen" / "image_manifest.mpy").exists()
        return f"{int(self._heap.removesuffix('k')) + _FROZEN}k" if frozen else self._heap

    async def _listen(self, output: asyncio.StreamReader | None) -> None:
        """Write down what is printed, each line with the time at which it began."""
        assert output
        async for line in output:
            self._note(line.decode(errors="replace").rstrip(), mark="")

    async def _next_reset(self) -> str:
        cause = await self._end_of_boot()
        self._silence_the_radio()
        return cause

    async def _end_of_boot(self) -> str:
        assert self._process
        ended = asyncio.ensure_future(self._process.wait())
        try:
            while not ended.done():
                await asyncio.wait([ended], timeout=_LOOK_SECONDS)
                if not ended.done() and self._watchdog_starved():
                    await self._end_process()
                    self._note("watchdog reset")
                    return "watchdog"
        finally:
            ended.cancel()
        await self._ended()
        asked = self.parts / "reset"
        if asked.exists():
            return asked.read_text()
        self._note(f"the processor stopped by itself (exit code {self._process.returncode}): panic")
        return "hard"

    def _watchdog_starved(self) -> bool:
        try:
            path = self.parts / "wdt"
            return time.time() - path.stat().st_mtime > int(path.read_text()) / 1000
        except (FileNotFoundError, ValueError):
            return False

    async def _end_process(self) -> None:
        await super()._end_process()
        if self._listening:
            await self._listening
        self._silence_the_radio()

    def _silence_the_radio(self) -> None:
        for name in (f"{self.access_point_mac.hex()}.ap", f"{self.mac.hex()}.station"):
            (self._machine.air / name).unlink(missing_ok=True)

    def _write_part(self, name: str, text: str) -> None:
        path = self.parts / name
        new = path.with_name(path.name + ".new")
        new.write_text(text)
        new.rename(path)

    def _note(self, text: str, mark: str = "-- ") -> None:
        now = time.time()
        clock = time.strftime("%H:%M:%S", time.localtime(now))
        with self.console.open("a") as console:
            console.write(f"{clock}.{int(now % 1 * 1000):03d} {mark}{text}\n")
