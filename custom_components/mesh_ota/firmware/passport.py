"""The passport of a firmware file: what it is, read from its bytes and never from its name."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ..const import (
    APP_BUNDLE,
    ARDUINO,
    BUNDLE_MAX,
    ESP_IMAGE,
    HARDWARE_KNOWN,
    HARDWARE_MICROPYTHON,
    IMAGE_MAX,
    MICROPYTHON,
)
from ..errors import InvalidImage, InvalidRequest, TooLarge
from . import app_bundle, esp_image


@dataclass(frozen=True, kw_only=True, slots=True)
class Passport:
    """What a file is; None where the file cannot say it."""

    kind: str
    runtime: str | None
    chip: str | None
    hardware: str
    node_type: str | None
    version: str | None
    size: int
    md5: str
    sha256: str
    proof: str
    """What a node proves that runs it: the file's own SHA-256 for an image, its manifest's for a bundle."""


def inspect(path: Path, *, hardware: str | None = None, runtime: str | None = None) -> Passport:
    """Read a file and check it through and through. Blocks: call it in the executor.

    `hardware` and `runtime` are what the uploader says; the file has the last word where it can tell.
    Raises InvalidImage, InvalidRequest or TooLarge; OSError if the file cannot be read.
    """
    if hardware not in (None, *HARDWARE_KNOWN):
        raise InvalidRequest("hardware_unknown", hardware=hardware)
    if runtime not in (None, MICROPYTHON, ARDUINO):
        raise InvalidRequest("runtime_not_known", runtime=runtime)
    content = _read(path)
    if app_bundle.looks_like(content):
        return _of_bundle(content, hardware, runtime)
    if esp_image.looks_like(content):
        return _of_image(content, hardware, runtime)
    raise InvalidImage("not_a_firmware")


def _read(path: Path) -> bytes:
    size = path.stat().st_size
    if size == 0:
        raise InvalidImage("image_empty")
    if size > IMAGE_MAX:
        raise TooLarge("image_too_large", most=IMAGE_MAX // 2**20)
    return path.read_bytes()


def _of_bundle(content: bytes, hardware: str | None, runtime: str | None) -> Passport:
    if len(content) > BUNDLE_MAX:
        raise TooLarge("bundle_too_large", most=BUNDLE_MAX // 2**20)
    manifest = app_bundle.read(content)
    if hardware not in (None, manifest.hardware):
        raise InvalidImage("bundle_for_micropython", said=str(hardware))
    if runtime not in (None, MICROPYTHON):
        raise InvalidImage("bundle_for_micropython", said=str(runtime))
    return Passport(
        kind=APP_BUNDLE,
        runtime=MICROPYTHON,
        chip=None,
        hardware=manifest.hardware,
        node_type=manifest.node_type,
        version=manifest.version,
        size=len(content),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        sha256=hashlib.sha256(content).hexdigest(),
        proof=manifest.proof,
    )


def _of_image(content: bytes, hardware: str | None, runtime: str | None) -> Passport:
    if hardware == HARDWARE_MICROPYTHON:
        # The library keeps images and bundles of one version side by side: an image is hardware ESP32.
        hardware, runtime = "ESP32", runtime or MICROPYTHON
    image = esp_image.read_esp8266(content) if hardware == "ESP8266" else esp_image.read(content)
    if image.runtime is not None and runtime not in (None, image.runtime):
        raise InvalidImage("runtime_differs", said=str(runtime), found=image.runtime)
    digest = hashlib.sha256(content).hexdigest()
    return Passport(
        kind=ESP_IMAGE,
        runtime=image.runtime or runtime,
        chip=image.chip,
        hardware=hardware or "ESP32",
        node_type=image.node_type,
        version=image.version,
        size=len(content),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        sha256=digest,
        proof=digest,
    )
