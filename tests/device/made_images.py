"""ESP32 application images made by hand, good ones and every bad kind.

Runs on both Pythons. Written apart from simulator/esp_image.py, whose images are always good.
"""

import hashlib
import struct

from tests.device import made_bundles as made

MARK = b"mesh-ota-image:pir:%s;"


def image(version="1.1.0", chip=0, size=24000, mark=MARK, digest_flag=1, segments=2):
    """A whole image of about that size; the mark of its application lies at an odd place."""
    said = mark % version.encode() if b"%" in mark else mark
    filler = bytes([(number * 7 + len(version)) & 0xFF for number in range(251)])
    content = (filler * (size // 251 + 1))[: size - 500]
    content = content[: size // 2] + said + content[size // 2 + len(said) :]
    content += bytes(-len(content) % 4)
    body = struct.pack("<BBBBL", 0xE9, segments, 2, 0x20, 0x40080000)
    body += struct.pack("<BBBBHBHHLB", 0xEE, 0, 0, 0, chip, 0, 0, 399, 0, digest_flag)
    checksum = 0xEF
    for address, piece in (
        (0x3F400020, b"MicroPython v1.26.1 " + bytes(44)),
        (0x400D0020, content),
    )[:segments]:
        body += struct.pack("<LL", address, len(piece)) + piece
        for byte in piece:
            checksum ^= byte
    body += bytes(15 - len(body) % 16) + bytes([checksum])
    return body + hashlib.sha256(body).digest()


def with_digest_of_nothing(content):
    """The same with a wrong digest at its end."""
    return content[:-1] + bytes([content[-1] ^ 1])


def combined(content):
    """A file for the cable: bootloader, table at 0x8000 of the flash, application at 0x10000."""
    boot = image(size=2000)
    table = struct.pack("<2sBBLL16sL", b"\xaa\x50", 0, 0, 0x10000, 0x1000, b"factory", 0)
    file = boot + b"\xff" * (0x7000 - len(boot)) + table
    return file + b"\xff" * (0xF000 - len(file)) + content


def announcement(content, version="1.1.0", **changes):
    found = made.announcement(content, kind="esp-image", version=version)
    found.update(changes)
    return found


def arrive(incoming, content, **changes):
    """Let the whole image arrive, from the first part that is wanted; answers that part."""
    first = incoming.begin(announcement(content, **changes))
    for part_no in range(first, incoming.parts):
        assert incoming.write(part_no, memoryview(content)[part_no * 1024 : (part_no + 1) * 1024])
    return first
