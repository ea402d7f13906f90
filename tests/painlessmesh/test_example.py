"""The example of the library, as its docstring tells to start it: three nodes chat on the unix port."""

import asyncio
from pathlib import Path

import pytest

from simulator.free_port import free_port

REPOSITORY = Path(__file__).parents[2]
MICROPYTHON = REPOSITORY / ".tools" / "bin" / "micropython"


class Chatter:
    """One node in a process of its own."""

    async def start(self, *arguments):
        self.said = []
        self.process = await asyncio.create_subprocess_exec(
            *(MICROPYTHON, "painlessmesh/examples/chat.py", *map(str, arguments)),
            cwd=REPOSITORY,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self.reading = asyncio.create_task(self.read())
        return self

    async def read(self):
        while line := await self.process.stdout.readline():
            self.said.append(line.decode().rstrip())

    def type(self, line):
        self.process.stdin.write(line.encode() + b"\n")

    async def hears(self, line):
        async with asyncio.timeout(30):
            while line not in self.said:
                assert not self.reading.done(), self.said
                await asyncio.sleep(0.05)

    async def stop(self):
        self.process.kill()
        await self.process.wait()
        await self.reading


@pytest.fixture
async def three():
    ports = [free_port() for _ in range(3)]
    nodes = [
        await Chatter().start(1, ports[0]),
        await Chatter().start(2, ports[1], ports[0]),
        await Chatter().start(3, ports[2], ports[1]),
    ]
    yield nodes
    for node in nodes:
        await node.stop()


async def test_three_nodes_chat(three):
    one, two, three_ = three
    await one.hears("nodes: [2, 3]")
    await three_.hears("nodes: [1, 2]")
    one.type("hello all")
    await two.hears("1: hello all")
    await three_.hears("1: hello all")
    three_.type("@1 just you")
    await one.hears("3: just you")
    assert "3: just you" not in two.said
    two.type("@9 hello")
    await two.hears("nobody there")
