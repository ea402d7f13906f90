"""ESP32 application images for simulated boards: valid to the last byte, with an application of ours inside.

A real one is made by building MicroPython with the application frozen in. Here the segment that would hold the frozen
code holds a tar of the same compiled modules, which the simulated bootloader lays out (partitions.py).
"""

import hashlib
import struct
from collections.abc import Mapping

from scripts.firmware import archive, compiler, sources

MICROPYTHON = b"MicroPython v1.26.1 on 2026-01-01"
_MANIFEST = """MANIFEST = {{"node_type": {0!r}, "version": {1!r}}}
"""
_MARK = """MARK = "mesh-ota-image:{0}:{1};"
"""


def application(
    node_type: str,
    version: str,
    replaced: Mapping[str, bytes] | None = None,
    *,
    marked: bool = True,
) -> bytes:
    """The image of one node type, made of the repository's sources; unmarked it waits for scripts/build-firmware."""
    found = sources.of_application("node", node_type, replaced or {})
    text = _MANIFEST + _MARK if marked else _MANIFEST
    found["image_manifest.py"] = text.format(node_type, version).encode()
    return build(archive.pack(dict(sorted(compiler.compiled(found).items()))))


def build(payload: bytes, chip: int = 0, *, text: bytes = MICROPYTHON) -> bytes:
    """An image with two segments, one with the words of a MicroPython, one with the payload."""
    segments = (
        (0x3F400020, text.ljust(256, b"\0")),
        (0x400D0020, payload + bytes(-len(payload) % 4)),
    )
    image = struct.pack("<BBBBI", 0xE9, len(segments), 2, 0x20, 0x40080000)
    image += struct.pack("<B3sHBHH4sB", 0xEE, bytes(3), chip, 0, 0, 399, bytes(4), 1)
    checksum = 0xEF
    for address, content in segments:
        image += struct.pack("<II", address, len(content)) + content
        for byte in content:
            checksum ^= byte
    image += bytes(15 - len(image) % 16) + bytes([checksum])
    return image + hashlib.sha256(image).digest()


def payload_of(image: bytes) -> bytes:
    """The tar in one of an image's segments; empty when none holds one."""
    at = 24
    for _ in range(image[1]):
        (length,) = struct.unpack_from("<I", image, at + 4)
        content = image[at + 8 : at + 8 + length]
        if content[257:262] == b"ustar":
            return content
        at += 8 + length
    return b""
