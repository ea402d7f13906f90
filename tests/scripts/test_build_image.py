"""scripts/build-firmware --image: type and version in a ready image, which stays what it was for its bootloader."""

import hashlib
from pathlib import Path

import pytest

from custom_components.mesh_ota.firmware import passport
from device.esp_image import checking
from device.image import ImageError
from scripts.firmware import command, image
from scripts.firmware.sources import SourceError
from simulator import esp_image

SKETCH = esp_image.build(b"a sketch" * 50, text=b"arduino-lib-builder")


@pytest.fixture(scope="module")
def unmarked() -> bytes:
    """A MicroPython with an application frozen in whose build forgot to say what it is."""
    return esp_image.application("pir", "1.1.0", marked=False)


def said_of(content: bytes, folder: Path) -> tuple[str | None, str | None]:
    path = folder / "image.bin"
    path.write_bytes(content)
    found = passport.inspect(path)
    return found.node_type, found.version


class Partition:
    """The partition that the image has been written to."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def info(self) -> tuple[int, int, int, int, str, bool]:
        return 0, 16, 0x10000, 0x180000, "ota_0", False

    def readblocks(self, block: int, window: bytearray, offset: int = 0) -> None:
        start = block * 4096 + offset
        window[:] = self.content[start : start + len(window)].ljust(len(window), b"\xff")


def test_a_wrapped_image_is_whole_to_home_assistant_and_says_what_it_is(
    unmarked: bytes, tmp_path: Path
) -> None:
    assert said_of(unmarked, tmp_path) == (None, None)
    wrapped = image.wrapped(unmarked, "pir", "1.1.0")
    assert said_of(wrapped, tmp_path) == ("pir", "1.1.0")
    assert esp_image.payload_of(wrapped) == esp_image.payload_of(unmarked)


def check(content: bytes) -> str:
    """What the node makes of it, once it lies in the partition: its proof."""
    announced = {
        "size": len(content),
        "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "version": "1.1.0",
    }
    found: dict[str, str] = {}
    for _ in checking(Partition(content), announced, ("esp32", "pir"), found):
        pass
    return found["proof"]


def test_a_node_takes_the_wrapped_image_and_not_the_one_before(unmarked: bytes) -> None:
    wrapped = image.wrapped(unmarked, "pir", "1.1.0")
    assert check(wrapped) == hashlib.sha256(wrapped).hexdigest()
    with pytest.raises(ImageError) as refused:
        check(unmarked)
    assert refused.value.code == "role"


def test_the_added_segment_is_one_that_no_bootloader_loads(unmarked: bytes) -> None:
    wrapped = image.wrapped(unmarked, "pir", "1.1.0")
    assert wrapped[1] == unmarked[1] + 1
    at = wrapped.index(b"mesh-ota-image:pir:") - 8
    assert int.from_bytes(wrapped[at : at + 4], "little") < 0x10000000
    before = wrapped[2:at]
    assert before == unmarked[2 : len(before) + 2]


def test_a_sketch_is_wrapped_too(tmp_path: Path) -> None:
    assert said_of(image.wrapped(SKETCH, "sensor", "2.0"), tmp_path) == ("sensor", "2.0")


def test_wrapping_twice_changes_nothing(unmarked: bytes) -> None:
    once = image.wrapped(unmarked, "pir", "1.1.0")
    assert image.wrapped(once, "pir", "1.1.0") == once


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no image", image.NOT_ONE),
        (SKETCH[:-1] + bytes([SKETCH[-1] ^ 1]), image.DAMAGED),
        (SKETCH[:-40], image.DAMAGED),
        (SKETCH + b"\0", image.DAMAGED),
        (esp_image.build(b"x" * 100), image.NO_APPLICATION),
        (b"\xe9\x02".ljust(0x7000, b"\xff") + b"\xaa\x50", image.COMBINED),
        (
            esp_image.build(b"mesh-ota-image:pir:1.0.0;image_manifest.py"),
            "The image says of itself that it is pir 1.0.0.",
        ),
    ],
)
def test_what_cannot_be_wrapped_is_refused_with_a_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(SourceError) as refused:
        image.wrapped(content, "pir", "1.1.0")
    assert str(refused.value) == sentence


def test_no_image_is_made_for_a_gateway_which_would_not_take_it(unmarked: bytes) -> None:
    with pytest.raises(SourceError, match="A gateway takes app-bundles only"):
        image.wrapped(unmarked, "gateway", "1.1.0")


def test_the_command_writes_a_bin_and_says_its_proof(
    unmarked: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "micropython.bin").write_bytes(unmarked)
    out = tmp_path / "pir.bin"
    said = ["pir", "1.1.0", "--image", str(tmp_path / "micropython.bin"), "--out", str(out)]
    assert command.main(said) == 0
    assert f"proof   {hashlib.sha256(out.read_bytes()).hexdigest()}" in capsys.readouterr().out
    assert command.main(["pir", "9 9", *said[2:]]) == 1
    assert "A version is" in capsys.readouterr().err
