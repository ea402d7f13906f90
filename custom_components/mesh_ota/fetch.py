"""A firmware file that an action names: from a folder or from an address that Home Assistant's configuration allows.

What may be read is decided here, byte by byte into a `PartFile`; what the file is, by the library. Each step of a
redirect is looked at like the first address, and a name may not lead into the user's own network: whoever wants a file
from there allows the address itself.
"""

from __future__ import annotations

import os
import stat
from ipaddress import ip_address
from pathlib import Path
from socket import AddressFamily
from typing import BinaryIO, override

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from homeassistant.core import HomeAssistant
from homeassistant.util.ssl import get_default_context

from .const import IMAGE_MAX
from .errors import InvalidRequest, NotFound, StorageFailed
from .part_file import PIECE, PartFile, too_large

REDIRECTS_MAX = 5
URL_LENGTH_MAX = 2000
# 16 MiB over a slow line, and no server that sends a byte a minute.
TIMEOUT = aiohttp.ClientTimeout(total=600, sock_connect=15, sock_read=30)
REDIRECTS = (301, 302, 303, 307, 308)


class OwnNetwork(OSError):
    """A name leads to an address that is not one of the internet's."""


class PublicResolver(AbstractResolver):
    """Resolves names to addresses of the internet only; asked at the moment of connecting, so that no answer can change."""

    def __init__(self, inner: AbstractResolver) -> None:
        """Ask this one."""
        self._inner = inner

    @override
    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AddressFamily.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses. Raises OwnNetwork if one of them is not public."""
        found = await self._inner.resolve(host, port, family)
        for each in found:
            if not _is_public(each["host"]):
                raise OwnNetwork(host)
        return found

    @override
    async def close(self) -> None:
        await self._inner.close()


def _is_public(address: str) -> bool:
    ip = ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None) or ip
    return bool(mapped.is_global and not mapped.is_multicast)


def copy_allowed(hass: HomeAssistant, named: str, target: Path) -> str:
    """Copy a file of an allowed folder to `target`. Returns its name. Blocks.

    Raises InvalidRequest (not allowed), NotFound (no file), TooLarge or StorageFailed.
    """
    with _opened(hass, named) as source:
        try:
            with target.open("wb") as file:
                while piece := source.read(PIECE):
                    file.write(piece)
                    if file.tell() > IMAGE_MAX:
                        raise too_large()
        except OSError as err:
            raise StorageFailed.of(err) from err
    return Path(named).name


def _opened(hass: HomeAssistant, named: str) -> BinaryIO:
    """Open what was looked at, and nothing that has come to its place since."""
    try:
        path = Path(named).resolve()
        if not named.startswith("/") or not hass.config.is_allowed_path(str(path)):
            raise InvalidRequest("path_not_allowed", path=named[:200])
        # Neither through a link that came just now, nor waiting for somebody to write into a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except (OSError, ValueError) as err:
        raise NotFound("path_unreadable", path=named[:200]) from err
    if not _is_file(descriptor):
        raise NotFound("path_unreadable", path=named[:200])
    return os.fdopen(descriptor, "rb")


def _is_file(descriptor: int) -> bool:
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return True
    os.close(descriptor)
    return False


async def async_fetch(hass: HomeAssistant, address: str, part: PartFile) -> str:
    """Fetch a file from an allowed address. Returns its name.

    Raises InvalidRequest (not allowed, or nothing came), TooLarge or StorageFailed.
    """
    url = _checked(hass, address)
    connector = aiohttp.TCPConnector(
        resolver=PublicResolver(aiohttp.ThreadedResolver()), ssl=get_default_context()
    )
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=TIMEOUT,
        auto_decompress=False,
        headers={"Accept-Encoding": "identity"},
    )
    try:
        async with session:
            for _ in range(REDIRECTS_MAX + 1):
                async with session.get(url, allow_redirects=False) as answer:
                    if answer.status not in REDIRECTS:
                        await _async_receive(answer, part)
                        return url.name
                    url = _checked(hass, str(_next(url, answer)))
    except (aiohttp.ClientError, TimeoutError, OSError) as err:
        raise _unreachable(url, err) from err
    raise InvalidRequest("url_redirects", host=url.host or "", most=REDIRECTS_MAX)


def _checked(hass: HomeAssistant, address: str) -> URL:
    try:
        url = URL(address[: URL_LENGTH_MAX + 1])
    except ValueError as err:
        raise InvalidRequest("url_malformed") from err
    odd = url.scheme not in ("http", "https") or not url.host or url.user is not None
    if odd or len(address) > URL_LENGTH_MAX:
        raise InvalidRequest("url_malformed")
    if not hass.config.is_allowed_external_url(str(url)):
        raise InvalidRequest("url_not_allowed", host=url.host or "")
    return url


def _next(url: URL, answer: aiohttp.ClientResponse) -> URL:
    try:
        return url.join(URL(answer.headers.get("Location", "")))
    except ValueError as err:
        raise InvalidRequest("url_malformed") from err


async def _async_receive(answer: aiohttp.ClientResponse, part: PartFile) -> None:
    host = answer.url.host or ""
    if answer.status != 200 or "Content-Encoding" in answer.headers:
        raise InvalidRequest("url_refused", host=host, status=answer.status)
    if (answer.content_length or 0) > IMAGE_MAX:
        raise too_large()
    await part.async_begin()
    async for chunk in answer.content.iter_any():
        await part.async_take(chunk)
    await part.async_end()


def _unreachable(url: URL, err: Exception) -> InvalidRequest:
    cause: BaseException | None = err
    while cause is not None:
        if isinstance(cause, OwnNetwork):
            return InvalidRequest("url_own_network", host=url.host or "")
        cause = cause.__cause__ or cause.__context__
    return InvalidRequest("url_unreachable", host=url.host or "")
