"""The gateway on MicroPython, compiled, in the heap it will have: the same Home Assistant, twenty nodes, a large image."""

import asyncio
import json
import socket
from pathlib import Path

import pytest
from gateway_in_house import GATEWAY, GATEWAY_KEY, MESH_KEY, Member, image_of
from home_assistant_side import HomeAssistantSide, job
from node_side import OurNode

from scripts.firmware import compiler, sources

START = Path(__file__).with_name("start_on_micropython.py")
MICROPYTHON = Path(__file__).parents[2] / ".tools" / "bin" / "micropython"
# What the gateway has by its design, and 6 KiB for the board of these tests, which is Python in the same heap. On the 64-bit
# unix port code and objects take twice an ESP32's room.
HEAP = (192 + 6) * 1024
# Bytes of heap over the code: buffers, links, nodes, jobs, what is on its way. The goal is 48 KiB; it must not get worse.
OVER_LOADED = 72 * 1024
async def test_twenty_nodes_and_an_image_of_any_size_fit_into_the_heap(
    houses, until, size, targets
):
    house = await houses()
    await rollout(house, until, image_of(size), targets)
    assert house.process.returncode is None
    assert [line for line in house.output if "setup key" not in line] == []


async def test_the_heap_over_the_code_stays_small_whatever_the_image(
    houses, until, tmp_path, full_counts
):
    """Measured five times a second; `-s` shows it. Twenty nodes; `--full` takes the larger image."""
    size, targets = (2 * 1024 * 1024, 1) if full_counts else (64 * 1024, 4)
    house = await houses("measured")
    loaded = await Flash(tmp_path).start("loaded")
    code = int((await loaded.communicate())[0].decode())
    await rollout(house, until, image_of(size), targets)
    used = [int(line.split()[1]) for line in house.output if line.startswith("heap ")]
    print(f"heap over {code / 1024:.1f} KiB of code: {(max(used) - code) / 1024:.1f} KiB")
    assert len(used) > 20
    assert max(used) - code <= OVER_LOADED
