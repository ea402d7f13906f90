"""Builds an app-bundle (docs/app-bundle.md) from the repository's sources."""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path

from device import bundle as device_bundle, manifest
from scripts.firmware import archive, compiler, sources

HARDWARE = "ESP32-MPY"
MICROPYTHON = "1.24"  # the oldest MicroPython that the device code is written for


def build(
    node_type: str,
    version: str,
    *,
    gateway: bool = False,
    compile_modules: bool = True,
    hardware: str = HARDWARE,
    micropython: str = MICROPYTHON,
    replaced: Mapping[str, bytes] | None = None,
    root: Path = sources.REPOSITORY,
) -> bytes:
    """The bundle of one node type; the type `gateway` is the gateway's application.

    `replaced` puts other content in the place of files, or adds files; names are those in the slot
    before compiling, such as `roles/pir.py`. Raises SourceError, CompileError, or ImageError when a
    board would refuse the result.
    """
    check_words(node_type, version)
    application = "gateway" if gateway or node_type == "gateway" else "node"
    found = sources.of_application(application, node_type, replaced or {}, root)
    files = dict(sorted((compiler.compiled(found) if compile_modules else found).items()))
    described = {
        "format": manifest.FORMAT,
        "node_type": node_type,
        "version": version,
        "hardware": hardware,
        "micropython": micropython,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    text = json.dumps(described, separators=(",", ":")) + "\n"
    bundle = archive.pack({manifest.NAME: text.encode(), **files})
    check(bundle)
    return bundle


def check_words(node_type: str, version: str) -> None:
    """Raises SourceError for a type or version that cannot be."""
    if not manifest.is_word(node_type, 30, manifest.TYPE_LETTERS):
        raise sources.SourceError("A node type is 1 to 30 of the letters a-z, 0-9 and '-'.")
    if not manifest.is_word(version, 20, manifest.VERSION_LETTERS):
        raise sources.SourceError("A version is 1 to 20 of the letters A-Z a-z 0-9 . + _ and '-'.")


def check(bundle: bytes) -> dict[str, object]:
    """Read a bundle as a board would; answers its manifest. Raises ImageError."""
    if len(bundle) > device_bundle.LARGEST:
        raise device_bundle.ImageError("size", f"The bundle is {len(bundle)} bytes long.")
    reader = device_bundle.BundleReader(io.BytesIO(bundle))
    described = device_bundle.read_manifest(reader)
    described["files"] = dict(described["files"].items())
    for _ in device_bundle.checking(reader, dict(described["files"]), bytearray(4096), [].append):
        pass
    return described


def proof_of(bundle: bytes) -> str:
    """What a board says once it runs this bundle: the SHA-256 of the manifest in it."""
    size = int(bundle[124:135], 8)
    return hashlib.sha256(bundle[archive.BLOCK : archive.BLOCK + size]).hexdigest()
