"""A board that runs a stock sketch: its power, its restarts, its console. What runs on it is stock_node.py.

Used as a Board (bootloader.py) is, where only these matter; it has no flash of ours and no access point.
"""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from simulator.bootloader import BOOT_SECONDS
from simulator.guardian import Guardian

PROGRAM = Path(__file__).with_name("stock_node.py")


class StockBoard:
    """`gateway` is `host:port` of the access point that it dials."""

    def __init__(
        self, folder: Path, name: str, node_id: int, gateway: str, role: str, guardian: Guardian
    ) -> None:
        self.name = name
        self.node_id = node_id
        self.folder = folder
        self.role = role
        self.ask_again = 30.0
        """seconds after which it asks again for a part that does not come, as C++ does"""
        self.console = folder / "console.log"
        self.starts = 0
        self._gateway = gateway
        self._guardian = guardian
        self._process: asyncio.subprocess.Process | None = None
        self._life: asyncio.Task[None] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.console.touch()

    @property
    def md5(self) -> str:
        """Of the image that it believes to run."""
        note = self.folder / "md5"
        return note.read_text() if note.exists() else ""

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        if self._life is None:
            await self._boot()
            self._life = asyncio.create_task(self._live())

    async def stop(self) -> None:
        """Pull the plug."""
        life, self._life = self._life, None
        if life:
            life.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await life
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        self._guardian.release(process.pid)

    async def power_cut(self, seconds: float = 0.2) -> None:
        await self.stop()
        await asyncio.sleep(seconds)
        await self.start()

    def said(self) -> str:
        return self.console.read_text(errors="replace")

    async def _boot(self) -> None:
        self.starts += 1
        with self.console.open("ab") as console:
            console.write(f"-- boot {self.starts}\n".encode())
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, PROGRAM, self.folder, str(self.node_id), self._gateway, self.role, "ESP32",
                str(self.ask_again),
                stdin=asyncio.subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True,
            )  # fmt: skip
        self._guardian.guard(self._process.pid)

    async def _live(self) -> None:
        while self._process:
            await self._process.wait()
            self._guardian.release(self._process.pid)
            await asyncio.sleep(BOOT_SECONDS)
            await self._boot()
