"""What Home Assistant makes of an image for the mesh; the device's side inflates the same recording (tests/device)."""

import os
import random
import zlib
from pathlib import Path

from custom_components.mesh_ota.firmware.deflate import GROUP, deflated

RECORDED = Path(__file__).parents[1] / "recorded" / "deflate"


def inflated(packed: bytes) -> bytes:
    """Group by group, each by itself and with a window of 12 bits: none may need another."""
    found = b""
    while packed:
        length = int.from_bytes(packed[:2])
        assert 0 < length <= GROUP + 64
        group = zlib.decompressobj(-12).decompress(packed[2 : 2 + length])
        packed = packed[2 + length :]
        assert len(group) == GROUP or not packed
        found += group
    return found


def test_the_recorded_image_is_deflated_as_recorded() -> None:
    image = (RECORDED / "image.bin").read_bytes()
    packed = (RECORDED / "image.deflated").read_bytes()
    assert inflated(packed) == image
    again = deflated(image)
    assert again is not None
    assert inflated(again) == image
    assert len(again) <= len(packed) * 1.02  # another zlib may find other matches


def test_an_image_of_any_size_comes_back() -> None:
    source = random.Random(1)
    for size in (1, 2, 4095, 4096, 4097, 8192, 100_000):
        image = bytes(source.choices(b"abc", k=size))
        packed = deflated(image)
        assert packed is None or inflated(packed) == image
        assert packed is not None or size < 10


def test_what_cannot_be_made_smaller_is_left_as_it_is() -> None:
    assert deflated(os.urandom(50_000)) is None
    assert deflated(b"") is None
