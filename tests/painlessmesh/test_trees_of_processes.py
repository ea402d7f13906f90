"""Trees of real processes on MicroPython over TCP: whatever joined, dropped, rebooted, closed a loop or split, all agree."""

import asyncio
import random

import pytest

from simulator.free_port import free_port
from tests.painlessmesh.test_example import MICROPYTHON, REPOSITORY

PROGRAM = "tests/painlessmesh/node_process.py"
AGREE = 20  # s


class Node:
    def __init__(self, node_id: int, port: int) -> None:
        self.node_id, self.port = node_id, port
        self.uplink: int | None = None  # node id
        self.lines: list[str] = []

    async def start(self) -> None:
        self.uplink = None
        self.process = await asyncio.create_subprocess_exec(
            *(MICROPYTHON, "-X", "heapsize=160k", PROGRAM, str(self.node_id), str(self.port)),
            cwd=REPOSITORY,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self.reading = asyncio.create_task(self.read())
        await self.says("ready")

    async def read(self) -> None:
        assert self.process.stdout
        while line := await self.process.stdout.readline():
            self.lines.append(line.decode().rstrip())
            if line.startswith(b"parted"):
                self.uplink = None

    def order(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(line.encode() + b"\n")

    async def says(self, start: str, since: int = 0) -> str:
        async with asyncio.timeout(AGREE):
            while True:
                for line in self.lines[since:]:
                    if line.startswith(start):
                        return line
                assert not self.reading.done(), self.lines
                await asyncio.sleep(0.02)

    async def tree(self) -> str:
        since = len(self.lines)
        self.order("tree")
        return (await self.says("tree", since))[5:]

    async def stop(self) -> None:
        self.process.kill()
        await self.process.wait()
        await self.reading


class Mesh:
    """What the tree should be is what the nodes' uplinks make of it."""

    def __init__(self, size: int, seed: int) -> None:
        self.dice = random.Random(seed)
        ports = [free_port() for _ in range(size)]
        self.nodes = {number: Node(number, ports[number - 1]) for number in range(1, size + 1)}

    def component(self, node_id: int) -> set[int]:
        found = {node_id}
        while True:
            pairs = self.edges()
            more = {one for pair in pairs if found & set(pair) for one in pair}
            if more <= found:
                return found
            found |= more

    def edges(self) -> list[tuple[int, int]]:
        pairs = [(node.node_id, node.uplink) for node in self.nodes.values() if node.uplink]
        return sorted((min(pair), max(pair)) for pair in pairs)

    def join(self, node: Node, to: int) -> None:
        node.uplink = to
        node.order(f"join {self.nodes[to].port}")

    def rejoin(self) -> None:
        """As the WiFi layer does: who has no uplink joins somebody of another tree."""
        for node in self.nodes.values():
            outside = sorted(set(self.nodes) - self.component(node.node_id))
            if node.uplink is None and outside:
                self.join(node, self.dice.choice(outside))

    async def disturb(self) -> None:
        node = self.dice.choice(list(self.nodes.values()))
        kind = self.dice.randrange(4)
        if kind == 0:  # its power goes and comes back
            for other in self.nodes.values():
                if other.uplink == node.node_id:
                    other.uplink = None
            await node.stop()
            await node.start()
        elif kind == 1:  # its uplink breaks, which splits the mesh
            node.order("leave")
        elif kind == 2 and node.uplink is None:  # it closes a loop, which the mesh has to end
            inside = sorted(self.component(node.node_id) - {node.node_id})
            if inside:
                node.order(f"join {self.nodes[self.dice.choice(inside)].port}")
        await asyncio.sleep(self.dice.random())

    async def agree(self) -> None:
        """Everybody names exactly the links there are, within the time."""
        said: dict[int, str] = {}
        try:
            async with asyncio.timeout(AGREE):
                while True:
                    self.rejoin()
                    said = {one: await node.tree() for one, node in self.nodes.items()}
                    wanted = " ".join("%d-%d" % pair for pair in self.edges())
                    if set(said.values()) == {wanted} and len(self.edges()) == len(self.nodes) - 1:
                        return
                    await asyncio.sleep(0.2)
        except TimeoutError:
            pytest.fail(f"{said}\nwanted {self.edges()}")

    async def check_traffic(self, text: str) -> None:
        author, target = self.dice.sample(sorted(self.nodes), 2)
        self.nodes[author].order(f"say {text}")
        self.nodes[author].order(f"tell {target} only-{text}")
        await self.nodes[target].says(f"heard {author} only-{text}")
        others = [node for one, node in self.nodes.items() if one != author]
        for node in others:
            await node.says(f"heard {author} {text}")
        await asyncio.sleep(0.3)
        for node in self.nodes.values():
            heard = [line for line in node.lines if line.endswith(f" {text}")]
            assert len(heard) == (node in others)
            singles = [line for line in node.lines if line.endswith(f" only-{text}")]
            assert len(singles) == (node.node_id == target)


@pytest.mark.parametrize(("size", "rounds", "full"), [(7, 4, False), (20, 30, True)])
async def test_all_end_with_the_same_tree_and_a_broadcast_arrives_once(
    size: int, rounds: int, full: bool, full_counts: bool
) -> None:
    """Twenty processes only with --full."""
    if full and not full_counts:
        return
    mesh = Mesh(size, seed=size)
    try:
        await asyncio.gather(*(node.start() for node in mesh.nodes.values()))
        await mesh.agree()
        await mesh.check_traffic("first")
        for number in range(rounds):
            for _ in range(mesh.dice.randrange(1, 4)):
                await mesh.disturb()
            await mesh.agree()
            await mesh.check_traffic(f"round{number}")
    finally:
        for node in mesh.nodes.values():
            await node.stop()
