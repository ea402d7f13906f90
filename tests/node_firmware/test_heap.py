"""What the shipped node takes of its heap as compiled: the ceilings that keep it inside its design.

On the 64-bit unix port, where code and objects take twice an ESP32's room; without the simulated hardware.
"""

import re
import subprocess

import pytest

from scripts.firmware import compiler, sources

MICROPYTHON = compiler.REPOSITORY / ".tools/bin/micropython"

# What is in memory while an image is checked: the application, a role, and what is loaded for the moment.
PROGRAM = """
import sys
sys.path = [{folder!r}, ".frozen"]
import asyncio, binascii, gc, hashlib, json, micropython, struct
gc.collect()
before = gc.mem_alloc()
import node.app
for name in {modules!r}:
    __import__(name)
gc.collect()
print(gc.mem_alloc() - before)
micropython.qstr_info()
"""
MODULES = (
    "device.firmware_slots",
    "device.installer",
    "device.bundle",
    "device.manifest",
    "device.proof",
)


@pytest.fixture(scope="module")
def compiled() -> dict[str, bytes]:
    return compiler.compiled(sources.of_application("node", "pir", {}))


@pytest.fixture(scope="module")
def measured(compiled, tmp_path_factory) -> tuple[int, int]:
    """(bytes of heap, names) with all of MODULES loaded."""
    folder = tmp_path_factory.mktemp("slot")
    for name, content in compiled.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    program = PROGRAM.format(folder=str(folder), modules=(*MODULES, "roles.pir"))
    run = subprocess.run(
        [MICROPYTHON, "-X", "heapsize=160k", "-c", program],
        capture_output=True,
        text=True,
        check=True,
    )
    heap, names = run.stdout.splitlines()[0], re.search(r"n_qstr=(\d+)", run.stdout)
    assert names
    print("heap", heap, "names", names[1], "mpy", sum(map(len, compiled.values())))
    return int(heap), int(names[1])


def test_a_node_that_checks_an_image_leaves_a_third_of_its_heap_to_its_work(measured):
    assert measured[0] < 97 * 1024


def test_a_node_has_few_names_of_its_own(measured):
    """At 620 the pools of names double, by 7 KB in one piece; the simulated hardware has 145 more, and what a
    board is started with some."""
    assert measured[1] < 400


def test_the_compiled_node_fits_its_flash(compiled):
    """The whole application of one role, with what is loaded only for the moment: signing, images, a trial."""
    assert sum(map(len, compiled.values())) < 66 * 1024
