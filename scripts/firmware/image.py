"""Gives an ESP32 application image its type and version: a mark in a segment of its own, which nothing loads.

The format is Espressif's "Firmware Image Format". Segments whose address lies below 0x10000000 are padding to the
bootloader: they count, are part of checksum and digest, and go nowhere. What is in the image already is not touched.
"""

import hashlib
import re
import struct

from device.esp_image import (
    DIGEST,
    DIGEST_FLAG_AT,
    HEADER,
    MAGIC,
    MARK,
    SEGMENTS_MAX,
    TABLE_AT,
    TABLE_MAGIC,
)
from scripts.firmware.sources import SourceError

PADDING_ADDRESS = 0
CHECKSUM_SEED = 0xEF
MARKED = re.compile(rb"mesh-ota-image:([a-z0-9-]{1,30}):([A-Za-z0-9.+_-]{1,20});")
MICROPYTHON = b"MicroPython v"
APPLICATION = b"image_manifest."  # the name of the frozen module by which the loader knows that it may start it

NOT_ONE = "This is no ESP32 application image."
COMBINED = "The image holds bootloader and partition table: give the application part alone (micropython.bin)."
DAMAGED = "The image is damaged: its checksum or its SHA-256 is not that of its content."
NO_APPLICATION = (
    "No application of ours is frozen into this MicroPython: docs/esp-image.md says how."
)
OF_GATEWAY = (
    "A gateway takes app-bundles only: leave --image away, and flash MicroPython itself by cable."
)
FULL = f"The image has {SEGMENTS_MAX} segments: there is no room for one more."


def wrapped(image: bytes, node_type: str, version: str) -> bytes:
    """The image with the mark of this type and version; itself, if it has that already. Raises SourceError."""
    segments_end = _checked(image)
    if MICROPYTHON in image and APPLICATION not in image:
        raise SourceError(NO_APPLICATION)
    if MICROPYTHON in image and node_type == "gateway":
        raise SourceError(OF_GATEWAY)
    said = {(kind.decode(), number.decode()) for kind, number in MARKED.findall(image)}
    if said == {(node_type, version)}:
        return image
    if said:
        found = ", ".join(" ".join(pair) for pair in sorted(said))
        raise SourceError(f"The image says of itself that it is {found}.")
    if image[1] >= SEGMENTS_MAX:
        raise SourceError(FULL)
    return _with_segment(image, segments_end, MARK.format(node_type, version).encode())


def _checked(image: bytes) -> int:
    """Where the last segment ends. Raises SourceError."""
    if len(image) < HEADER or image[0] != MAGIC or not 0 < image[1] <= SEGMENTS_MAX:
        raise SourceError(NOT_ONE)
    if any(image[at : at + 2] == TABLE_MAGIC for at in TABLE_AT):
        raise SourceError(COMBINED)
    at, checksum = HEADER, CHECKSUM_SEED
    for _ in range(image[1]):
        if at + 8 > len(image):
            raise SourceError(DAMAGED)
        (length,) = struct.unpack_from("<I", image, at + 4)
        for byte in image[at + 8 : at + 8 + length]:
            checksum ^= byte
        at += 8 + length
    end = at + 16 - at % 16
    whole = image[:end] + hashlib.sha256(image[:end]).digest()
    if image[DIGEST_FLAG_AT] != 1 or image[end - 1 : end] != bytes([checksum]) or image != whole:
        raise SourceError(DAMAGED)
    return at


def _with_segment(image: bytes, end: int, content: bytes) -> bytes:
    content += bytes(-len(content) % 4)
    checksum = image[len(image) - DIGEST - 1]
    for byte in content:
        checksum ^= byte
    body = image[:1] + bytes([image[1] + 1]) + image[2:end]
    body += struct.pack("<II", PADDING_ADDRESS, len(content)) + content
    body += bytes(15 - len(body) % 16) + bytes([checksum])
    return body + hashlib.sha256(body).digest()
