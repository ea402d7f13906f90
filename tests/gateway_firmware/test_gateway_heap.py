"""What the gateway takes of a board's heap over its code, with twenty nodes; and of its flash.

Measured twenty times a second; `-s` shows it. On this computer's MicroPython, whose words have 8 bytes, and on one whose words have
4 as a board's: by that one it is held to its design.
"""

import pytest
from compiled_gateway import NODES, PROGRAMS, Flash, received, rollout
from gateway_in_house import image_of

from scripts.firmware import compiler, sources

KIBIBYTE = 1024
# Bytes of heap that the code takes while an image goes to everybody.
LOADED = {"micropython": 113 * KIBIBYTE, "micropython32": 78 * KIBIBYTE}
# The same over it: buffers, links, nodes, jobs, what is on its way.
OVER_LOADED = {"micropython": 62 * KIBIBYTE, "micropython32": 48 * KIBIBYTE}
# All of the code as `.mpy`.
COMPILED = 91 * KIBIBYTE
FEW = 4
# What docs/hardware.md names, and what the board of these tests takes, which is Python in the same heap.
ENOUGH = (140 + 4) * KIBIBYTE


@pytest.fixture(params=["micropython", "micropython32"])
def program(request):
    return found(request.param)


@pytest.fixture
def of_4_bytes():
    return found("micropython32")


def found(program):
    if not (PROGRAMS / program).exists():
        pytest.skip("This computer runs no MicroPython of 32 bits.")
    return program


async def over_loaded(house, folder, program):
    """Most bytes of heap over the code that was loaded with them."""
    said = [line.split()[1:] for line in house.output if line.startswith("heap ")]
    assert len(said) > 20
    most, flash, over = {}, Flash(folder), []
    for used, *late in said:
        most[tuple(late)] = max(int(used), most.get(tuple(late), 0))
    for late, used in most.items():
        loaded = await flash.start("loaded", *late, program=program)
        code = int((await loaded.communicate())[0].decode())
        assert code <= LOADED[program]
        over.append(used - code)
        print(f"heap over {code / KIBIBYTE:.1f} KiB of code: {over[-1] / KIBIBYTE:.1f} KiB", late)
    return max(over)


async def test_the_heap_over_the_code_stays_small_whatever_the_image(
    houses, until, tmp_path, full_counts, program
):
    """`--full` takes the larger image."""
    size, targets = (2048 * KIBIBYTE, 1) if full_counts else (64 * KIBIBYTE, FEW)
    house = await houses("measured", program=program)
    await rollout(house, until, image_of(size), targets)
    assert await over_loaded(house, tmp_path, program) <= OVER_LOADED[program]


async def test_the_heap_stays_small_also_when_all_nodes_take_an_image_at_once(
    houses, until, tmp_path, of_4_bytes
):
    house = await houses("measured", program=of_4_bytes)
    await received(house, until, image_of(64 * KIBIBYTE), NODES)
    assert await over_loaded(house, tmp_path, of_4_bytes) <= OVER_LOADED[of_4_bytes]


async def test_the_heap_that_the_documentation_names_is_enough_for_twenty_nodes_at_once(
    houses, until, of_4_bytes
):
    house = await houses(program=of_4_bytes, heap=ENOUGH)
    await received(house, until, image_of(64 * KIBIBYTE), NODES)
    assert [line for line in house.output if "setup key" not in line] == []


def test_the_compiled_gateway_fits_its_flash():
    compiled = compiler.compiled(sources.of_application("gateway", "gateway", {}))
    assert sum(map(len, compiled.values())) < COMPILED
