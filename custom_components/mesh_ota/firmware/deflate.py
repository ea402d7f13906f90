"""An image as it crosses the mesh in fewer bytes (docs/mesh-protocol.md §4.1): groups that a node inflates one by one.

Pure: bytes in, bytes out. An ESP32 only inflates; this is the only place that deflates.
"""

import zlib

GROUP = 4096
"""Bytes of the image in a group, and the window that a node has to have for one."""
_WINDOW_BITS = 12
_WORTH = 0.95
"""A deflated image that is larger than so much of the image spares nothing worth the memory of inflating it."""


def deflated(image: bytes) -> bytes | None:
    """Return the deflated image; None where that would not make it smaller."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -_WINDOW_BITS, 9)
    groups = []
    for start in range(0, len(image), GROUP):
        packed = deflater.compress(image[start : start + GROUP])
        # A full flush: the next group refers to nothing before it, and the stream goes on.
        packed += deflater.flush(zlib.Z_FULL_FLUSH)
        groups.append(len(packed).to_bytes(2) + packed)
    found = b"".join(groups)
    return found if len(found) < _WORTH * len(image) else None


def inflated(packed: bytes) -> bytes | None:
    """Return the image again; None where it is none."""
    inflater = zlib.decompressobj(-_WINDOW_BITS)
    found = []
    while packed:
        length = 2 + int.from_bytes(packed[:2])
        try:
            found.append(inflater.decompress(packed[2:length], GROUP))
        except zlib.error:
            return None
        packed = packed[length:]
    return b"".join(found)
