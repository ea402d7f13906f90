"""The fake `esp32.Partition` and the fake bootloader do what was measured on the real ones, row by row.

Measured: official firmware ESP32_GENERIC v1.23.0, variant OTA, with its own bootloader in Espressif's emulator.
"""

import importlib
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from simulator import esp_image, partitions

FAKES = Path(partitions.__file__).parent / "hardware"
OLD = esp_image.build(b"old" * 1000)
NEW = esp_image.build(b"new" * 2000)


class Board:
    """A board as its firmware sees it, through a module `esp32` imported anew at each boot."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.monkeypatch = monkeypatch
        partitions.solder_on(folder, OLD)
        self.reset()

    def reset(self) -> str:
        running = partitions.boot(self.folder)
        assert running
        self._import()
        return running

    def _import(self) -> None:
        for name in ("esp32", "parts", "flash_chip"):
            self.monkeypatch.delitem(sys.modules, name, raising=False)
        self.monkeypatch.setenv("MESH_BOARD", str(self.folder))
        self.esp32: ModuleType = importlib.import_module("esp32")

    def soft_reset(self) -> str:
        self._import()
        running: str = self.running.info()[4]
        return running

    @property
    def running(self) -> Any:
        return self.esp32.Partition(self.esp32.Partition.RUNNING)

    @property
    def other(self) -> Any:
        return self.running.get_next_update()

    def fill_other(self, image: bytes = NEW) -> None:
        for block in range(0, len(image), 4096):
            self.other.writeblocks(block // 4096, image[block : block + 4096].ljust(4096, b"\xff"))

    def notes(self) -> list[tuple[int, int]]:
        """(sequence number, state) of both sectors of otadata, as a firmware reads them."""
        found = []
        for sector in (0, 1):
            raw = bytearray(32)
            self.esp32.Partition.find(1, 0)[0].readblocks(sector, raw)
            number, _label, state, _crc = struct.unpack("<L20sLL", raw)
            found.append((number, state))
        return found


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    monkeypatch.syspath_prepend(str(FAKES))
    yield Board(tmp_path, monkeypatch)
    for name in ("esp32", "parts", "flash_chip"):
        sys.modules.pop(name, None)


ERASED = (0xFFFFFFFF, 0xFFFFFFFF)


def test_one_bit_flipped_and_set_boot_fails_with_the_boot_unchanged(board: Board) -> None:
    flipped = bytearray(NEW)
    flipped[3000] ^= 1
    board.fill_other(bytes(flipped))
    with pytest.raises(OSError, match="ESP_ERR_OTA_VALIDATE_FAILED") as failed:
        board.other.set_boot()
    assert failed.value.args == (-5379, "ESP_ERR_OTA_VALIDATE_FAILED")
    assert board.notes() == [ERASED, ERASED]
    assert board.reset() == "ota_0"


def test_set_boot_on_a_good_image_makes_it_new(board: Board) -> None:
    board.fill_other()
    board.other.set_boot()
    assert board.notes() == [(2, 0), ERASED]


def test_a_soft_reset_stays_on_the_old_slot(board: Board) -> None:
    board.fill_other()
    board.other.set_boot()
    assert board.soft_reset() == "ota_0"
    assert board.notes()[0] == (2, 0)


def test_a_reset_boots_the_new_slot_pending_verify(board: Board) -> None:
    board.fill_other()
    board.other.set_boot()
    assert board.reset() == "ota_1"
    assert board.running.info()[4] == "ota_1"
    assert board.notes()[0] == (2, 1)


def test_any_reset_before_the_confirmation_aborts_and_boots_the_old_slot(board: Board) -> None:
    board.fill_other()
    board.other.set_boot()
    board.reset()
    assert board.reset() == "ota_0"
    assert board.notes()[0] == (2, 4)
    assert board.reset() == "ota_0"


def test_an_aborted_slot_may_be_set_again_and_is_new(board: Board) -> None:
    board.fill_other()
    for _ in range(5):
        board.other.set_boot()
        assert board.notes()[0] == (2, 0)
        assert board.reset() == "ota_1"
        assert board.reset() == "ota_0"


def test_marked_valid_it_stays_valid_over_resets(board: Board) -> None:
    board.fill_other()
    board.other.set_boot()
    board.reset()
    board.esp32.Partition.mark_app_valid_cancel_rollback()
    assert board.notes()[0] == (2, 2)
    assert [board.reset(), board.reset()] == ["ota_1", "ota_1"]
    assert board.notes()[0] == (2, 2)


def test_the_next_image_takes_the_other_sector_and_the_next_number(board: Board) -> None:
    board.fill_other()
    board.other.set_boot()
    board.reset()
    board.esp32.Partition.mark_app_valid_cancel_rollback()
    board.fill_other()
    board.other.set_boot()
    assert board.notes() == [(2, 2), (3, 0)]
    assert board.reset() == "ota_0"
    assert board.reset() == "ota_1", "the old slot of this trial"


def test_blocks_written_whole_are_erased_first(board: Board) -> None:
    board.other.writeblocks(0, bytes(4096))
    board.other.writeblocks(0, b"\x55" * 4096)
    read = bytearray(4)
    board.other.readblocks(0, read)
    assert read == b"\x55" * 4


def test_parts_written_at_an_offset_are_not_erased_first(board: Board) -> None:
    board.other.ioctl(6, 0)
    board.other.writeblocks(0, b"\x0f" * 1024, 1024)
    board.other.writeblocks(0, b"\xf1" * 1024, 1024)
    read = bytearray(2)
    board.other.readblocks(0, read, 2047)
    assert read == b"\x01\xff"
    assert board.other.ioctl(4) == 0x180000 // 4096
    assert board.other.ioctl(5) == 4096


def test_the_table_is_the_one_of_the_ota_variant(board: Board) -> None:
    assert board.running.info() == (0, 0x10, 0x10000, 0x180000, "ota_0", False)
    assert board.other.info() == (0, 0x11, 0x190000, 0x180000, "ota_1", False)
    assert [found.info()[4] for found in board.esp32.Partition.find(0)] == ["ota_0", "ota_1"]


def test_a_stock_board_has_one_partition_and_no_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(FAKES))
    monkeypatch.setenv("MESH_BOARD", str(tmp_path))
    for name in ("esp32", "parts"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    esp32 = importlib.import_module("esp32")
    running = esp32.Partition(esp32.Partition.RUNNING)
    assert running.info()[4] == "factory"
    with pytest.raises(OSError, match="2"):
        running.get_next_update()
    sys.modules.pop("esp32")
    sys.modules.pop("parts")
