"""Blocks out of what was just read: the same bytes, few trips to the disk, little memory."""

from pathlib import Path

import pytest

from custom_components.mesh_ota.read_ahead import PIECE, PIECES_MAX, ReadAhead

CONTENT = bytes(range(256)) * 1024  # 256 KiB
IMAGE, BLOCK = Path("image"), 4096


class Disk:
    """Counts who comes."""

    def __init__(self) -> None:
        self.reads = 0

    async def read(self, _path: Path, start: int, end: int) -> bytes:
        """Bytes of the file."""
        self.reads += 1
        return CONTENT[start:end]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (0, 1), (0, BLOCK), (PIECE - 1, PIECE + 1), (PIECE, 2 * PIECE), (10, 10 + PIECE), (0, len(CONTENT)),
        (len(CONTENT) - 5, len(CONTENT)), (len(CONTENT) - 5, len(CONTENT) + 5), (PIECE - BLOCK, PIECE),
    ],
)  # fmt: skip
async def test_a_range_has_the_bytes_of_the_file(start: int, end: int):
    assert await ReadAhead(Disk().read).async_read(IMAGE, start, end) == CONTENT[start:end]


async def test_an_image_read_block_by_block_by_fifty_goes_to_the_disk_once_per_piece():
    disk = Disk()
    ahead = ReadAhead(disk.read)
    for _ in range(50):
        for at in range(0, len(CONTENT), BLOCK):
            assert await ahead.async_read(IMAGE, at, at + BLOCK) == CONTENT[at : at + BLOCK]
    assert disk.reads == len(CONTENT) // PIECE


async def test_no_more_is_kept_than_so_much_and_the_oldest_goes():
    disk = Disk()
    ahead = ReadAhead(disk.read)
    for number in range(PIECES_MAX + 1):
        await ahead.async_read(Path(str(number)), 0, 1)
    assert disk.reads == PIECES_MAX + 1
    await ahead.async_read(Path("1"), 0, 1)
    assert disk.reads == PIECES_MAX + 1
    await ahead.async_read(Path("0"), 0, 1)
    assert disk.reads == PIECES_MAX + 2


async def test_after_a_change_everything_is_read_anew():
    disk = Disk()
    ahead = ReadAhead(disk.read)
    await ahead.async_read(IMAGE, 0, 1)
    ahead.forget()
    await ahead.async_read(IMAGE, 0, 1)
    assert disk.reads == 2
