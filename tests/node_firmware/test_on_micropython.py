"""The shipped node as a bundle on MicroPython, in its own process; the gateway's end dials in from here.

The heap is the one that a node has to live with on a 64-bit computer, where code and objects take
twice an ESP32's room, and what the simulated hardware takes, which is C on a board.
"""

import asyncio
import hashlib
import json
import random
import time
from contextlib import asynccontextmanager, contextmanager

import house as h
import pytest

from custom_components.mesh_ota.firmware.deflate import deflated
from gateway.contact import Contact
from painlessmesh.link import Links
from painlessmesh.mesh import Mesh
from painlessmesh.ota_sender import Offer, Sender
from simulator import firmware, virtual_mesh
from simulator.bootloader import Board, Machine
from simulator.guardian import Guardian
from simulator.house_number import HouseNumber

pytestmark = pytest.mark.long

HEAP = virtual_mesh.NODE_HEAP


def now():
    return int(time.monotonic() * 1_000_000)


class Gateway:
    """The protocol's own gateway end, on a real socket to one board."""

    def __init__(self, board):
        self.board = board
        self.mesh = Mesh(h.GATEWAY)
        self.mesh.root = True
        self.links = Links(self.mesh, now)
        self.contact = Contact(self.mesh, h.KEY, h.NONCE)
        self.contact.on_status = lambda _node, status, _now: self.statuses.append(status)
        self.statuses = []
        self.sender = Sender(h.GATEWAY)
        self.mesh.on_package(11, self._asked)
        self.image = b""
        self.parts = 0
        self.silent_after = None  # parts that are answered
        self.tasks = []

    def open(self):
        running = (self._dial(), self._tick(), self.links.run())
        self.tasks = [asyncio.create_task(one) for one in running]

    async def close(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.links.close()

    async def _dial(self):
        while True:
            await self.links.dial(self.board.address, 5555)
            await asyncio.sleep(0.2)

    async def _tick(self):
        while True:
            self.contact.tick(now())
            request = self.sender.due(now())
            while request is not None:
                self._serve(request)
                request = self.sender.due(now())
            await asyncio.sleep(0.01)

    def _asked(self, package, _link, _now):
        self._serve(self.sender.on_request(package, now()))

    def _serve(self, request):
        if request is None or self.parts == self.silent_after:
            return
        self.parts += 1
        start = request.part * 1024
        payload = self.image[start : start + request.offer.part_length(request.part)]
        self.mesh.send(self.sender.data_package(request, payload))

    async def until(self, condition, seconds=30):
        try:
            async with asyncio.timeout(seconds):
                while not (self.statuses and condition(self.statuses[-1])):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pytest.fail(f"{self.statuses[-1:]}\n{self.board.said()[-2000:]}")
        return self.statuses[-1]

    async def offer(self, image, carried=None):
        """Announce it once node and gateway know each other; `carried` is the same one deflated."""
        await self.until(lambda _status: self._greeted(), 20)
        self.image = image if carried is None else carried
        offer = Offer("pir", "ESP32-MPY", hashlib.md5(image).hexdigest(), len(self.image))
        self.sender.offer(offer)
        self.sender.add_target(offer, self.board.node_id)
        more = (
            ("size", len(image)),
            ("sha256", hashlib.sha256(image).hexdigest()),
            ("kind", "app-bundle"),
            ("version", "1.1.0"),
            ("deflate", None if carried is None else len(carried)),
        )
        known = self.sender.announcement(self.board.node_id)
        self.mesh.send(self._node().sign(known + more))
        return offer.md5

    def commit(self, md5):
        self.contact.command(self._node(), "commit", md5, "4f1d-1")

    def _node(self):
        return self.contact.node(self.board.node_id)

    def _greeted(self):
        node = self._node()
        return node is not None and node.ours and not node.greet


@contextmanager
def board_in(folder, heap):
    """A board in service but for its firmware, with an address that no other one has."""
    guardian, house = Guardian(), HouseNumber()
    (folder / "air").mkdir()
    hardware = firmware.compile_hardware(folder / "hardware")
    machine = Machine(virtual_mesh.MICROPYTHON, hardware, folder / "air", guardian)
    board = Board(machine, folder / "board", "hall", house.mac(1), heap)
    config = {
        "node_type": "pir",
        "name": "hall",
        "mesh": {"prefix": "house", "password": "long enough"},
        "mesh_key": h.KEY.hex(),
    }
    (board.flash / "config.json").write_text(json.dumps(config))
    try:
        yield board
    finally:
        guardian.close()
        house.release()


@asynccontextmanager
async def in_service(folder, bundle):
    """A gateway to a board that runs this bundle."""
    with board_in(folder, HEAP) as board:
        firmware.put_into_service(board.flash, bundle)
        found = Gateway(board)
        await board.start()
        found.open()
        try:
            yield found
        finally:
            await found.close()
            await board.stop()


@pytest.fixture
async def gateway(tmp_path):
    async with in_service(tmp_path, firmware.current("pir", "1.0.0")) as found:
        yield found


async def test_a_node_on_micropython_takes_an_update_and_proves_it(gateway):
    image = firmware.with_new_behaviour("pir", "1.1.0", random.randbytes(100_000))
    md5 = await gateway.offer(image)
    await gateway.until(lambda status: status["phase"] == "ready")
    gateway.commit(md5)
    after = await gateway.until(
        lambda status: status["version"] == "1.1.0" and status["phase"] == "idle", 60
    )
    assert after["proof"] == firmware.proof_of(image)
    assert after["last"]["outcome"] == "confirmed"
    assert gateway.board.pin(firmware.LIT_BY_NEW_VERSION) == 1


async def test_a_node_on_micropython_takes_a_deflated_update_and_proves_it(gateway):
    image = firmware.with_new_behaviour("pir", "1.1.0")
    md5 = await gateway.offer(image, deflated(image))
    await gateway.until(lambda status: status["phase"] == "ready")
    assert gateway.board.starts == 1, "it found too little memory at first"
    gateway.commit(md5)
    after = await gateway.until(
        lambda status: status["version"] == "1.1.0" and status["phase"] == "idle", 60
    )
    assert after["proof"] == firmware.proof_of(image)


async def test_a_power_cut_in_mid_transfer_costs_a_node_on_micropython_one_segment_at_most(gateway):
    image = firmware.with_new_behaviour("pir", "1.1.0", random.randbytes(100_000))
    gateway.silent_after = 100
    await gateway.offer(image)
    await gateway.until(lambda _status: gateway.parts == 100)
    await asyncio.sleep(0.2)
    await gateway.board.power_cut()
    boots = gateway.statuses[-1]["boot"]
    await gateway.until(lambda status: status["boot"] > boots)
    gateway.silent_after = None
    gateway.parts = 0
    await gateway.offer(image)
    await gateway.until(lambda status: status["phase"] == "ready")
    assert gateway.parts <= -(-len(image) // 1024) - 80
