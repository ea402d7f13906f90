"""What a chip does by itself, with real processes of MicroPython and a few lines for firmware."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from simulator import firmware
from simulator.bootloader import Board, Machine
from simulator.guardian import Guardian
from simulator.virtual_mesh import MICROPYTHON

MAC = bytes.fromhex("246f28aefe02")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    (folder / "air").mkdir()
    guardian = Guardian()
    hardware = firmware.compile_hardware(folder / "hardware")
    yield Machine(MICROPYTHON, hardware, folder / "air", guardian)
    guardian.close()


@pytest_asyncio.fixture
async def board(machine: Machine, tmp_path: Path) -> AsyncIterator[Board]:
    board = Board(machine, tmp_path, "board", MAC, "192k")
    (board.flash / "boot.py").write_text("")
    yield board
    await board.stop()


def put(board: Board, main: str) -> None:
    (board.flash / "main.py").write_text(main)


async def test_boot_and_main_run_from_flash_with_the_path_of_a_board(board: Board) -> None:
    (board.flash / "boot.py").write_text("print('first')")
    put(board, "import os, sys\nprint('then', sys.path, sorted(os.listdir()))")
    await board.start()
    await board.wait_until_said(r"then \['', '.frozen', 'lib'\] \['boot.py', 'main.py'\]", 10)
    assert board.said().index("first") < board.said().index("then")


async def test_a_reset_ends_the_program_where_it_is_and_starts_again_with_its_cause(
    board: Board,
) -> None:
    put(
        board,
        "import machine\n"
        "print('cause', machine.reset_cause())\n"
        "if machine.reset_cause() == machine.PWRON_RESET:\n"
        "    try:\n"
        "        machine.reset()\n"
        "    finally:\n"
        "        print('not reached')\n",
    )
    await board.start()
    await board.wait_until_said(r"cause 1[\s\S]*cause 2", 10)
    assert "not reached" not in board.said()


async def test_a_watchdog_that_is_not_fed_resets_the_board(board: Board) -> None:
    put(
        board,
        "import machine, time\n"
        "print('cause', machine.reset_cause())\n"
        "if machine.reset_cause() != machine.WDT_RESET:\n"
        "    machine.WDT(timeout=500)\n"
        "    while True:\n"
        "        time.sleep(1)\n",
    )
    await board.start()
    await board.wait_until_said(r"cause 1[\s\S]*watchdog reset[\s\S]*cause 3", 10)


async def test_a_watchdog_that_is_fed_lets_the_board_alone(board: Board) -> None:
    put(
        board,
        "import machine, time\n"
        "watchdog = machine.WDT(timeout=600)\n"
        "for _ in range(20):\n"
        "    watchdog.feed()\n"
        "    time.sleep_ms(100)\n"
        "print('still here')\n"
        "while True:\n"
        "    watchdog.feed()\n"
        "    time.sleep_ms(100)\n",
    )
    await board.start()
    await board.wait_until_said("still here", 10)
    assert board.starts == 1


async def test_an_exception_leaves_the_board_at_its_repl_without_a_reset(board: Board) -> None:
    (board.flash / "boot.py").write_text("raise ValueError('broken')")
    put(board, "print('main ran')")
    await board.start()
    await board.wait_until_said("sits at its REPL", 10)
    assert "ValueError: broken" in board.said()
    assert "main ran" not in board.said()
    assert board.starts == 1


async def test_rtc_memory_outlives_a_reset_and_not_a_power_cut(board: Board) -> None:
    put(
        board,
        "import machine\n"
        "rtc = machine.RTC()\n"
        "print('memory', rtc.memory())\n"
        "if not rtc.memory():\n"
        "    rtc.memory(b'kept')\n"
        "    machine.reset()\n",
    )
    await board.start()
    await board.wait_until_said(r"memory b''[\s\S]*memory b'kept'", 10)
    before = len(board.said())
    await board.power_cut()
    await board.wait_until_said(r"memory b''", 10, before)


async def test_a_pin_is_driven_and_read_from_both_sides(board: Board) -> None:
    put(
        board,
        "import time\nfrom machine import Pin\n"
        "button, lamp = Pin(0, Pin.IN, Pin.PULL_UP), Pin(2, Pin.OUT)\n"
        "print('at rest', button.value(), lamp.value())\n"
        "while True:\n"
        "    lamp.value(1 - button.value())\n"
        "    time.sleep_ms(10)\n",
    )
    await board.start()
    await board.wait_until_said("at rest 1 0", 10)
    board.press(0, 0)
    async with asyncio.timeout(5):
        while board.pin(2) != 1:  # noqa: ASYNC110  a file of another process
            await asyncio.sleep(0.02)


async def test_no_process_outlives_a_parent_that_was_killed(tmp_path: Path) -> None:
    """A supervisor that is killed cannot clean up; its boards end all the same."""
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from simulator import firmware\n"
        "from simulator.bootloader import Board, Machine\n"
        "from simulator.guardian import Guardian\n"
        "from simulator.virtual_mesh import MICROPYTHON\n"
        "async def main():\n"
        f"    folder = Path({str(tmp_path)!r})\n"
        "    (folder / 'air').mkdir()\n"
        "    hardware = firmware.compile_hardware(folder / 'hardware')\n"
        "    machine = Machine(MICROPYTHON, hardware, folder / 'air', Guardian())\n"
        f"    board = Board(machine, folder, 'board', {MAC!r}, '192k')\n"
        "    await board.start()\n"
        "    print(board.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout
    pid = int(await parent.stdout.readline())
    os.kill(pid, 0)
    parent.kill()
    await parent.wait()
    with contextlib.suppress(ProcessLookupError):
        for _ in range(100):
            os.kill(pid, 0)
            await asyncio.sleep(0.05)
        pytest.fail("the board outlived its parent")
