"""The action `upload_firmware`: what it may read, from a disk and from the web, and that a refusal leaves nothing behind."""

import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer

from custom_components.mesh_ota.const import DOMAIN, IMAGE_MAX
from custom_components.mesh_ota.fetch import OwnNetwork, PublicResolver
from custom_components.mesh_ota.hub import MeshOta
from homeassistant.auth.models import User
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized

from . import images
from .gateway_client import GatewayClient

HALL, LAMP = "2222222222", "3333333333"


async def take(hass: HomeAssistant, user: User | None = None, **fields: Any) -> dict[str, Any]:
    """Call the action."""
    context = Context(user_id=user.id) if user else Context()
    return await hass.services.async_call(
        DOMAIN, "upload_firmware", fields, blocking=True, return_response=True, context=context
    )


@pytest.fixture
def shelf(hass: HomeAssistant, tmp_path: Path) -> Path:
    """An allowed folder with a bundle."""
    folder = tmp_path.resolve() / "shelf"
    folder.mkdir()
    (folder / "pir.tar").write_bytes(images.bundle(node_type="pir", version="1.1.0"))
    hass.config.allowlist_external_dirs = {str(folder)}
    return folder


@pytest.fixture
def nothing_left(hub: MeshOta, config_dir: Path) -> Any:
    """Says whether library and folder are as if nobody had called."""

    def check() -> None:
        assert hub.library.list() == []
        assert list((config_dir / ".storage" / "mesh_ota").iterdir()) == []

    return check


async def test_a_file_of_an_allowed_folder_comes_in_and_its_passport_out(
    hass: HomeAssistant, caller: GatewayClient, shelf: Path, hub: MeshOta
):
    await caller.report_node(HALL)
    await caller.report_node(LAMP, type="led", name="lamp")
    said = await take(hass, path=str(shelf / "pir.tar"), release_notes="New.", is_stable=True)
    assert said["kind"] == "app-bundle"
    assert (said["node_type"], said["version"], said["is_stable"]) == ("pir", "1.1.0", True)
    assert said["sha256"] == hub.library.get(said["id"]).sha256
    fits = {node["node_id"]: (node["fits"], node["message"]) for node in said["nodes"]}
    assert fits[HALL] == (True, None)
    assert fits[LAMP] == (False, "The firmware is for pir; node 3333333333 is a led.")
    assert (shelf / "pir.tar").exists()


@pytest.mark.parametrize("language", ["de"])
async def test_why_a_node_does_not_fit_is_said_in_the_language_of_the_house(
    hass: HomeAssistant, caller: GatewayClient, shelf: Path, language: str
):
    await hass.config.async_update(language=language)
    await hass.async_block_till_done()
    await caller.report_node(LAMP, type="led", name="lamp")
    said = await take(hass, path=str(shelf / "pir.tar"))
    assert "ist vom Typ led" in str(said["nodes"])


async def test_only_an_administrator_may(
    hass: HomeAssistant,
    paired: Any,
    hub: MeshOta,
    shelf: Path,
    hass_read_only_user: User,
    hass_admin_user: User,
):
    with pytest.raises(Unauthorized):
        await take(hass, hass_read_only_user, path=str(shelf / "pir.tar"))
    assert hub.library.list() == []
    assert await take(hass, hass_admin_user, path=str(shelf / "pir.tar"))


@pytest.mark.parametrize(
    ("named", "key"),
    [
        ("{shelf}/../secret.tar", "path_not_allowed"),
        ("{shelf}/link.tar", "path_not_allowed"),
        ("pir.tar", "path_not_allowed"),
        ("", "path_not_allowed"),
        ("{shelf}/none.tar", "path_unreadable"),
        ("{shelf}", "path_unreadable"),
        ("{shelf}/pipe", "path_unreadable"),
        ("{shelf}/nul\0.tar", "path_unreadable"),
        ("{shelf}/huge.bin", "image_too_large"),
        ("{shelf}/noise.bin", "not_a_firmware"),
    ],
)
async def test_a_path_that_may_not_or_cannot_be_read_leaves_nothing(
    hass: HomeAssistant, paired: Any, shelf: Path, nothing_left: Any, named: str, key: str
):
    secret = shelf.parent / "secret.tar"
    secret.write_bytes(images.bundle())
    (shelf / "link.tar").symlink_to(secret)
    os.mkfifo(shelf / "pipe")
    (shelf / "noise.bin").write_bytes(b"noise" * 1000)
    with (shelf / "huge.bin").open("wb") as file:
        file.truncate(IMAGE_MAX + 1)
    with pytest.raises(HomeAssistantError) as error:
        await take(hass, path=named.format(shelf=shelf))
    assert error.value.translation_key == key
    nothing_left()


async def test_what_the_disk_does_not_take_leaves_nothing(
    hass: HomeAssistant,
    paired: Any,
    shelf: Path,
    hub: MeshOta,
    nothing_left: Any,
    monkeypatch: pytest.MonkeyPatch,
):
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("custom_components.mesh_ota.library.place", full)
    with pytest.raises(HomeAssistantError) as error:
        await take(hass, path=str(shelf / "pir.tar"))
    assert error.value.translation_key == "storage_full"
    nothing_left()


async def test_one_of_path_and_address_is_named(hass: HomeAssistant, paired: Any, shelf: Path):
    for fields in ({}, {"path": "/a", "url": "https://b.example.com/"}):
        with pytest.raises(Exception, match=r"at least one of|two or more values"):
            await take(hass, **fields)


# From the web


