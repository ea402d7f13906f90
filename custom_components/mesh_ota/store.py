"""What survives a restart: the library's rows, the jobs, the nodes known; each a store with a version and its migrations.

Images are not here: they are files beside the stores (`library`).
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, override

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store

from .const import DOMAIN, NODES_SAVE_DELAY, PROGRESS_SAVE_DELAY
from .errors import StorageFailed

type Migration = Callable[[dict[str, Any]], dict[str, Any]]

VERSION: Final = 1
# Store name: {version: what makes the next version of it}.
MIGRATIONS: dict[str, dict[int, Migration]] = {
    "library": {},
    "jobs": {},
    "nodes": {},
    "signing": {},
}


class MeshOtaStore(Store[dict[str, Any]]):
    """One store of ours. Private, since jobs hold tokens; written and synced before it takes the old one's place."""

    def __init__(self, hass: HomeAssistant, name: str, read: Callable[[], dict[str, Any]]) -> None:
        """`read` gives a fresh picture of the state, that nobody changes any more."""
        super().__init__(
            hass,
            VERSION,
            f"{DOMAIN}.{name}",
            private=True,
            atomic_writes=True,
            serialize_in_event_loop=False,
        )
        self._hass = hass
        self._name = name
        self._read = read
        self._lock = asyncio.Lock()
        self.failed = False
        """Whether the last write did not reach the disk."""
        self._wanted = 0
        self._written = 0

    @override
    async def _async_migrate_func(
        self, old_major_version: int, old_minor_version: int, old_data: dict[str, Any]
    ) -> dict[str, Any]:
        for version in range(old_major_version, VERSION):
            old_data = MIGRATIONS.get(self._name, {})[version](old_data)
        return old_data

    @override
    async def _async_write_data(self, data: dict[str, Any]) -> None:
        """Remember whether the disk took it: Home Assistant's own store only logs that it did not."""
        self.failed = True
        await super()._async_write_data(data)
        self.failed = False

    def touch(self) -> None:
        """Note that a state has changed: `async_settle` will write it."""
        self._wanted += 1

    def touch_later(self) -> None:
        """Write progress after a while; what settles before takes it along."""
        delay = NODES_SAVE_DELAY if self._name == "nodes" else PROGRESS_SAVE_DELAY
        self.async_delay_save(self._read, delay)

    @property
    def settled(self) -> bool:
        """Whether every change that was noted has been written."""
        return self._written >= self._wanted

    async def async_settle(self) -> None:
        """Return when everything that has changed so far is on the disk.

        Raises StorageFailed where the disk does not take it; it stays unsettled then, and the next call tries again.
        """
        if self.settled:
            return
        # A caller that goes away (its client hung up) must not leave a write behind that overtakes the next one.
        await asyncio.shield(self._hass.async_create_task(self._async_write(self._wanted)))

    async def _async_write(self, wanted: int) -> None:
        async with self._lock:
            if self._written >= wanted:
                return
            mark = self._wanted
            await self.async_save(self._read())
            if self.failed:
                raise StorageFailed("not_saved")
            self._written = mark
