"""An image that came deflated, read as the image it is (docs/mesh-protocol.md §4.1).

It is a row of groups, each of 4 KiB of the image (the last may be shorter) and each a deflate stream of its own with a
window of 12 bits: so no more than one group is ever in memory, and one that is damaged spoils no other. Nothing here
knows where the bytes come from, and what they make is checked by whoever reads it.
"""

import io

from device.image import ImageError

try:
    from deflate import RAW, DeflateIO
except ImportError:  # CPython has another, for the tests
    DeflateIO = None
    import zlib

GROUP = 4096  # bytes of the image; also the window
WINDOW_BITS = 12
STORED = 0x8000  # set in the length of a group that deflating would not make smaller
DAMAGED = "What arrived cannot be inflated."


class GroupReader:
    """As its `source`, a `SegmentReader`. `size` is that of the image: no byte beyond it is inflated."""

    def __init__(self, source: object, size: int) -> None:
        self._source = source
        self._left = size
        self._group = None

    def readinto(self, window: memoryview) -> int:
        """Raises ImageError, and OSError for flash that cannot be read."""
        length = self._from_group(window)
        while not length and self._next():
            length = self._from_group(window)
        return length

    def close(self) -> None:
        self._group = None
        self._source.close()

    def _from_group(self, window: memoryview) -> int:
        if self._group is None:
            return 0
        try:
            length = self._group.readinto(window) or 0
        except (OSError, EOFError, ValueError):
            raise ImageError("md5", DAMAGED)
        self._left -= length
        if self._left < 0:
            raise ImageError("size", "What arrived is longer than the image that was announced.")
        return length

    def _next(self) -> bool:
        """Whether there is one more group."""
        self._group = None
        head = self._source.read(2)
        if not head:
            return False
        length = head[0] << 8 | head[-1]
        stored = length & STORED
        length &= ~STORED
        packed = self._source.read(length) if 0 < length <= GROUP else b""
        if len(head) < 2 or not packed or len(packed) < length:
            raise ImageError("md5", DAMAGED)
        self._group = io.BytesIO(packed) if stored else _inflating(packed)
        return True


def _inflating(packed: bytes) -> object:
    """A stream of what is packed in it. One that packs more than a group is caught by the size of the image."""
    if DeflateIO is not None:
        return DeflateIO(io.BytesIO(packed), RAW, WINDOW_BITS)
    try:
        return io.BytesIO(zlib.decompressobj(-WINDOW_BITS).decompress(packed))
    except zlib.error:
        raise ImageError("md5", DAMAGED)