@pytest.fixture
async def site(hass: HomeAssistant, paired: Any, socket_enabled: None) -> AsyncIterator[TestServer]:
    """A server on this computer, which is allowed by its number below /firmware."""
    content = images.bundle(node_type="pir", version="1.1.0")

    async def file(_request: web.Request) -> web.Response:
        return web.Response(body=content)

    async def away(request: web.Request) -> web.Response:
        to = request.query.get("to", request.path)
        return web.Response(status=302, headers={"Location": to})

    async def packed(_request: web.Request) -> web.Response:
        return web.Response(body=content, headers={"Content-Encoding": "gzip"})

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(17):
            await answer.write(bytes(2**20))
        return answer

    async def cut(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": str(len(content))})
        await answer.prepare(request)
        await answer.write(content[:100])
        assert request.transport is not None
        request.transport.close()
        return answer

    async def long(_request: web.Request) -> web.Response:
        return web.Response(body=b"x", headers={"Content-Length": str(IMAGE_MAX + 1)})

    app = web.Application()
    for name, serve in (
        ("/firmware/pir.tar", file), ("/firmware/away", away), ("/firmware/packed", packed),
        ("/firmware/endless", endless), ("/firmware/cut", cut), ("/firmware/long", long), ("/secret.tar", file),
    ):  # fmt: skip
        app.router.add_get(name, serve)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    root = f"http://127.0.0.1:{server.port}"
    hass.config.allowlist_external_urls = {
        f"{root}/firmware/", f"http://localhost:{server.port}/firmware/", f"http://2130706433:{server.port}/"
    }  # fmt: skip
    yield server
    await server.close()


async def test_a_file_from_an_allowed_address_comes_in(
    hass: HomeAssistant, site: TestServer, hub: MeshOta
):
    said = await take(hass, url=str(site.make_url("/firmware/pir.tar")))
    assert (said["node_type"], said["version"], said["filename"]) == ("pir", "1.1.0", "pir.tar")
    content = await hub.library.async_read_range(said["id"], 0, said["size_bytes"])
    assert content == images.bundle(node_type="pir", version="1.1.0")


async def test_a_redirect_within_what_is_allowed_is_followed(hass: HomeAssistant, site: TestServer):
    said = await take(hass, url=str(site.make_url("/firmware/away?to=/firmware/pir.tar")))
    assert said["filename"] == "pir.tar"


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("{root}/secret.tar", "url_not_allowed"),
        ("{root}/firmware/../secret.tar", "url_not_allowed"),
        ("{root}/firmware/away?to=/secret.tar", "url_not_allowed"),
        ("{root}/firmware/away?to=http://169.254.169.254/latest/", "url_not_allowed"),
        ("{root}/firmware/away?to=file:///etc/passwd", "url_malformed"),
        ("{root}/firmware/away?to=http://[", "url_malformed"),
        ("{root}/firmware/away", "url_redirects"),
        ("http://localhost:{port}/firmware/pir.tar", "url_own_network"),
        ("{root}/firmware/away?to=http://localhost:{port}/firmware/pir.tar", "url_own_network"),
        ("http://2130706433:{port}/firmware/pir.tar", "url_unreachable"),
        ("file:///etc/passwd", "url_malformed"),
        ("ftp://127.0.0.1/firmware/pir.tar", "url_malformed"),
        ("http://user:secret@127.0.0.1:{port}/firmware/pir.tar", "url_malformed"),
        ("http://[", "url_malformed"),
        ("", "url_malformed"),
        ("{root}/firmware/" + "a" * 2000, "url_malformed"),
        ("{root}/firmware/none", "url_refused"),
        ("{root}/firmware/packed", "url_refused"),
        ("{root}/firmware/endless", "image_too_large"),
        ("{root}/firmware/long", "image_too_large"),
        ("{root}/firmware/cut", "url_unreachable"),
    ],
)
async def test_an_address_that_may_not_or_cannot_be_fetched_leaves_nothing(
    hass: HomeAssistant, site: TestServer, nothing_left: Any, address: str, key: str
):
    url = address.format(root=f"http://127.0.0.1:{site.port}", port=site.port)
    with pytest.raises(ServiceValidationError) as error:
        await take(hass, url=url)
    assert error.value.translation_key == key
    assert "secret" not in str(error.value.translation_placeholders)
    nothing_left()


async def test_nobody_at_the_address_is_told_so(
    hass: HomeAssistant, paired: Any, socket_enabled: None, nothing_left: Any
):
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    hass.config.allowlist_external_urls = {f"http://127.0.0.1:{port}/"}
    with pytest.raises(ServiceValidationError) as error:
        await take(hass, url=f"http://127.0.0.1:{port}/pir.tar")
    assert error.value.translation_key == "url_unreachable"
    nothing_left()


class Names(AbstractResolver):
    """Says the same of every name."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=each, port=port, family=family, proto=0, flags=0)
            for each in self.addresses
        ]

    async def close(self) -> None:
        """Hold nothing."""


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:192.168.1.1", "::ffff:127.0.0.1",
    ],
)  # fmt: skip
async def test_a_name_may_not_lead_into_the_users_own_network(address: str):
    """Nor may one of several addresses: which one is taken is not ours to say."""
    with pytest.raises(OwnNetwork):
        await PublicResolver(Names("93.184.215.14", address)).resolve("firmware.example.com", 443)


async def test_a_name_in_the_internet_is_resolved():
    resolver = PublicResolver(Names("93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"))
    found = await resolver.resolve("firmware.example.com", 443)
    assert found[0]["host"] == "93.184.215.14"
    await resolver.close()
