"""The gateway on MicroPython, compiled, in the heap it will have: the same Home Assistant, twenty nodes, a large image."""

import asyncio
import json
import re
import socket
from pathlib import Path

import pytest
from gateway_in_house import GATEWAY, GATEWAY_KEY, MESH_KEY, Member, image_of
from home_assistant_side import HomeAssistantSide, job
from node_side import OurNode

from scripts.firmware import compiler, sources

START = Path(__file__).with_name("start_on_micropython.py")
MICROPYTHON = Path(__file__).parents[2] / ".tools" / "bin" / "micropython"
OVER_LOADED = 48 * 1024  # bytes over what is loaded, for any image and twenty nodes
HEAP = 192 * 1024
NODES = 20
NEIGHBOURS = 6


class Flash:
    """A slot filled with what a gateway's bundle holds, and the program started in it."""

    def __init__(self, folder):
        self.folder = folder
        found = sources.of_application("gateway", "gateway", {})
        for name, content in compiler.compiled(found).items():
            path = folder / "a" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        keys = {"gateway_key": GATEWAY_KEY.hex(), "mesh_key": MESH_KEY.hex()}
        (folder / "keys.json").write_text(json.dumps(keys))

    def configure(self, url):
        found = {
            "node_type": "gateway",
            "mesh": {"prefix": "mesh", "password": "password"},
            "router": {"ssid": "home"},
            "home_assistant": {"url": url},
        }
        (self.folder / "config.json").write_text(json.dumps(found))

    async def loaded(self):
        """Bytes of heap that the program takes when nothing has been built yet."""
        self.configure("http://127.0.0.1")
        process = await self.start(HEAP, "0")
        output = (await process.communicate())[0].decode()
        return int(re.search(r"loaded (\d+)", output).group(1))

    async def start(self, heap, *arguments):
        return await asyncio.create_subprocess_exec(
            MICROPYTHON,
            "-X",
            f"heapsize={heap}",
            START,
            *arguments,
            cwd=self.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class House:
    def __init__(self, process, home_assistant, port):
        self.process = process
        self.home_assistant = home_assistant
        self.port = port
        self.members = []
        self.output = []
        self.reading = asyncio.create_task(self.read())

    async def read(self):
        while line := await self.process.stdout.readline():
            self.output.append(line.decode().rstrip())
            print(line)

    async def add(self, node_id, parent_port, listen=False):
        member = Member(self, node_id, lambda mesh: OurNode(mesh, MESH_KEY), parent_port)
        self.members.append(member)
        await member.join()
        if listen:
            member.port = free_port()
            await member.links.listen("127.0.0.1", member.port)
        return member

    async def stop(self):
        self.process.kill()
        await self.process.wait()
        await self.reading
        for member in self.members:
            await member.leave()
        await self.home_assistant.stop()


@pytest.fixture
async def houses(tmp_path):
    flash = Flash(tmp_path)
    started = []

    async def start(heap):
        home_assistant = HomeAssistantSide(GATEWAY_KEY, GATEWAY)
        await home_assistant.start()
        port = free_port()
        flash.configure(home_assistant.url)
        process = await flash.start(heap, str(port), "run")
        started.append(House(process, home_assistant, port))
        return started[-1]

    start.flash = flash
    yield start
    for house in started:
        await house.stop()


async def rollout(house, until, image, targets):
    """Twenty nodes in the tree, some of them updated with that image."""
    ha = house.home_assistant
    for number in range(NODES):
        below = house.members[number % NEIGHBOURS].port if number >= NEIGHBOURS else house.port
        await house.add(2000000001 + number, below, listen=number < NEIGHBOURS)
        if number == NEIGHBOURS - 1:
            await asyncio.sleep(1)
    wanted = [str(member.mesh.node_id) for member in house.members]
    await until(lambda: all(ha.told(node_id, "nodes") for node_id in wanted), 40)
    nodes = [member.node for member in house.members[-targets:]]
    ha.images[2] = image
    ha.set_jobs(job(image, [(node.mesh.node_id, 1) for node in nodes]))
    await until(lambda: all(node.images for node in nodes), 60)
    assert all(node.images == [image] for node in nodes)
    await until(lambda: all(node.boot == 8 and node.phase == "idle" for node in nodes), 40)
    return nodes


@pytest.mark.parametrize("size", [64 * 1024, 2 * 1024 * 1024], ids=["64 KiB", "2 MiB"])
async def test_twenty_nodes_and_any_image_fit_into_48_kib_over_what_is_loaded(houses, until, size):
    heap = await houses.flash.loaded() + OVER_LOADED
    house = await houses(HEAP)
    print("heap", heap)
    await rollout(house, until, image_of(size), 4)
    assert house.process.returncode is None
    assert not [line for line in house.output if "Memory" in line or "Traceback" in line], (
        house.output
    )
    free = [
        body["gateway"]["heap"] for _, body in house.home_assistant.reports if "gateway" in body
    ]
    print("heap", heap, "loaded", heap - OVER_LOADED, "least free", min(free), house.output)
