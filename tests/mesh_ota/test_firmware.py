"""What is read from a firmware file, and everything that is refused, with the reason."""

import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from custom_components.mesh_ota.const import BUNDLE_FILES_MAX, BUNDLE_MAX, IMAGE_MAX
from custom_components.mesh_ota.errors import InvalidImage, MeshOtaError
from custom_components.mesh_ota.firmware.esp_image import _xor
from custom_components.mesh_ota.firmware.passport import Passport, inspect
from custom_components.mesh_ota.firmware.record import version_key

from .images import DEFAULT_RUNTIME, FILES, archive, bundle, combined, esp_image, manifest

type Inspect = Callable[..., Passport]


@pytest.fixture
def passport(tmp_path: Path) -> Inspect:
    """Inspect these bytes as a file."""

    def look(content: bytes, **said: str) -> Passport:
        path = tmp_path / "upload"
        path.write_bytes(content)
        return inspect(path, **said)

    return look


def refused(passport: Inspect, content: bytes, **said: str) -> str:
    """The key of the sentence with which a file is refused."""
    with pytest.raises(MeshOtaError) as error:
        passport(content, **said)
    return error.value.key


# Images


def test_an_image_is_recognised_by_its_bytes(passport: Inspect):
    image = esp_image()
    found = passport(image)
    assert (found.kind, found.runtime, found.chip) == ("esp-image", "micropython", "esp32")
    assert (found.hardware, found.size) == ("ESP32", len(image))
    assert (found.node_type, found.version) == (None, None)
    assert found.proof == found.sha256 == hashlib.sha256(image).hexdigest()
    assert found.md5 == hashlib.md5(image).hexdigest()


@pytest.mark.parametrize(
    ("number", "chip"),
    [(0, "esp32"), (2, "esp32s2"), (5, "esp32c3"), (9, "esp32s3"), (13, "esp32c6")],
)
def test_the_chip_is_read_from_the_image(passport: Inspect, number: int, chip: str):
    assert passport(esp_image(chip=number)).chip == chip


@pytest.mark.parametrize(
    ("text", "runtime"),
    [
        (DEFAULT_RUNTIME, "micropython"),
        (b"arduino-lib-builder", "arduino"),
        (b"/arduino-esp32/cores", "arduino"),
        (b"esp-idf: v5.1", None),
    ],
)
def test_the_runtime_is_read_where_it_can_be_told(
    passport: Inspect, text: bytes, runtime: str | None
):
    assert passport(esp_image(text)).runtime == runtime


def test_where_it_cannot_be_told_the_uploader_says_it(passport: Inspect):
    assert passport(esp_image(b"?"), runtime="arduino").runtime == "arduino"


def test_an_uploader_who_says_otherwise_is_refused(passport: Inspect):
    assert refused(passport, esp_image(), runtime="arduino") == "runtime_differs"


def test_an_image_for_boards_with_micropython_may_be_called_so(passport: Inspect):
    found = passport(esp_image(b"?"), hardware="ESP32-MPY")
    assert (found.hardware, found.runtime) == ("ESP32", "micropython")


def test_a_marked_image_says_its_type_and_version(passport: Inspect):
    found = passport(
        esp_image(DEFAULT_RUNTIME + b"\0mesh-ota-image:pir:1.1.0;mesh-ota-image:{}:{};")
    )
    assert (found.node_type, found.version) == ("pir", "1.1.0")


@pytest.mark.parametrize(
    "text", [b"", b"mesh-ota-image:PIR:1;", b"mesh-ota-image:pir:1;mesh-ota-image:pir:2;"]
)
def test_an_image_without_one_clear_mark_leaves_it_to_the_uploader(passport: Inspect, text: bytes):
    found = passport(esp_image(DEFAULT_RUNTIME + text))
    assert (found.node_type, found.version) == (None, None)


@pytest.mark.parametrize("cut", [1, 10, 23, 24, 30, 31, 40, 2000, 2050, -100, -33, -32, -31, -1])
def test_a_truncated_image_is_refused(passport: Inspect, cut: int):
    assert refused(passport, esp_image()[:cut]) in ("image_truncated", "image_checksum")


def test_no_single_changed_byte_goes_unnoticed(passport: Inspect):
    image = bytearray(esp_image(size=300))
    for at in range(len(image)):
        image[at] ^= 0x10
        with pytest.raises(InvalidImage):
            passport(bytes(image))
        image[at] ^= 0x10


def test_a_digest_that_does_not_match_is_refused(passport: Inspect):
    image = esp_image()
    assert refused(passport, image[:-1] + bytes([image[-1] ^ 1])) == "image_digest"


def test_a_checksum_that_does_not_match_is_refused(passport: Inspect):
    image = bytearray(esp_image())
    image[-33] ^= 1
    assert refused(passport, bytes(image)) == "image_checksum"


def test_an_image_without_digest_is_refused(passport: Inspect):
    assert refused(passport, esp_image(with_digest=False)) == "image_without_digest"


