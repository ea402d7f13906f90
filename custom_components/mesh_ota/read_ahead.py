"""What was read of the images a moment ago: gateways ask block by block, and for one another's blocks.

A trip to the executor for each of them costs the event loop more than the answer itself.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path

type Read = Callable[[Path, int, int], Awaitable[bytes]]

# 16 blocks; and 2 MiB of memory, enough for the images of one house's rollout.
PIECE = 64 * 1024
PIECES_MAX = 32


class ReadAhead:
    """The pieces of files that were used last."""

    def __init__(self, read: Read) -> None:
        """`read` gives bytes start to end (exclusive) of a file, fewer at its end."""
        self._read = read
        self._pieces: OrderedDict[tuple[Path, int], bytes] = OrderedDict()

    async def async_read(self, path: Path, start: int, end: int) -> bytes:
        """Return bytes start to end (exclusive); what is longer than a piece is read for itself."""
        if end - start > PIECE:
            return await self._read(path, start, end)
        first = start // PIECE
        found = await self._async_piece(path, first)
        if end > (first + 1) * PIECE:
            found += await self._async_piece(path, first + 1)
        return found[start - first * PIECE : end - first * PIECE]

    async def _async_piece(self, path: Path, number: int) -> bytes:
        piece = self._pieces.get((path, number))
        if piece is None:
            piece = await self._read(path, number * PIECE, (number + 1) * PIECE)
            self._pieces[path, number] = piece
            if len(self._pieces) > PIECES_MAX:
                self._pieces.popitem(last=False)
        self._pieces.move_to_end((path, number), last=True)
        return piece

    def forget(self) -> None:
        """Read everything anew: a file was mended, damaged or deleted."""
        self._pieces.clear()
