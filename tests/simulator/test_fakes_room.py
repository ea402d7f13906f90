"""The heap of a simulated board: what the design gives it, and what the fakes take, no more.

On an ESP32 the modules that the fakes stand for are in C and take nothing of MicroPython's heap.
"""

import re
import subprocess
from pathlib import Path

import pytest

from scripts.firmware import compiler, sources
from simulator import firmware, virtual_mesh

REPOSITORY = Path(__file__).resolve().parents[2]
KIBIBYTE = 1024

# The firmware's code and the radio at work, as a board has them; without the fakes only the code.
PROGRAM = """
import gc, sys
sys.path[:] = [{slot!r}, ".frozen"]
import asyncio, binascii, hashlib, json, os, time
import node.app, roles.pir, device.firmware_slots, device.config
if {fakes}:
    import esp32, machine, network
    kept = [esp32.Partition(esp32.Partition.RUNNING), machine.WDT(timeout=30000), machine.Pin(2, machine.Pin.OUT)]
    ap, sta = network.WLAN(network.WLAN.IF_AP), network.WLAN(network.WLAN.IF_STA)
    for one in (ap, sta):
        one.active(True)
    ap.config(ssid="mesh", key="password", security=network.WLAN.SEC_WPA2, channel=1)
    ap.ifconfig(("10.1.2.1", "255.255.255.0", "10.1.2.1", "10.1.2.1"))
    sta.connect("home", "password", bssid=b"123456")
gc.collect()
print("used", gc.mem_alloc())
os.system("kill -9 $PPID")
"""
BARE = """
import sys
with open("main.py") as file:
    source = file.read()
exec(compile(source, "main.py", "exec"), {"__name__": "__main__"})
"""


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """The folder of a board with a compiled node in a slot."""
    for name in ("board/pins", "board/dht", "air", "flash", "slot"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "board" / "mac").write_text("246f28ae0a02")
    (tmp_path / "flash" / "boot.py").write_text("")
    found = sources.of_application("node", "pir", {})
    for name, content in compiler.compiled(found).items():
        path = tmp_path / "slot" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return tmp_path


def used(board: Path, *, fakes: bool) -> int:
    """Bytes of heap once the firmware's code is loaded."""
    (board / "flash" / "main.py").write_text(PROGRAM.format(slot=str(board / "slot"), fakes=fakes))
    hardware = firmware.compile_hardware(board / "hardware")
    program = [REPOSITORY / "simulator/start.py", hardware] if fakes else ["-c", BARE]
    run = subprocess.run(
        [virtual_mesh.MICROPYTHON, "-X", "heapsize=600k", *program],
        cwd=board / "flash",
        env={
            "MESH_BOARD": str(board / "board"),
            "MESH_AIR": str(board / "air"),
            "PATH": "/bin:/usr/bin",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"used (\d+)", run.stdout)
    assert found, run.stdout + run.stderr
    return int(found[1])


def test_a_board_gets_for_the_fakes_what_they_take_and_no_more(board: Path) -> None:
    taken = used(board, fakes=True) - used(board, fakes=False)
    print("fakes:", taken)
    given = virtual_mesh.FAKES * KIBIBYTE
    assert given - 2 * KIBIBYTE < taken <= given


def test_a_house_has_the_heaps_of_the_design() -> None:
    assert f"{160 + virtual_mesh.FAKES}k" == virtual_mesh.NODE_HEAP
    assert f"{192 + virtual_mesh.FAKES}k" == virtual_mesh.GATEWAY_HEAP
