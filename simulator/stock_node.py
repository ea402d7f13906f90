"""A process that behaves as an unmodified C++ painlessMesh sketch with `initOTAReceive(role)`: level 0 and nothing more.

    python stock_node.py FOLDER NODE_ID HOST:PORT ROLE HARDWARE ASK_AGAIN

One part per request, asked again after ASK_AGAIN seconds, of which C++ has 30; the MD5 is noted before the restart and believed ever after; a power cut
loses all that had arrived. Its folder holds the note (`md5`) and what it runs (`image`). It ends with exit code 3 where an
ESP restarts. The receiver is written after the specification of the protocol, not after any program.
"""

import asyncio
import binascii
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from painlessmesh.link import Links
from painlessmesh.mesh import Mesh
from painlessmesh.protocol import OTA_ANNOUNCE, OTA_DATA, OTA_REQUEST, TO_ONE

ASKS = 10  # then the offer is forgotten
RESTART_SECONDS = 2
RESTARTS = 3
DIAL_SECONDS = 1
LOOK_SECONDS = 0.1


def microseconds() -> int:
    return time.monotonic_ns() // 1000


class StockNode:
    """The receiver; `restart` is set when the last part has been taken."""

    def __init__(
        self, folder: Path, mesh: Mesh, role: str, hardware: str, ask_again: float
    ) -> None:
        self.restart = asyncio.Event()
        self._folder = folder
        self._mesh = mesh
        self._role, self._hardware = role, hardware
        self._ask_again = int(ask_again * 1_000_000)
        note = folder / "md5"
        self._installed = note.read_text() if note.exists() else ""
        self._md5 = ""
        self._server = self._parts = self._part = self._asks = 0
        self._ask_at: int | None = None
        self._image = bytearray()
        mesh.on_package(OTA_ANNOUNCE, self._announced)
        mesh.on_package(OTA_DATA, self._arrived)

    def tick(self, now: int) -> None:
        if self._ask_at is None or now < self._ask_at:
            return
        if self._asks >= ASKS:
            self._md5, self._ask_at = "", None
        else:
            self._ask(now)

    def _announced(self, package: dict[str, object], _link: object, now: int) -> None:
        md5 = str(package.get("md5", ""))
        wanted = (package.get("role"), package.get("hardware")) == (self._role, self._hardware)
        runs = md5 == self._installed and not package.get("forced")
        if not wanted or runs or md5 == self._md5 or self.restart.is_set():
            return
        print("offered", md5, flush=True)
        self._md5, self._asks = md5, 0
        self._server, self._parts = int(str(package["from"])), int(str(package["noPart"]))
        self._ask(now)

    def _ask(self, now: int) -> None:
        self._asks += 1
        self._ask_at = now + self._ask_again
        self._mesh.send(
            (
                ("from", self._mesh.node_id),
                ("routing", TO_ONE),
                ("type", OTA_REQUEST),
                ("md5", self._md5),
                ("hardware", self._hardware),
                ("role", self._role),
                ("noPart", self._parts),
                ("broadcasted", False),
                ("dest", self._server),
                ("partNo", self._part),
            )
        )

    def _arrived(self, package: dict[str, object], _link: object, now: int) -> None:
        """The part wanted; every other one is ignored without a word."""
        if not self._md5 or package.get("md5") != self._md5 or package.get("partNo") != self._part:
            return
        self._image += binascii.a2b_base64(str(package["data"]))
        self._part += 1
        self._asks = 0
        if self._part < self._parts:
            self._ask(now)
            return
        self._ask_at = None
        (self._folder / "image").write_bytes(self._image)
        (self._folder / "md5").write_text(self._md5)
        print("complete", self._md5, flush=True)
        self.restart.set()


async def main(folder: str, node_id: str, gateway: str, role: str, hardware: str, ask: str) -> None:
    mesh = Mesh(int(node_id))
    node = StockNode(Path(folder), mesh, role, hardware, float(ask))
    links = Links(mesh, microseconds)
    host, _, port = gateway.partition(":")

    async def stay() -> None:
        while True:
            await links.dial(host, int(port))
            await asyncio.sleep(DIAL_SECONDS)

    async def beat() -> None:
        while True:
            node.tick(microseconds())
            await asyncio.sleep(LOOK_SECONDS)

    tasks = [asyncio.create_task(task) for task in (stay(), beat(), links.run())]
    await node.restart.wait()
    await asyncio.sleep(RESTART_SECONDS)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
    sys.exit(RESTARTS)
