"""An image as it crosses the mesh in fewer bytes (docs/mesh-protocol.md §4.1): groups that a node can inflate one by one.

Pure: bytes in, bytes out. An ESP32 only inflates; this is the only place that deflates.
"""

import zlib

GROUP = 4096
"""Bytes of the image in a group, and the window that a node has to have for one."""
_WINDOW_BITS = 12
_STORED = 0x8000
_WORTH = 0.95
"""A deflated image that is larger than so much of the image spares nothing worth the memory of inflating it."""


def deflated(image: bytes) -> bytes | None:
    """Return the deflated image; None where that would not make it smaller."""
    groups = b"".join(
        _group(image[start : start + GROUP]) for start in range(0, len(image), GROUP)
    )
    return groups if len(groups) < _WORTH * len(image) else None


def inflated(packed: bytes) -> bytes | None:
    """Return the image again; None where it is none."""
    found = []
    while packed:
        length = int.from_bytes(packed[:2])
        content, packed = packed[2 : 2 + length % _STORED], packed[2 + length % _STORED :]
        try:
            found.append(
                content if length & _STORED else zlib.decompress(content, -_WINDOW_BITS, GROUP)
            )
        except zlib.error:
            return None
    return b"".join(found)


def _group(content: bytes) -> bytes:
    """Return one group behind its length; as it is where deflating makes it no smaller."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -_WINDOW_BITS, 9)
    packed = deflater.compress(content) + deflater.flush()
    if len(packed) < len(content):
        return len(packed).to_bytes(2) + packed
    return (len(content) | _STORED).to_bytes(2) + content