def test_what_follows_an_image_is_refused(passport: Inspect):
    assert refused(passport, esp_image() + b"\xff") == "image_longer"


@pytest.mark.parametrize("start", [0, -0x1000])
def test_a_combined_image_is_refused_and_called_so(passport: Inspect, start: int):
    """From the bootloader on as Espressif's tools write it, or from the first byte of the flash."""
    image = bytes([0xFF]) * -start + combined(esp_image())
    assert refused(passport, image) == "image_combined"


def test_an_unknown_chip_is_refused(passport: Inspect):
    assert refused(passport, esp_image(chip=999)) == "chip_not_known"


@pytest.mark.parametrize("segments", [0, 17, 255])
def test_a_wild_number_of_segments_is_refused(passport: Inspect, segments: int):
    image = bytearray(esp_image())
    image[1] = segments
    assert refused(passport, bytes(image)) == "image_segments"


def test_an_esp8266_image_is_taken_when_it_is_called_so(passport: Inspect):
    image = b"\xe9\x01\x00\x40" + bytes(100)
    found = passport(image, hardware="ESP8266")
    assert (found.chip, found.runtime, found.hardware) == ("esp8266", "arduino", "ESP8266")
    assert refused(passport, b"\xe9\x00" + bytes(100), hardware="ESP8266") == "image_segments"
    assert refused(passport, bytes([0xE9]), hardware="ESP8266") == "not_a_firmware"


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"", "image_empty"),
        (b"\x7fELF" + bytes(2000), "not_a_firmware"),
        (b"PK\x03\x04" + bytes(2000), "not_a_firmware"),
        (b"hello", "not_a_firmware"),
        (b"\x1f\x8b" + bytes(600), "not_a_firmware"),
        (bytes(IMAGE_MAX + 1), "image_too_large"),
        (bytes(IMAGE_MAX), "not_a_firmware"),
    ],
    ids=["empty", "elf", "zip", "text", "gzip", "too large", "zeros"],
)
def test_what_is_no_firmware_is_refused(passport: Inspect, content: bytes, key: str):
    assert refused(passport, content) == key


@pytest.mark.parametrize(
    ("said", "key"),
    [({"hardware": "ESP99"}, "hardware_unknown"), ({"runtime": "lua"}, "runtime_not_known")],
)
def test_unknown_words_are_refused(passport: Inspect, said: dict[str, str], key: str):
    assert refused(passport, esp_image(), **said) == key


@pytest.mark.parametrize("size", [0, 1, 2, 3, 16, 1000, 1023])
def test_folding_gives_the_same_as_one_byte_at_a_time(size: int):
    block = bytes((number * 37 + number // 7) % 256 for number in range(size))
    slow = 0
    for byte in block:
        slow ^= byte
    assert _xor(block) == slow


# Bundles


def test_a_bundle_says_what_it_is(passport: Inspect):
    found = passport(bundle(version="1.2.3"))
    assert (found.kind, found.runtime, found.chip) == ("app-bundle", "micropython", None)
    assert (found.node_type, found.version, found.hardware) == ("pir", "1.2.3", "ESP32-MPY")
    assert found.proof == hashlib.sha256(manifest(FILES, version="1.2.3")).hexdigest()


def test_unknown_keys_of_the_manifest_are_ignored(passport: Inspect):
    assert passport(bundle(author="me")).version == "1.0.0"


FIELDS: list[dict[str, Any]] = [
    {"format": 2},
    {"format": True},
    {"format": None},
    {"node_type": "PIR"},
    {"node_type": ""},
    {"node_type": "x" * 31},
    {"node_type": "../pir"},
    {"node_type": 5},
    {"version": "1 0"},
    {"version": "x" * 21},
    {"version": None},
    {"hardware": "ESP32"},
    {"hardware": None},
    {"micropython": "new"},
    {"micropython": None},
    {"files": {}},
    {"files": []},
    {"files": {"a.py": "xx"}},
    {"files": {"a.py": 5}},
]


@pytest.mark.parametrize("said", FIELDS)
def test_a_manifest_with_a_wrong_field_is_refused(passport: Inspect, said: dict[str, Any]):
    content = archive([("manifest.json", manifest(FILES, **said)), *sorted(FILES.items())])
    assert refused(passport, content) == "bundle_manifest_field"


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 9000, b"null", b'{"format": 1' + b" " * 100]
)
def test_a_manifest_that_is_no_object_is_refused(passport: Inspect, text: bytes):
    assert refused(passport, archive([("manifest.json", text)])) == "bundle_manifest_json"


NAMES = [
    "../evil.py",
    "a/../../evil.py",
    "/etc/passwd",
    "a//b.py",
    "./a.py",
    "a/.",
    "a/..",
    "a b.py",
    "a\\b.py",
    "a:b.py",
    "ü.py",
    "manifest.json",
]


@pytest.mark.parametrize("name", NAMES)
def test_no_file_may_leave_the_slot(passport: Inspect, name: str):
    files = {name: b"x"}
    content = archive([("manifest.json", manifest(files)), (name, b"x")])
    assert refused(passport, content) == "bundle_name"


