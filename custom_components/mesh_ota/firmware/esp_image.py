"""ESP32 application images: header, segments, checksum and appended SHA-256, as the ESP32's bootloader checks them.

The format is Espressif's "Firmware Image Format" (esptool's documentation). Only the application part is taken: what
esptool calls a merged image, with bootloader and partition table, would not fit a slot.
"""

import hashlib
import re
import struct
from dataclasses import dataclass

from ..const import ARDUINO, MICROPYTHON
from ..errors import InvalidImage

MAGIC = 0xE9
HEADER = 24
ESP8266_HEADER = 8
SEGMENT_HEADER = 8
SEGMENTS_MAX = 16
DIGEST = 32
CHECKSUM_SEED = 0xEF
# Offset of the u16 chip id and of the flag "a SHA-256 follows" in the header.
CHIP_AT = 12
HASH_FLAG_AT = 23
CHIPS = {
    0: "esp32",
    2: "esp32s2",
    5: "esp32c3",
    9: "esp32s3",
    12: "esp32c2",
    13: "esp32c6",
    16: "esp32h2",
    18: "esp32p4",
    20: "esp32c61",
    23: "esp32c5",
    25: "esp32h21",
}
PARTITION_MAGIC = b"\xaa\x50"
# The table lies at 0x8000 of the flash; a merged ESP32 image usually starts at the bootloader, 0x1000.
PARTITION_TABLE_AT = (0x7000, 0x8000, 0x6000)

# Strings that every build of that runtime contains.
_RUNTIMES = (
    (b"MicroPython v", MICROPYTHON),
    (b"arduino-lib-builder", ARDUINO),
    (b"framework-arduinoespressif32", ARDUINO),
    (b"arduino-esp32", ARDUINO),
)


# What our images, and those that scripts/build-firmware has wrapped, say of themselves (docs/esp-image.md).
_MARK = re.compile(rb"mesh-ota-image:([a-z0-9-]{1,30}):([A-Za-z0-9.+_-]{1,20});")


@dataclass(frozen=True, slots=True)
class EspImage:
    """What an image says of itself."""

    chip: str
    runtime: str | None
    """None where it cannot be told."""
    node_type: str | None = None
    version: str | None = None


def looks_like(content: bytes) -> bool:
    """Whether it is meant to be an image, also one with a bootloader or empty flash in front."""
    return content[0] == MAGIC or is_combined(content)


def is_combined(content: bytes) -> bool:
    """Whether it holds a partition table, so that it is meant for a cable and a whole flash."""
    table = any(_is_table(content, at) for at in PARTITION_TABLE_AT)
    boots = content[0] == MAGIC or content[0x1000:0x1001] == b"\xe9"
    return table and (boots or content[0x2000:0x2001] == b"\xe9")


def _is_table(content: bytes, at: int) -> bool:
    """Whether a partition table starts there: an entry of 32 bytes, then another, the table's MD5 or empty flash."""
    follows = content[at + 32 : at + 34]
    return content[at : at + 2] == PARTITION_MAGIC and follows in (
        PARTITION_MAGIC,
        b"\xeb\xeb",
        b"\xff\xff",
    )


def read(content: bytes) -> EspImage:
    """Check an image of the ESP32 family. Raises InvalidImage with the reason."""
    if is_combined(content):
        raise InvalidImage("image_combined")
    if len(content) < HEADER + SEGMENT_HEADER:
        raise InvalidImage("image_truncated", size=len(content))
    (chip_id,) = struct.unpack_from("<H", content, CHIP_AT)
    if chip_id not in CHIPS:
        raise InvalidImage("chip_not_known", chip=chip_id)
    end = _segments_end(content, HEADER)
    _check_digest(content, end)
    return EspImage(CHIPS[chip_id], _runtime(content), *_said(content))


def read_esp8266(content: bytes) -> EspImage:
    """Check what can be checked of an ESP8266 image: it has a shorter header and no digest."""
    if content[0] != MAGIC or len(content) < ESP8266_HEADER + SEGMENT_HEADER:
        raise InvalidImage("not_a_firmware")
    if not 1 <= content[1] <= SEGMENTS_MAX:
        raise InvalidImage("image_segments", count=content[1])
    return EspImage("esp8266", ARDUINO)


def _segments_end(content: bytes, at: int) -> int:
    """Walk the segments and check their checksum. Returns the offset after the checksum byte."""
    segments = content[1]
    if not 1 <= segments <= SEGMENTS_MAX:
        raise InvalidImage("image_segments", count=segments)
    checksum = CHECKSUM_SEED
    for _ in range(segments):
        if at + SEGMENT_HEADER > len(content):
            raise InvalidImage("image_truncated", size=len(content))
        (length,) = struct.unpack_from("<I", content, at + 4)
        start, at = at + SEGMENT_HEADER, at + SEGMENT_HEADER + length
        if at > len(content):
            raise InvalidImage("image_truncated", size=len(content))
        checksum ^= _xor(content[start:at])
    # Padded with zeros so that the checksum is the last byte of a group of 16.
    end = at + 16 - at % 16
    if end > len(content):
        raise InvalidImage("image_truncated", size=len(content))
    if content[end - 1] != checksum:
        raise InvalidImage("image_checksum")
    return end


def _check_digest(content: bytes, end: int) -> None:
    if content[HASH_FLAG_AT] != 1:
        raise InvalidImage("image_without_digest")
    if len(content) < end + DIGEST:
        raise InvalidImage("image_truncated", size=len(content))
    if hashlib.sha256(content[:end]).digest() != content[end : end + DIGEST]:
        raise InvalidImage("image_digest")
    if len(content) > end + DIGEST:
        raise InvalidImage("image_longer", more=len(content) - end - DIGEST)


def _runtime(content: bytes) -> str | None:
    found = (runtime for mark, runtime in _RUNTIMES if mark in content)
    return next(found, None)


def _said(content: bytes) -> tuple[str | None, str | None]:
    """Return type and version by the image's mark; nothing if it has none, or several that differ."""
    marks = set(_MARK.findall(content))
    if len(marks) != 1:
        return None, None
    node_type, version = marks.pop()
    return node_type.decode(), version.decode()


def _xor(block: bytes) -> int:
    """Return the exclusive or of all bytes, by folding one long number in halves (a loop would take a second)."""
    number, size = int.from_bytes(block), 1
    while size < len(block):
        size *= 2
    while size > 1:
        size //= 2
        number = (number >> (8 * size)) ^ (number & ((1 << (8 * size)) - 1))
    return number
