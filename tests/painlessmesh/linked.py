"""Nodes on real TCP on loopback, and waiting for what they do; for tests on both Pythons."""

import asyncio

from painlessmesh.link import Links
from painlessmesh.mesh import Mesh

HOST = "127.0.0.1"
PORT = 25555
TRIES = 100  # other tests may run beside these
ports = [PORT]  # the last one that was listened on


class Clock:
    """Microseconds that pass when the test says so, and a little with each question."""

    def __init__(self):
        self.now = 5_000_000

    def __call__(self):
        self.now += 10
        return self.now


class Node:
    """A mesh with its links; `tasks` end with `stop`."""

    def __init__(self, node_id, may_join=None):
        self.mesh = Mesh(node_id)
        self.clock = Clock()
        self.links = Links(self.mesh, self.clock, may_join)
        self.got = []
        self.tasks = []
        self.mesh.on_receive(lambda sender, msg: self.got.append((sender, msg)))

    async def _listen_somewhere(self):
        for _ in range(TRIES):
            ports[0] += 1
            try:
                return await self.links.listen(HOST, ports[0])
            except OSError:
                pass
        raise OSError("no port is free")

    async def listen(self):
        await self._listen_somewhere()
        self.tasks.append(asyncio.create_task(self.links.run()))
        return ports[0]

    def dial(self, port):
        task = asyncio.create_task(self.links.dial(HOST, port))
        self.tasks.append(task)
        return task

    async def stop(self):
        await self.links.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.sleep(0)


async def until(condition, seconds=5):
    """Waits for what must become true."""
    for _ in range(seconds * 50):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not become true")


async def joined():
    """(accepting node, dialling node, the task that dials)."""
    accepting, dialling = Node(1111111111), Node(2222222222)
    port = await accepting.listen()
    task = dialling.dial(port)
    await until(lambda: accepting.mesh.get_node_list() and dialling.mesh.get_node_list())
    return accepting, dialling, task


async def raw(port):
    """A bare connection: (reader, writer)."""
    return await asyncio.wait_for(asyncio.open_connection(HOST, port), 5)
