"""What an administrator may get wrong, told to the running Home Assistant over real HTTP: a sentence, and nothing changed."""

import io
import tarfile
from typing import Any

import aiohttp
import pytest

from simulator.home_assistant_client import Refused
from tests.end_to_end.house import House
from tests.mesh_ota import images

APP = {"node/app.py": b"print('hello')\n"}


def with_member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    """A bundle with one member more, which its manifest names too."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        said = images.manifest(APP | {name: b""}, version="9.0.0")
        for member_name, content in (("manifest.json", said), *APP.items()):
            member = tarfile.TarInfo(member_name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        bad = tarfile.TarInfo(name)
        bad.type, bad.linkname = kind, link
        tar.addfile(bad)
    return out.getvalue()


def flipped(image: bytes) -> bytes:
    return image[:100] + bytes([image[100] ^ 1]) + image[101:]


BUNDLE = images.bundle(APP, version="9.0.0")
BAD_FILES = {
    "empty": b"",
    "not a firmware": b"GIF89a" * 100,
    "truncated image": images.esp_image()[:900],
    "image with a wrong digest": flipped(images.esp_image()),
    "combined image": images.combined(images.esp_image()),
    "bundle cut short": BUNDLE[:1500],
    "bundle with a damaged file": BUNDLE.replace(b"hello", b"jello"),
    "bundle that climbs out": with_member("../evil.py"),
    "bundle with an absolute path": with_member("/etc/evil"),
    "bundle with a symbolic link": with_member("node/evil", tarfile.SYMTYPE, "/etc/passwd"),
    "bundle with a hard link": with_member("node/evil", tarfile.LNKTYPE, "node/app.py"),
    "bundle with a device": with_member("node/evil", tarfile.CHRTYPE),
    "bundle without a manifest": images.archive(list(APP.items())),
    "bundle with a foreign manifest": images.archive([("manifest.json", b"[]"), *APP.items()]),
}


@pytest.fixture(params=BAD_FILES, ids=lambda name: name.replace(" ", "-"))
def bad_file(request: pytest.FixtureRequest) -> bytes:
    return BAD_FILES[request.param]


async def test_a_bad_file_is_refused_with_a_sentence(house: House, bad_file: bytes) -> None:
    await refused(house, 400, bad_file, node_type="pir", version="9.0.0")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"node_type": "P I R", "version": "9.0.0"}, 400),
        ({"node_type": "x" * 31, "version": "9.0.0"}, 400),
        ({"node_type": "pir", "version": "9/0"}, 400),
        ({"node_type": "pir", "version": "9" * 21}, 400),
        ({"node_type": "led", "version": "9.0.0"}, 400),
    ],
)
async def test_wrong_words_beside_a_good_file_are_refused(
    house: House, fields: dict[str, str], status: int
) -> None:
    await refused(house, status, BUNDLE, **fields)


async def test_the_same_type_version_and_hardware_twice_is_a_conflict(house: House) -> None:
    library = await house.client.mesh("GET", "firmware?node_type=pir")
    first = next(row for row in library if row["hardware"] == "ESP32-MPY")
    again = images.bundle(APP, version=first["version"])
    await refused(house, 409, again, node_type="pir", version=first["version"])


async def test_an_upload_of_a_hundred_megabytes_is_refused(house: House) -> None:
    await refused(house, 413, bytes(100 << 20), node_type="pir", version="9.0.0")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"firmware_id": 999_999}, 404),
        ({"firmware_id": 1, "target_node_id": "4294967295"}, 404),
        ({"firmware_id": "one"}, 400),
    ],
)
async def test_a_job_for_what_is_not_there_is_refused(
    house: House, asked: dict[str, Any], status: int
) -> None:
    jobs = await house.client.mesh("GET", "ota/updates")
    with pytest.raises(Refused) as error:
        await house.client.mesh("POST", "ota/updates", asked)
    assert error.value.status == status
    assert " " in error.value.body["message"]
    assert await house.client.mesh("GET", "ota/updates") == jobs


async def test_nobody_without_an_administrators_token_gets_anything(house: House) -> None:
    url = house.client.url + "/api/mesh_ota/v1/"
    async with aiohttp.ClientSession() as stranger:
        for method, path in (
            ("GET", "firmware"),
            ("POST", "firmware/upload"),
            ("GET", "firmware/1/download"),
            ("DELETE", "firmware/1"),
            ("POST", "ota/updates"),
            ("GET", "ota/updates"),
        ):
            async with stranger.request(method, url + path) as answer:
                assert answer.status == 401, path


async def refused(house: House, status: int, content: bytes, **fields: str) -> None:
    """That the upload is refused with a sentence of ours, and that the library is as it was."""
    library = await house.client.mesh("GET", "firmware")
    form = aiohttp.FormData(fields)
    form.add_field("file", content, filename="firmware.bin")
    with pytest.raises(Refused) as error:
        await house.client.mesh("POST", "firmware/upload", data=form)
    assert error.value.status == status
    assert set(error.value.body) == {"message", "code"}
    assert " " in error.value.body["message"]
    assert "{" not in error.value.body["message"]
    assert await house.client.mesh("GET", "firmware") == library
