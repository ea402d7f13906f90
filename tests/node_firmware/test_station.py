"""The uplink over real sockets: two whole nodes on the loopback, only the radio made up."""

import asyncio

import pytest

from device import wifi
from node import station
from node.station import Station
from painlessmesh.link import Links
from painlessmesh.mesh import Mesh

PREFIX = {"prefix": "house", "password": "long enough", "hidden": False}


class Radio:
    """Hears the access points that the test names; joining one leads to its port on the loopback."""

    def __init__(self):
        self.rows = []
        self.alive = False
        self.joins = []
        self.full = set()
        self.busy = 0

    def now_us(self):
        return int(asyncio.get_running_loop().time() * 1_000_000)

    def random(self, length):
        return bytes(length)

    async def scan(self, _mesh):
        if self.busy:
            self.busy -= 1
            raise OSError("busy")
        return self.rows

    async def join(self, bssid, _mesh):
        self.joins.append(bssid)
        self.alive = bssid not in self.full
        return "127.0.0.1" if self.alive else None

    def leave(self):
        self.alive = False

    def uplink_alive(self):
        return self.alive


class Peer:
    def __init__(self, node_id, port):
        self.radio = Radio()
        self.mesh = Mesh(node_id)
        self.links = Links(self.mesh, self.radio.now_us)
        self.port = port

    async def start(self):
        await self.links.listen("127.0.0.1", self.port)
        self.ticking = asyncio.create_task(self.links.run())

    async def close(self):
        self.ticking.cancel()
        await self.links.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(station, "WATCH_SECONDS", 0.02)
    monkeypatch.setattr(wifi, "PAUSES", (0.02,))


@pytest.fixture
async def two(unused_tcp_port):
    """A gateway that listens, and a node whose station runs."""
    gateway, node = Peer(1, unused_tcp_port), Peer(2, 0)
    gateway.mesh.root = True
    await gateway.start()
    await node.start()
    config = dict(PREFIX, port=gateway.port)
    running = asyncio.create_task(Station(node.radio, node.mesh, node.links, config).run())
    yield gateway, node
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await node.close()
    await gateway.close()


async def soon(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - conditions of a mesh, which has no events for them
            await asyncio.sleep(0.01)


async def test_a_node_joins_what_it_hears_and_the_tree_knows_both(two):
    gateway, node = two
    node.radio.rows = [(1, -50, 1, b"gate")]
    await soon(lambda: node.mesh.get_node_list() == [1])
    await soon(lambda: gateway.mesh.get_node_list() == [2])


async def test_a_node_whose_access_point_goes_comes_back_to_it(two):
    gateway, node = two
    node.radio.rows = [(1, -50, 1, b"gate")]
    await soon(lambda: gateway.mesh.get_node_list() == [2])
    node.radio.alive = False
    await soon(lambda: len(node.radio.joins) == 2)
    await soon(lambda: node.mesh.get_node_list() == [1])


async def test_a_link_that_the_other_side_ends_is_made_again(two):
    gateway, node = two
    node.radio.rows = [(1, -50, 1, b"gate")]
    await soon(lambda: gateway.mesh.get_node_list() == [2])
    gateway.mesh.links[0].close("test")
    await soon(lambda: len(node.radio.joins) == 2)
    await soon(lambda: gateway.mesh.get_node_list() == [2])


async def test_an_access_point_that_is_full_is_left_for_the_next(two):
    _gateway, node = two
    node.radio.full.add(b"full")
    node.radio.rows = [(7, -30, 1, b"full"), (1, -80, 1, b"gate")]
    await soon(lambda: node.mesh.get_node_list() == [1])
    assert node.radio.joins == [b"full", b"gate"]


async def test_a_driver_that_is_busy_is_asked_again(two):
    _gateway, node = two
    node.radio.rows = [(1, -50, 1, b"gate")]
    node.radio.busy = 3
    await soon(lambda: node.mesh.get_node_list() == [1])


async def test_a_node_whose_tree_has_a_root_stays_where_it_is(two, monkeypatch):
    gateway, node = two
    monkeypatch.setattr(station, "LOOK_US", 0)
    monkeypatch.setattr(wifi, "ROOTLESS_US", 0)
    node.radio.rows = [(1, -50, 1, b"gate")]
    await soon(lambda: gateway.mesh.get_node_list() == [2])
    node.radio.rows = [(1, -50, 1, b"gate"), (9, -20, 1, b"else")]
    await asyncio.sleep(0.3)
    assert node.radio.joins == [b"gate"]


async def test_a_node_in_a_tree_without_a_root_moves_to_a_stranger(two, monkeypatch):
    gateway, node = two
    gateway.mesh.root = False
    monkeypatch.setattr(station, "LOOK_US", 0)
    monkeypatch.setattr(wifi, "ROOTLESS_US", 0)
    node.radio.rows = [(1, -50, 1, b"gate")]
    await soon(lambda: gateway.mesh.get_node_list() == [2])
    node.radio.full.add(b"else")
    node.radio.rows = [(1, -50, 1, b"gate"), (9, -20, 1, b"else")]
    await soon(lambda: node.radio.joins[:2] == [b"gate", b"else"])


async def test_a_node_whose_mesh_is_meant_to_have_no_root_stays_where_it_is(two, monkeypatch):
    gateway, node = two
    assert node.mesh.expects_root  # as the station says of ours
    node.mesh.set_contains_root(False)
    gateway.mesh.root = False
    monkeypatch.setattr(station, "LOOK_US", 0)
    monkeypatch.setattr(wifi, "ROOTLESS_US", 0)
    node.radio.rows = [(1, -50, 1, b"gate")]
    await soon(lambda: gateway.mesh.get_node_list() == [2])
    node.radio.rows = [(1, -50, 1, b"gate"), (9, -20, 1, b"else")]
    await asyncio.sleep(0.3)
    assert node.radio.joins == [b"gate"]