def test_a_file_in_a_folder_that_is_a_file_is_refused(passport: Inspect):
    files = {"a": b"1", "a/b/c.py": b"2"}
    assert refused(passport, bundle(files)) == "bundle_name"


@pytest.mark.parametrize(
    "kind",
    [
        tarfile.DIRTYPE,
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.CHRTYPE,
        tarfile.BLKTYPE,
        tarfile.FIFOTYPE,
        tarfile.CONTTYPE,
        tarfile.AREGTYPE,
        tarfile.GNUTYPE_SPARSE,
    ],
)
def test_only_regular_files_are_taken(passport: Inspect, kind: bytes):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        text = manifest(FILES)
        for name, content, what in (("manifest.json", text, tarfile.REGTYPE), ("x", b"", kind)):
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = what, len(content), "manifest.json"
            tar.addfile(member, io.BytesIO(content))
    assert refused(passport, out.getvalue()) == "bundle_not_a_file"


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_in_other_dialects_are_refused(passport: Inspect, kind: int):
    """A node's reader knows ustar only."""
    name = "x" * 150 + ".py"
    content = archive([("manifest.json", manifest(FILES)), (name, b"x")], kind)
    assert refused(passport, content) in ("bundle_not_a_file", "bundle_name")


def test_files_must_be_those_of_the_manifest(passport: Inspect):
    text = manifest(FILES)
    good = [("manifest.json", text), *sorted(FILES.items())]
    name, content = good[1]
    assert passport(archive(good))
    for members, key in (
        (good[1:], "bundle_manifest_first"),
        ([good[1], good[0], good[2]], "bundle_manifest_first"),
        ([*good, ("extra.py", b"x")], "bundle_unlisted"),
        (good[:-1], "bundle_missing"),
        ([*good, good[1]], "bundle_twice"),
        ([good[0], (name, content + b" "), good[2]], "bundle_hash"),
    ):
        assert refused(passport, archive(members)) == key


def test_a_second_manifest_is_not_listed(passport: Inspect):
    text = manifest(FILES)
    content = archive([("manifest.json", text), ("manifest.json", text), *sorted(FILES.items())])
    assert refused(passport, content) == "bundle_unlisted"


@pytest.mark.parametrize("cut", [1, 511, 512, 1024, 2000])
def test_a_truncated_bundle_is_refused(passport: Inspect, cut: int):
    whole = bundle()
    end = len(whole.rstrip(b"\0"))
    assert refused(passport, whole[: end - cut]) in (
        "bundle_end",
        "bundle_beyond",
        "bundle_damaged",
        "not_a_firmware",
        "bundle_missing",
    )


def test_what_follows_the_end_is_refused(passport: Inspect):
    assert refused(passport, bundle() + b"x") == "bundle_end"


def test_a_header_with_a_wrong_checksum_is_refused(passport: Inspect):
    content = bytearray(bundle())
    content[0] ^= 1
    assert refused(passport, bytes(content)) == "bundle_damaged"


def test_no_changed_byte_of_a_bundle_goes_unnoticed(passport: Inspect):
    """Header, manifest, content: all is covered by a checksum or a hash; the padding by nobody's need."""
    good = passport(bundle())
    content = bytearray(bundle())
    for at in range(0, len(content.rstrip(b"\0")), 7):
        content[at] ^= 0x15
        try:
            found = passport(bytes(content))
        except MeshOtaError:
            pass
        else:
            assert found.proof != good.proof or found.sha256 != good.sha256
        content[at] ^= 0x15


def test_limits_of_a_bundle(passport: Inspect):
    many = {f"f{number:03}.py": b"x" for number in range(BUNDLE_FILES_MAX)}
    assert passport(bundle(many))
    many["one_more.py"] = b"x"
    assert refused(passport, bundle(many)) in ("bundle_many_files", "bundle_manifest_field")
    assert refused(passport, bundle(notes="x" * 20_000)) == "bundle_manifest_long"
    large = {"blob": bytes(BUNDLE_MAX)}
    assert refused(passport, bundle(large)) == "bundle_too_large"


def test_a_bundle_is_for_micropython_only(passport: Inspect):
    assert refused(passport, bundle(), hardware="ESP32") == "bundle_for_micropython"
    assert refused(passport, bundle(), runtime="arduino") == "bundle_for_micropython"
    assert passport(bundle(), hardware="ESP32-MPY", runtime="micropython")


# Versions


def test_versions_are_ordered_as_people_do():
    """Fault of the seed: 1.10.0 came before 1.9.0."""
    ordered = ["0.9", "1.0.0-rc1", "1.0.0-rc2", "1.0.0", "v1.0.1", "1.2.0", "1.10.0", "2026.11.0"]
    assert sorted({*ordered}, key=version_key) == ordered
    assert version_key("1.0.0+build5") == version_key("1.0.0")
    assert version_key("beta.2") < version_key("beta.10")
