"""Firmware files made here from the formats' descriptions, good ones and every kind of bad one."""

import hashlib
import io
import json
import struct
import tarfile
from typing import Any

FILES = {"node/app.py": b"print('hello')\n", "roles/pir.py": b"ROLE = 'pir'\n"}
DEFAULT_RUNTIME = b"MicroPython v1.26.1 on 2026-01-01"


def manifest(files: dict[str, bytes], /, **said: Any) -> bytes:
    """The manifest of these files; `said` replaces fields, None leaves one out."""
    fields = {
        "format": 1,
        "node_type": "pir",
        "version": "1.0.0",
        "hardware": "ESP32-MPY",
        "micropython": "1.24",
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    } | said
    return json.dumps({key: value for key, value in fields.items() if value is not None}).encode()


def archive(members: list[tuple[str, bytes]], kind: int = tarfile.USTAR_FORMAT) -> bytes:
    """A tar with these members in this order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def bundle(files: dict[str, bytes] | None = None, **said: Any) -> bytes:
    """A whole app-bundle."""
    files = FILES if files is None else files
    return archive([("manifest.json", manifest(files, **said)), *sorted(files.items())])


def esp_image(
    text: bytes = DEFAULT_RUNTIME, *, chip: int = 0, with_digest: bool = True, size: int = 2000
) -> bytes:
    """An application image with two segments, its checksum and its digest."""
    header = struct.pack("<BBBBI", 0xE9, 2, 2, 0x20, 0x40080000)
    header += struct.pack("<B3sHBHH4sB", 0xEE, bytes(3), chip, 0, 0, 399, bytes(4), with_digest)
    body, checksum = b"", 0xEF
    for address, content in ((0x3F400020, text.ljust(size, b"\x01")), (0x40080000, bytes(64))):
        body += struct.pack("<II", address, len(content)) + content
        for byte in content:
            checksum ^= byte
    image = header + body
    image += bytes(15 - len(image) % 16) + bytes([checksum])
    return image + hashlib.sha256(image).digest() if with_digest else image


def combined(app: bytes) -> bytes:
    """What esptool merges: bootloader, partition table at 0x8000 (0x7000 behind the bootloader's start), application."""
    table = b"".join(
        struct.pack("<2sBBII16sI", b"\xaa\x50", kind, 0, offset, 0x1000, name, 0)
        for kind, offset, name in ((1, 0x9000, b"nvs"), (0, 0x10000, b"factory"))
    )
    flash = esp_image(b"bootloader").ljust(0x7000, b"\xff") + table
    return flash.ljust(0xF000, b"\xff") + app
