"""What a rollout costs the real programs: the gateway's and a node's, compiled, on MicroPython in about a device's heap.

The gateway serves twenty nodes in a tree from a Home Assistant that is written from docs/gateway-api.md alone; the node
takes an update from the protocol's own sender. Both stand in the tests of those programs, and are borrowed from there.
Heap is what objects in use take, looked at again and again.
"""

import asyncio
import hashlib
import importlib.util
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

from simulator import firmware

REPOSITORY = Path(__file__).resolve().parents[2]
TESTS = REPOSITORY / "tests"
NODES = 20
IDLE_SAMPLES = 10
ROOM = 64  # KiB of heap beyond a gateway's own, for the looking itself; what is in use does not depend on it
KIB = 1024
HEAPS = ("gateway_heap_over_idle_kib", "node_heap_over_idle_kib")
SAYS_ITS_HEAP = """

import asyncio as _asyncio
import gc as _gc

_Silent = Role


async def _say():
    while True:
        _gc.collect()
        print("heap", _gc.mem_alloc())
        await _asyncio.sleep(0.03)


class Role(_Silent):
    async def run(self):
        _asyncio.create_task(_say())
        await _Silent.run(self)
"""


def load(folder: str, name: str) -> ModuleType:
    """A module of the tests of a program, under a name of its own: both folders have files of the same name."""
    spec = importlib.util.spec_from_file_location(f"{folder}_{name}", TESTS / folder / f"{name}.py")
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def borrow() -> tuple[ModuleType, ModuleType]:
    """What the tests have to run a compiled gateway, and a node."""
    places = [REPOSITORY / "gateway_firmware", REPOSITORY / "node_firmware"]
    places += [TESTS / "gateway_firmware", TESTS / "node_firmware"]
    sys.path[:0] = [str(place) for place in places if str(place) not in sys.path]
    return load("gateway_firmware", "compiled_gateway"), load(
        "node_firmware", "test_on_micropython"
    )


def over_idle(idle: list[str], busy: list[str]) -> float:
    """KiB that were in use at most, over what is in use when nothing happens; from what a board has printed."""
    before = [int(number) for number in re.findall(r"heap (\d+)", "\n".join(idle))][-IDLE_SAMPLES:]
    during = [int(number) for number in re.findall(r"heap (\d+)", "\n".join(busy))]
    return round((max(during) - median(before)) / KIB, 1)


async def until(condition: Callable[[], object], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("A rollout to real programs does not come to its end.")
        await asyncio.sleep(0.02)


class Rollout:
    """Twenty nodes in a tree under the gateway's program, and a Home Assistant that lists all of them."""

    def __init__(self, tests: ModuleType, size: int) -> None:
        self.tests = tests
        self.image = hashlib.shake_128(b"image").digest(size)
        self.home_assistant = tests.HomeAssistantSide(tests.GATEWAY_KEY, tests.GATEWAY)
        self.house: Any = None

    async def start(self, folder: str) -> None:
        tests = self.tests
        flash = tests.Flash(Path(folder))
        await self.home_assistant.start()
        flash.configure(self.home_assistant.url)
        port = tests.free_port()
        tests.HEAP += ROOM * KIB
        process = await flash.start(str(port), "measured")
        self.house = tests.House(process, self.home_assistant, port)
        for number in range(NODES):
            inner = number < tests.NEIGHBOURS
            below = port if inner else self.house.members[number % tests.NEIGHBOURS].port
            await self.house.add(2000000001 + number, below, listen=inner)
            if number == tests.NEIGHBOURS - 1:
                await asyncio.sleep(1)
        ids = [str(member.mesh.node_id) for member in self.house.members]
        await until(lambda: all(self.home_assistant.told(one, "nodes") for one in ids), 60)

    async def run(self) -> None:
        """Until each node runs the image and has said so."""
        self.home_assistant.images[2] = self.image
        nodes = [member.node for member in self.house.members]
        carriers = nodes[: self.tests.NEIGHBOURS]
        # As Home Assistant does it: all take the image together, and who carries others restarts after them.
        self._list(nodes, carriers)
        await until(lambda: all(is_done(node) for node in nodes if node not in carriers), 180)
        self._list(carriers, [])
        await until(lambda: all(is_done(node) for node in carriers), 90)
        if any(member.node.images != [self.image] for member in self.house.members):
            raise RuntimeError("A node has got another image than the one that it was offered.")

    def _list(self, nodes: list[Any], waiting: list[Any]) -> None:
        found = self.tests.job(self.image, [(node.mesh.node_id, 1) for node in nodes])
        later = [str(node.mesh.node_id) for node in waiting]
        for target in found["targets"]:
            if target["node_id"] in later:
                target["commit"] = False
        self.home_assistant.set_jobs(found)


def is_done(node: Any) -> bool:
    return bool(node.images) and node.boot == 8 and node.phase == "idle"


async def gateway_figures(tests: ModuleType, size: int) -> dict[str, object]:
    """A rollout to twenty nodes."""
    with tempfile.TemporaryDirectory() as folder:
        rollout = Rollout(tests, size)
        home_assistant = rollout.home_assistant
        try:
            await rollout.start(folder)
            await asyncio.sleep(IDLE_SAMPLES * 0.2)
            output = rollout.house.output
            idle, requests = len(output), len(home_assistant.requests)
            before = set(home_assistant.peers)
            await rollout.run()
            return {
                "http_connections": max(1, len(home_assistant.peers - before)),
                "http_requests": len(home_assistant.requests) - requests,
                "ha_bytes_per_image_20": round(home_assistant.bytes_served() / size, 2),
                "gateway_heap_over_idle_kib": over_idle(output[:idle], output[idle:]),
            }
        finally:
            if rollout.house is not None:
                await rollout.house.stop()


async def node_figures(tests: ModuleType, size: int) -> dict[str, object]:
    """One update of a node."""
    says = firmware.with_role("pir", "1.0.0", SAYS_ITS_HEAP)
    with tempfile.TemporaryDirectory() as folder:
        async with tests.in_service(Path(folder), says) as gateway:
            await gateway.until(lambda _status: gateway._greeted(), 20)  # noqa: SLF001
            await asyncio.sleep(IDLE_SAMPLES * 0.2)
            idle = len(gateway.board.said())
            padding = hashlib.shake_128(b"padding").digest(max(1, size - 48 * KIB))
            image = firmware.with_new_behaviour("pir", "1.1.0", padding)
            md5 = await gateway.offer(image)
            await gateway.until(lambda status: status["phase"] == "ready", 120)
            said = gateway.board.said()
            gateway.commit(md5)
            return {"node_heap_over_idle_kib": over_idle([said[:idle]], [said[idle:]])}


def figures(sizes: tuple[int, ...]) -> dict[str, object]:
    """Of both programs, with images of these sizes; of each figure the worst, and the heaps of each size."""

    async def both(size: int) -> dict[str, object]:
        of_gateway, of_node = borrow()
        found = await asyncio.gather(gateway_figures(of_gateway, size), node_figures(of_node, size))
        return found[0] | found[1]

    found = [asyncio.run(both(size)) for size in sizes]
    worst: dict[str, object] = {
        name: max(float(str(each[name])) for each in found) for name in found[0]
    }
    for name in HEAPS:
        of_size = {
            f"{size // KIB} KiB": each[name] for size, each in zip(sizes, found, strict=True)
        }
        worst[name.removesuffix("_kib") + "_by_image"] = of_size
    return worst
