"""An image that came deflated, read as the image it is (docs/mesh-protocol.md §4.1).

It is a row of groups, each of 4 KiB of the image (the last may be shorter), all of one deflate stream that begins anew with
each of them. One window of 4 KiB, taken once, and one group are in memory, and never more: a heap full of code has no second
piece of that size. Nothing here knows where the bytes come from, and what they make is checked by whoever reads it.
"""

import io

from device.image import ImageError

try:
    import deflate

    zlib = None
except ImportError:  # CPython has another, for the tests
    import zlib

    deflate = None

GROUP = 4096  # bytes of the image; also the window
LONGEST = GROUP + 64  # of a group that cannot be deflated
WINDOW_BITS = 12
DAMAGED = "What arrived cannot be inflated."


class GroupReader:
    """As its `source`, a `SegmentReader`. `size` is that of the image: no byte beyond it is inflated."""

    def __init__(self, source: object, size: int) -> None:
        self._source = source
        self._left = size  # bytes of the image in groups that have not been read
        self._in_group = 0  # bytes of the image in this one
        self._inflater = _Inflater(io.BytesIO())

    def readinto(self, window: memoryview) -> int:
        """Raises ImageError, and OSError for flash that cannot be read."""
        if not self._in_group and not self._next():
            return 0
        length = self._inflater.readinto(window[: self._in_group])
        if not length:
            raise ImageError("md5", DAMAGED)
        self._in_group -= length
        return length

    def close(self) -> None:
        self._inflater = None
        self._source.close()

    def _next(self) -> bool:
        """Whether there is one more group."""
        head = self._source.read(2)
        if not head and not self._left:
            return False
        length = head[0] << 8 | head[1] if len(head) == 2 else 0
        packed = self._source.read(length) if 0 < length <= LONGEST else b""
        if not packed or len(packed) < length:
            raise ImageError("md5", DAMAGED)
        if not self._left:
            raise ImageError("size", "What arrived is longer than the image that was announced.")
        self._inflater.feed(packed)
        self._in_group = min(self._left, GROUP)
        self._left -= self._in_group
        return True


class _Inflater:
    """One deflate stream, fed group by group."""

    def __init__(self, fed) -> None:
        self._fed = fed
        self._length = 0  # valid bytes in it; what lies behind them is older
        # It takes no more from `_fed` than what it is asked for needs, so `_fed` can be filled anew between two groups.
        self._stream = self._whole = None
        if deflate is not None:
            self._stream = deflate.DeflateIO(self._fed, deflate.RAW, WINDOW_BITS)
        elif zlib is not None:
            self._whole = zlib.decompressobj(-WINDOW_BITS)

    def feed(self, packed: bytes) -> None:
        """The next group; the one before has been read. What ends that one is still to be taken."""
        if self._stream is None:
            packed = self._inflated(packed)
        else:
            packed = self._fed.read(self._length - self._fed.tell()) + packed
        self._fed.seek(0)
        self._fed.write(packed)
        self._fed.seek(0)
        self._length = len(packed)

    def readinto(self, window: memoryview) -> int:
        try:
            return (self._stream or self._fed).readinto(window) or 0
        except (OSError, EOFError, ValueError):
            raise ImageError("md5", DAMAGED)

    def _inflated(self, packed: bytes) -> bytes:
        try:
            return self._whole.decompress(packed, GROUP)
        except Exception:  # noqa: BLE001  zlib.error, where there is a zlib
            raise ImageError("md5", DAMAGED)
