"""A gateway on MicroPython, compiled, in a process of its own, and twenty nodes around it."""

import asyncio
import json
from pathlib import Path

from gateway_in_house import GATEWAY, GATEWAY_KEY, MESH_KEY, Member
from home_assistant_side import HomeAssistantSide, job
from node_side import OurNode

from scripts.firmware import compiler, sources
from simulator.free_port import free_port

START = Path(__file__).with_name("start_on_micropython.py")
PROGRAMS = Path(__file__).parents[2] / ".tools" / "bin"
# What the gateway has by its design, and 6 KiB for the board of these tests, which is Python in the same heap. On the 64-bit
# unix port code and objects take twice an ESP32's room.
HEAP = (192 + 6) * 1024
NODES = 20
NEIGHBOURS = 6


class Flash:
    """A slot filled with what a gateway's bundle holds, and the program started in it."""

    def __init__(self, folder):
        self.folder = folder
        found = sources.of_application("gateway", "gateway", {})
        found[f"gateway/{START.name}"] = START.read_bytes()  # its board has the names of a board
        for name, content in compiler.compiled(found).items():
            path = folder / "a" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        keys = {"gateway_key": GATEWAY_KEY.hex(), "mesh_key": MESH_KEY.hex()}
        (folder / "keys.json").write_text(json.dumps(keys))

    def configure(self, url, **more):
        found = {
            "node_type": "gateway",
            "mesh": {"prefix": "mesh", "password": "password"},
            "router": {"ssid": "home"},
            "home_assistant": {"url": url},
            **more,
        }
        (self.folder / "config.json").write_text(json.dumps(found))

    async def start(self, *words, program="micropython", heap=None):
        return await asyncio.create_subprocess_exec(
            PROGRAMS / program,
            "-X",
            f"heapsize={heap or HEAP}",
            "-m",
            f"gateway.{START.stem}",
            *words,
            cwd=self.folder,
            env={"MICROPYPATH": "a:.frozen"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )


class House:
    @classmethod
    async def start(cls, folder, *words, program="micropython", heap=None, **settings):
        """`words` are the board's; `heap` is bytes; `settings` stand in its configuration."""
        home_assistant = HomeAssistantSide(GATEWAY_KEY, GATEWAY)
        await home_assistant.start()
        port = free_port()
        flash = Flash(folder)
        flash.configure(home_assistant.url, **settings)
        process = await flash.start(str(port), *words, program=program, heap=heap)
        return cls(process, home_assistant, port)

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

    async def add(self, node_id, parent_port, listen=False):
        member = Member(self, node_id, lambda mesh: OurNode(mesh, MESH_KEY), parent_port)
        self.members.append(member)
        await member.join()
        if listen:
            member.port = free_port()
            await member.links.listen("127.0.0.1", member.port)
        return member

    async def stop(self):
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self.reading
        for member in self.members:
            await member.leave()
        await self.home_assistant.stop()


async def joined(house, until):
    """Twenty nodes in the tree, and Home Assistant has heard of each."""
    for number in range(NODES):
        below = house.members[number % NEIGHBOURS].port if number >= NEIGHBOURS else house.port
        await house.add(2000000001 + number, below, listen=number < NEIGHBOURS)
        if number == NEIGHBOURS - 1:
            await asyncio.sleep(1)
    wanted = [str(member.mesh.node_id) for member in house.members]
    ha = house.home_assistant
    await until(lambda: all(ha.told(node_id, "nodes") for node_id in wanted), 40)


async def received(house, until, image, targets):
    """Some of twenty nodes have that image; these."""
    await joined(house, until)
    ha = house.home_assistant
    nodes = [member.node for member in house.members[-targets:]]
    ha.images[2] = image
    ha.set_jobs(job(image, [(node.mesh.node_id, 1) for node in nodes]))
    await until(lambda: all(node.images for node in nodes), 60)
    assert all(node.images == [image] for node in nodes)
    return nodes


async def rollout(house, until, image, targets):
    """Some of twenty nodes are updated with that image."""
    nodes = await received(house, until, image, targets)
    await until(lambda: all(node.boot == 8 and node.phase == "idle" for node in nodes), 40)
