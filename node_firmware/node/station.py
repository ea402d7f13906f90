"""Keeps this node's uplink: scan, choose, join, dial, wait for the end, and again.

What to choose and how long to wait is `device.wifi`; this file only does it.
"""

import asyncio

from device.wifi import Choice, may_look_elsewhere

WATCH_SECONDS = 1
LOOK_SECONDS = 30  # between two chances of looking for another tree


class Station:
    def __init__(self, board: object, mesh: object, links: object, mesh_config: dict) -> None:
        self._board = board
        self._mesh = mesh
        self._links = links
        self._config = mesh_config
        self._choice = Choice(mesh.node_id)
        self._closing = False

    async def run(self) -> None:
        while not self._closing:
            row = await self._scan()
            if row is None or not await self._attach(row):
                await asyncio.sleep(self._choice.pause(self._board.random(1)[0]))

    async def close(self) -> None:
        """Look for no further uplink; the links themselves are closed by their owner."""
        self._closing = True

    async def _scan(self) -> tuple | None:
        try:
            rows = await self._board.scan(self._config)
        except OSError:
            return None  # the driver is busy; the next scan is soon
        return self._choice.best(rows, self._mesh.get_node_list(), self._board.now_us())

    async def _attach(self, row: tuple) -> bool:
        """Join that access point and stay until the link ends. Answers whether it stood."""
        host = await self._board.join(row[3], self._config)
        if host is None:
            self._choice.failed(row[0], self._board.now_us())
            return False
        dialling = asyncio.create_task(self._links.dial(host, self._config["port"]))
        stood = await self._stay(dialling)
        if not dialling.done():
            dialling.cancel()
        try:
            reason = await dialling
        except (asyncio.CancelledError, OSError):
            reason = "the WiFi has gone"
        print("uplink", row[0], "ended:", reason)
        self._board.leave()
        if not stood:
            self._choice.failed(row[0], self._board.now_us())
        return stood

    async def _stay(self, dialling: object) -> bool:
        """Until the link or its WiFi ends, or another tree is worth moving to."""
        stood = False
        since = looked = self._board.now_us()
        while not dialling.done() and self._board.uplink_alive() and not self._closing:
            await asyncio.sleep(WATCH_SECONDS)
            now = self._board.now_us()
            if not stood and self._mesh.get_node_list():
                stood = True
            if self._has_root():
                since = now
            elif now - looked > LOOK_SECONDS * 1000000:
                looked = now
                chance = self._board.random(1)[0]
                if may_look_elsewhere(False, since, now, chance) and await self._scan():
                    break
        return stood

    def _has_root(self) -> bool:
        return True
