"""What a program can do in its first boot from a new partition, and what the bootloader makes of it: rows as measured.

With real processes of MicroPython; the partition was set to boot before the power came.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from simulator import esp_image, firmware, partitions
from simulator.bootloader import Board, Machine
from simulator.guardian import Guardian
from simulator.hardware.flash_chip import ABORTED, PENDING_VERIFY, FileStorage, FlashChip
from simulator.virtual_mesh import MICROPYTHON

MAC = bytes.fromhex("246f28aefe04")
SAYS_WHERE = (
    "import esp32, machine\nprint('runs', esp32.Partition(1).info()[4], machine.reset_cause())\n"
)


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
    partitions.solder_on(board.parts, esp_image.build(b"old" * 100))
    chip = chip_of(board)
    chip.storage.write("ota_1", 0, esp_image.build(b"new" * 100))
    chip.set_boot("ota_1")
    (board.flash / "boot.py").write_text("")
    yield board
    await board.stop()


def chip_of(board: Board) -> FlashChip:
    return FlashChip(FileStorage(str(board.parts / "partitions")))


def note_about_the_new_one(board: Board) -> int | None:
    return chip_of(board).state("ota_1")


async def test_a_hang_under_the_watchdog_goes_back_and_the_cause_is_the_watchdog(
    board: Board,
) -> None:
    hang = "if esp32.Partition(1).info()[4] == 'ota_1':\n    machine.WDT(timeout=500)\n    while True: pass\n"
    (board.flash / "main.py").write_text(SAYS_WHERE + hang)
    await board.start()
    await board.wait_until_said("runs ota_1 1", 20)
    await board.wait_until_said("runs ota_0 3", 20)
    assert note_about_the_new_one(board) == ABORTED


@pytest.mark.parametrize("name", ["boot.py", "main.py"])
async def test_an_exception_leaves_the_board_at_its_repl_with_no_reset_and_no_way_back(
    board: Board, name: str
) -> None:
    (board.flash / "main.py").write_text("print('main ran')\n")
    (board.flash / name).write_text(SAYS_WHERE + "raise ValueError('no')\n")
    await board.start()
    await board.wait_until_said("sits at its REPL", 20)
    assert "runs ota_1" in board.said()
    assert "main ran" not in board.said()
    assert board.starts == 1
    assert note_about_the_new_one(board) == PENDING_VERIFY


async def test_a_soft_reset_from_the_new_partition_stays_there_and_pending(board: Board) -> None:
    again = "if machine.reset_cause() == machine.PWRON_RESET:\n    machine.soft_reset()\n"
    (board.flash / "main.py").write_text(SAYS_WHERE + again)
    await board.start()
    await board.wait_until_said("runs ota_1 5", 20)
    assert note_about_the_new_one(board) == PENDING_VERIFY
