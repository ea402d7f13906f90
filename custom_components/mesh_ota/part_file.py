"""A file that arrives piece by piece: written to a `.part` beside the images, in the executor, never more than an image."""

from pathlib import Path

from homeassistant.core import HomeAssistant

from .const import IMAGE_MAX
from .errors import StorageFailed, TooLarge

# Written to disk in pieces of this size: few enough trips to the executor, little memory.
PIECE = 256 * 1024


def too_large() -> TooLarge:
    """Say how much would have been taken."""
    return TooLarge("image_too_large", most=IMAGE_MAX // 2**20)


class PartFile:
    """One file on its way in. Its methods raise TooLarge or StorageFailed."""

    def __init__(self, hass: HomeAssistant, path: Path) -> None:
        """Write to `path`, which `FirmwareLibrary.async_part_path` gave."""
        self._hass = hass
        self.path = path
        self._piece = bytearray()
        self._size = 0

    async def async_begin(self) -> None:
        """Make it, empty."""
        await self._async_write("wb")

    async def async_take(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._size += len(chunk)
        if self._size > IMAGE_MAX:
            raise too_large()
        self._piece += chunk
        if len(self._piece) >= PIECE:
            await self._async_write("ab")

    async def async_end(self) -> None:
        """Write what is left."""
        if self._piece:
            await self._async_write("ab")

    async def async_discard(self) -> None:
        """Remove what is left of the file; the library has taken it away if all went well."""
        await self._hass.async_add_executor_job(_discard, self.path)

    async def _async_write(self, mode: str) -> None:
        piece = bytes(self._piece)
        self._piece.clear()
        try:
            await self._hass.async_add_executor_job(_write, self.path, piece, mode)
        except OSError as err:
            raise StorageFailed.of(err) from err


def _write(path: Path, piece: bytes, mode: str) -> None:
    with path.open(mode) as file:
        file.write(piece)


def _discard(path: Path) -> None:
    path.unlink(missing_ok=True)
