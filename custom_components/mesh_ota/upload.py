"""An upload as it arrives: multipart fields, the file streamed into a `PartFile`, all under one cap."""

from pathlib import Path

from aiohttp import BodyPartReader, web

from homeassistant.core import HomeAssistant

from .const import IMAGE_MAX, UPLOAD_OVERHEAD
from .errors import InvalidRequest, TooLarge
from .part_file import PartFile, too_large

MOST = IMAGE_MAX + UPLOAD_OVERHEAD
FIELDS = ("node_type", "version", "hardware", "release_notes", "is_stable", "runtime")


class Upload:
    """One upload; `words` are its text fields."""

    def __init__(self, hass: HomeAssistant, path: Path) -> None:
        """Write the file to `path`."""
        self._file = PartFile(hass, path)
        self.path = path
        self.filename = ""
        self.words: dict[str, str] = {}
        self._taken = 0
        self._has_file = False

    async def async_receive(self, request: web.Request) -> None:
        """Read the whole body. Raises InvalidRequest, TooLarge or StorageFailed."""
        if (request.content_length or 0) > MOST:
            raise too_large()
        if not request.content_type.startswith("multipart/"):
            raise InvalidRequest("not_multipart")
        try:
            async for part in await request.multipart():
                await self._async_take(part)
        except (ValueError, RuntimeError) as err:
            raise InvalidRequest("not_multipart") from err
        if not self._has_file:
            raise InvalidRequest("file_missing")

    async def _async_take(self, part: object) -> None:
        if not isinstance(part, BodyPartReader):
            raise InvalidRequest("not_multipart")
        if part.name == "file" and not self._has_file:
            self._has_file = True
            self.filename = part.filename or ""
            await self._async_write(part)
        else:
            word = await self._async_word(part)
            if part.name in FIELDS:
                self.words[part.name] = word

    async def _async_word(self, part: BodyPartReader) -> str:
        word = bytearray()
        while chunk := await part.read_chunk():
            self._count(chunk)
            word += chunk
            if len(word) > UPLOAD_OVERHEAD:
                raise TooLarge("field_too_large", field=(part.name or "")[:40])
        try:
            return word.decode()
        except UnicodeDecodeError as err:
            raise InvalidRequest("field_malformed", field=(part.name or "")[:40]) from err

    async def _async_write(self, part: BodyPartReader) -> None:
        await self._file.async_begin()
        while chunk := await part.read_chunk():
            self._count(chunk)
            await self._file.async_take(chunk)
        await self._file.async_end()

    def _count(self, chunk: bytes) -> None:
        self._taken += len(chunk)
        if self._taken > MOST:
            raise too_large()

    async def async_discard(self) -> None:
        """Remove what is left of the file; the library has taken it away if all went well."""
        await self._file.async_discard()
