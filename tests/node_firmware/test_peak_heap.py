"""What the shipped node has in use at most while an image comes in and is checked, in the heap that it has to live with.

On MicroPython, in its own process; design of the node: 160 KiB. What the simulated hardware takes of the heap comes on top, for
on an ESP32 it is C; it is measured here too, and held in tests/simulator/test_fakes_room.py. Looked at again and again by a task beside the node's own.
"""

import random
import re
import subprocess

import house as h
import pytest

from simulator import firmware, virtual_mesh
from simulator.bootloader import START
from tests.node_firmware.test_on_micropython import HEAP, in_service

KIBIBYTE = 1024
SIZES = (16 * KIBIBYTE, 256 * KIBIBYTE, 2048 * KIBIBYTE)
FILES = 16
DESIGN = 160  # KiB, without the simulated hardware
MOST_FOR_AN_UPDATE = 40 * KIBIBYTE  # over what is loaded
PIECES = 16  # KiB that may lie between what is in use, of no use to anybody

SAYS_ITS_HEAP = """

import asyncio as _asyncio
import gc as _gc

_Silent = Role


async def _say():
    most = 0
    while True:
        _gc.collect()
        if _gc.mem_alloc() != most:
            most = _gc.mem_alloc()
            print("heap", most)
        await _asyncio.sleep(0.004)


class Role(_Silent):
    async def run(self):
        _asyncio.create_task(_say())
        await _Silent.run(self)
"""


def image_of(size):
    """A bundle of about that size, in files as large as it needs."""
    return h.bundle(
        "1.1.0",
        {f"node/part{n}.bin": random.Random(n).randbytes(size // FILES) for n in range(FILES)},
        node_type="pir",
        micropython="1.24.0",
    )[0]


@pytest.fixture
async def gateway(tmp_path):
    async with in_service(tmp_path, firmware.with_role("pir", "1.0.0", SAYS_ITS_HEAP)) as found:
        yield found


def said_since(board, start):
    return [int(number) for number in re.findall(r"heap (\d+)", board.said()[start:])]


async def test_the_peak_of_an_update_does_not_grow_with_the_image(gateway, hardware_takes):
    await gateway.until(lambda status: status["phase"] == "idle")
    await gateway.until(lambda _status: said_since(gateway.board, 0))
    quiet, peaks = min(said_since(gateway.board, 0)[-5:]), {}
    for size in SIZES:
        start = len(gateway.board.said())
        md5 = await gateway.offer(image_of(size))
        status = await gateway.until(lambda status: status["phase"] == "ready", 120)
        assert status["md5"] == md5
        assert gateway.board.starts == 1
        peaks[size] = max(said_since(gateway.board, start))
        gateway.contact.command(gateway._node(), "cancel", md5)
        await gateway.until(lambda status: status["phase"] == "idle")
        gateway.sender.withdraw("pir", "ESP32-MPY")
    in_kib = {size // KIBIBYTE: round(peak / KIBIBYTE, 1) for size, peak in peaks.items()}
    hardware = round(hardware_takes / KIBIBYTE, 1)
    print(
        f"of {HEAP} in use, by KiB of the image: {in_kib}; {hardware} of them hardware, idle {quiet // KIBIBYTE}"
    )
    # The check of the smallest is over before its peak is looked at for certain.
    assert max(peaks.values()) - peaks[SIZES[1]] < KIBIBYTE
    assert max(peaks.values()) - peaks[SIZES[0]] < 4 * KIBIBYTE
    assert max(peaks.values()) - quiet < MOST_FOR_AN_UPDATE
    assert max(peaks.values()) - hardware_takes < (DESIGN - PIECES) * KIBIBYTE


@pytest.fixture
def hardware_takes(tmp_path):
    """Bytes of heap that are taken when a board starts its boot.py, over what MicroPython itself takes."""
    hardware = firmware.compile_hardware(tmp_path / "measured")
    flash, parts = tmp_path / "empty", tmp_path / "parts"
    (parts / "pins").mkdir(parents=True)
    (parts / "mac").write_text("246f28ae0a02")
    flash.mkdir()
    said = "import gc; gc.collect(); print(gc.mem_alloc())"
    (flash / "boot.py").write_text(said)
    command = [virtual_mesh.MICROPYTHON, "-X", f"heapsize={HEAP}"]
    board = subprocess.Popen(
        [*command, START, hardware],
        cwd=flash,
        env={"MESH_BOARD": str(parts), "MESH_AIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with board.stdout:
        taken = int(board.stdout.readline())
    board.kill()
    board.wait()
    bare = subprocess.run([*command, "-c", said], capture_output=True, text=True, check=True)
    return taken - int(bare.stdout)
