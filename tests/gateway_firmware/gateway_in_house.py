"""The whole gateway in this process: shipped code, a made-up board, real sockets to Home Assistant and to its nodes."""

import asyncio
import hashlib
import os
import time

from home_assistant_side import HomeAssistantSide
from node_side import OurNode, StockNode

from device.flash_files import FlashFiles
from gateway import own_slot
from gateway.blocks import Blocks
from gateway.gateway import Gateway
from gateway.keys import Keys
from painlessmesh.link import Links
from painlessmesh.mesh import Mesh
from simulator.free_port import free_port

GATEWAY = 1111111111
GATEWAY_KEY = bytes(range(32))
MESH_KEY = bytes(range(32, 64))


def image_of(size, seed=0):
    """An image with no two blocks alike."""
    blocks = [hashlib.sha256(b"%d %d" % (seed, n)).digest() for n in range(size // 32 + 1)]
    return b"".join(blocks)[:size]


def now_us():
    return time.monotonic_ns() // 1000


class Board:
    """What an ESP32 would be, without radio."""

    hardware = "ESP32-MPY"
    chip = "esp32"
    node_id = GATEWAY

    def __init__(self, port):
        self.port = port
        self.fed = 0
        self.resets = 0
        self.router = True

    now_us = staticmethod(now_us)
    random = staticmethod(os.urandom)

    def start_access_point(self, _mesh):
        return "127.0.0.1", self.port

    def may_join(self, _local, _peer):
        return True

    def router_alive(self):
        return self.router

    async def join_router(self, _router):
        self.router = True
        return True

    def heap_free(self):
        return 61000

    def flash_free(self):
        return 1500000

    def rssi(self):
        return -50

    def mpy_version(self):
        return "1.26.1"

    def reset_cause(self):
        return "power_on"

    def watchdog(self, _timeout_ms):
        pass

    def feed(self):
        self.fed += 1

    def reset(self):
        self.resets += 1


class Member:
    """A node with a link of its own to the gateway (or to another member)."""

    def __init__(self, house, node_id, make, parent_port):
        self.house = house
        self.mesh = Mesh(node_id)
        self.node = make(self.mesh)
        self.parent_port = parent_port
        self.tasks = []

    async def join(self):
        self.links = Links(self.mesh, now_us)
        steps = (self._dial(), self.links.run(), self._beat())
        self.tasks = [asyncio.create_task(step) for step in steps]

    async def _dial(self):
        while True:
            await self.links.dial("127.0.0.1", self.parent_port)
            await asyncio.sleep(0.05)

    async def leave(self):
        await self.links.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks = []

    async def restart(self):
        """Off, up again, joined."""
        await self.leave()
        self.node.restart()
        await self.join()

    async def _beat(self):
        while True:
            self.node.tick(now_us())
            if getattr(self.node, "phase", "") == "restarting":
                asyncio.get_running_loop().create_task(self.restart())
                return
            await asyncio.sleep(0.02)


class House:
    def __init__(self, root):
        self.root = str(root)
        self.home_assistant = HomeAssistantSide(GATEWAY_KEY, GATEWAY)
        self.members = []
        self.gateway = None
        self.running = None

    async def start(self):
        await self.home_assistant.start()
        self.port = free_port()
        await self.start_gateway()

    async def start_gateway(self):
        board = Board(self.port)
        config = {"mesh": {}, "router": {}, "home_assistant": {"url": self.home_assistant.url}}
        keys = Keys(GATEWAY_KEY, MESH_KEY)
        self.gateway = Gateway(
            board, config, keys, own_slot.facts(FlashFiles(self.root)), Blocks(), self.root + "/"
        )
        self.running = asyncio.create_task(self.gateway.run())
        await asyncio.sleep(0)

    async def stop_gateway(self):
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)
        self.gateway.connection.drop()
        await self.gateway.links.close()

    async def stop(self):
        for member in self.members:
            await member.leave()
        await self.stop_gateway()
        await self.home_assistant.stop()

    async def add(self, node_id, **changes):
        """One of our nodes, joined."""
        return await self._add(node_id, lambda mesh: OurNode(mesh, MESH_KEY, **changes))

    async def add_stock(self, node_id, **changes):
        return await self._add(node_id, lambda mesh: StockNode(mesh, **changes))

    async def _add(self, node_id, make):
        member = Member(self, node_id, make, self.port)
        self.members.append(member)
        await member.join()
        return member.node
