"""An upload as it arrives: multipart fields, the file streamed to a `.part` beside the images, all under one cap."""

from pathlib import Path

from aiohttp import BodyPartReader, web

from homeassistant.core import HomeAssistant

from .const import IMAGE_MAX, UPLOAD_OVERHEAD
from .errors import InvalidRequest, StorageFailed, TooLarge

# Written to disk in pieces of this size: few enough trips to the executor, little memory.
PIECE = 256 * 1024
MOST = IMAGE_MAX + UPLOAD_OVERHEAD
FIELDS = ("node_type", "version", "hardware", "release_notes", "is_stable", "runtime")


class Upload:
    """One upload; `words` are its text fields."""

    def __init__(self, hass: HomeAssistant, path: Path) -> None:
        """Write the file to `path`."""
        self._hass = hass
        self.path = path
        self.filename = ""
        self.words: dict[str, str] = {}
        self._taken = 0
        self._has_file = False

    async def async_receive(self, request: web.Request) -> None:
        """Read the whole body. Raises InvalidRequest, TooLarge or StorageFailed."""
        if (request.content_length or 0) > MOST:
            raise self._too_large()
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
        piece = bytearray()
        await self._async_append(b"", "wb")
        while chunk := await part.read_chunk():
            self._count(chunk)
            piece += chunk
            if len(piece) >= PIECE:
                await self._async_append(bytes(piece), "ab")
                piece.clear()
        if piece:
            await self._async_append(bytes(piece), "ab")

    def _count(self, chunk: bytes) -> None:
        self._taken += len(chunk)
        if self._taken > MOST:
            raise self._too_large()

    def _too_large(self) -> TooLarge:
        return TooLarge("image_too_large", most=IMAGE_MAX // 2**20)

    async def _async_append(self, piece: bytes, mode: str) -> None:
        try:
            await self._hass.async_add_executor_job(_append, self.path, piece, mode)
        except OSError as err:
            raise StorageFailed.of(err) from err

    async def async_discard(self) -> None:
        """Remove what is left of the file; the library has taken it away if all went well."""
        await self._hass.async_add_executor_job(_discard, self.path)


def _append(path: Path, piece: bytes, mode: str) -> None:
    with path.open(mode) as file:
        file.write(piece)


def _discard(path: Path) -> None:
    path.unlink(missing_ok=True)
