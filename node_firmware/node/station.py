"""Keeps this node's uplink: scan, choose, join, dial, wait for the end, and again.

What to choose and how long to wait is `device.wifi`; this file only does it.
"""

import asyncio

from device.wifi import Choice, may_look_elsewhere

WATCH_SECONDS = 0.5
ROOTED_SECONDS = 60
LOOK_US = 10 * 1000000  # between two chances of looking for another tree


class Station:
    def __init__(self, board: object, mesh: object, links: object, mesh_config: dict) -> None:
        self._board = board
        self._mesh = mesh
        self._links = links
        self._config = mesh_config
        self._choice = Choice(mesh.node_id)
        mesh.set_contains_root()  # our meshes have a gateway: without it, look for the tree that has
        self._elsewhere = None  # a row of another tree, worth leaving this one for

    async def run(self) -> None:
        while True:
            row = self._elsewhere or await self._scan()
            self._elsewhere = None
            if row is not None:
                await self._attach(row)
            if self._elsewhere is None:
                await asyncio.sleep(self._pause())

    def _pause(self) -> float:
        """Seconds until the next scan. One takes the radio away from our own access point for 2 s,
        which a tree that has its root already need not suffer often."""
        seconds = self._choice.pause(self._board.random(1)[0])
        return max(seconds, ROOTED_SECONDS) if self._mesh.contains_root() else seconds

    async def _scan(self) -> tuple | None:
        try:
            rows = await self._board.scan(self._config)
        except OSError:
            return None  # the driver is busy; the next scan is soon
        return self._choice.best(rows, self._mesh.get_node_list(), self._board.now_us())

    async def _attach(self, row: tuple) -> None:
        """Join that access point and stay until the link ends."""
        host = await self._board.join(row[3], self._config)
        if host is None:
            self._choice.failed(row[0], self._board.now_us())
            return
        dialling = asyncio.create_task(self._links.dial(host, self._config["port"]))
        try:
            stood = await self._stay(row[0], dialling)
        finally:
            reason = await _ended(dialling)
            self._board.leave()
        print("uplink to", row[0], "ended:", reason)
        if not stood:
            self._choice.failed(row[0], self._board.now_us())

    async def _stay(self, node_id: int, dialling: object) -> bool:
        """Until the link or its WiFi ends, or another tree is worth moving to. Answers whether the
        neighbour ever said who it is."""
        stood = False
        rooted = looked = self._board.now_us()
        while not dialling.done() and self._board.uplink_alive() and self._elsewhere is None:
            await asyncio.sleep(WATCH_SECONDS)
            now = self._board.now_us()
            if not stood and self._mesh.link_to(node_id) is not None:
                stood = True
                self._choice.joined(node_id)
                print("uplink to", node_id)
            if self._mesh.contains_root():
                rooted = now
            elif self._mesh.expects_root and now - looked > LOOK_US:
                looked = now
                if may_look_elsewhere(False, rooted, now, self._board.random(1)[0]):
                    self._elsewhere = await self._scan()
        return stood


async def _ended(dialling: object) -> str:
    """End the link if it still stands; why it ended."""
    if not dialling.done():
        dialling.cancel()
    try:
        return await dialling
    except asyncio.CancelledError:
        return "the WiFi has gone"
