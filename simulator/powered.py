"""What has a plug: it starts when that is in, starts again after each reset, and is gone at once when it is pulled.

One is one process, in a group of its own. Lives here: its start and its end. Not here: what runs in it, and why it resets
(bootloader.py, stock_board.py).
"""

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Any

from simulator.guardian import Guardian

# From reset to the first line of a program an ESP32 takes about this long.
BOOT_SECONDS = 0.3


class Powered:
    def __init__(self, folder: Path, name: str, guardian: Guardian) -> None:
        self.name = name
        self.folder = folder
        self.console = folder / "console.log"
        self.starts = 0
        self._guardian = guardian
        self._process: asyncio.subprocess.Process | None = None
        self._life: asyncio.Task[None] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.console.touch()

    @property
    def pid(self) -> int | None:
        """Of the process that plays the processor now."""
        return self._process.pid if self._process else None

    async def start(self, cause: str = "power_on") -> None:
        if self._life is None:
            await self._boot(cause)
            self._life = asyncio.create_task(self._live())

    async def stop(self) -> None:
        """Pull the plug: nothing is flushed, nothing is said to anybody."""
        life, self._life = self._life, None
        if life:
            life.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await life
        await self._end_process()

    async def power_cut(self, seconds: float = 0.2) -> None:
        await self.stop()
        await asyncio.sleep(seconds)
        await self.start()

    def said(self) -> str:
        return self.console.read_text(errors="replace")

    async def _boot(self, cause: str) -> None:
        """Start the program."""
        raise NotImplementedError

    async def _next_reset(self) -> str:
        """Wait until this boot ends; the cause that the next one will be told."""
        raise NotImplementedError

    async def _live(self) -> None:
        while True:
            cause = await self._next_reset()
            await asyncio.sleep(BOOT_SECONDS)
            await self._boot(cause)

    async def _run(self, *command: object, **how: Any) -> asyncio.subprocess.Process:
        arguments = [os.fspath(word) if isinstance(word, Path) else str(word) for word in command]
        self._process = await asyncio.create_subprocess_exec(
            *arguments, start_new_session=True, **how
        )
        self._guardian.guard(self._process.pid)
        return self._process

    async def _ended(self) -> None:
        """Wait until the process has ended by itself."""
        assert self._process
        await self._process.wait()
        self._guardian.release(self._process.pid)

    async def _end_process(self) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._ended()
