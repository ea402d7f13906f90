"""A board that runs a stock sketch: its power, its restarts, its console. What runs on it is stock_node.py.

Used as a Board (bootloader.py) is, where only these matter; it has no flash of ours and no access point.
"""

import asyncio
import sys
from pathlib import Path

from simulator.guardian import Guardian
from simulator.powered import Powered

PROGRAM = Path(__file__).with_name("stock_node.py")


class StockBoard(Powered):
    """`gateway` is `host:port` of the access point that it dials."""

    def __init__(
        self, folder: Path, name: str, node_id: int, gateway: str, role: str, guardian: Guardian
    ) -> None:
        super().__init__(folder, name, guardian)
        self.node_id = node_id
        self.role = role
        self.ask_again = 30.0
        """seconds after which it asks again for a part that does not come, as C++ does"""
        self._gateway = gateway

    @property
    def md5(self) -> str:
        """Of the image that it believes to run."""
        note = self.folder / "md5"
        return note.read_text() if note.exists() else ""

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def _boot(self, _cause: str) -> None:
        self.starts += 1
        with self.console.open("ab") as console:
            console.write(f"-- boot {self.starts}\n".encode())
            console.flush()
            await self._run(
                sys.executable, PROGRAM, self.folder, self.node_id, self._gateway, self.role, "ESP32", self.ask_again,
                stdin=asyncio.subprocess.DEVNULL, stdout=console, stderr=console,
            )  # fmt: skip

    async def _next_reset(self) -> str:
        await self._ended()
        return "soft"
