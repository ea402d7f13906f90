"""Keeps the history on the disk: takes in what jobs have come to, also what a crash kept from being written."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .actors import async_actor_name
from .jobs.history import History
from .outlet import Change
from .store import MeshOtaStore

if TYPE_CHECKING:
    from .hub import MeshOta


class HistoryKeeper:
    """The history of this house."""

    def __init__(self, hass: HomeAssistant, hub: MeshOta) -> None:
        """Empty until `async_load`."""
        self._hass = hass
        self._hub = hub
        self.history = History()
        self._store = MeshOtaStore(hass, "history", self.history.stored)

    async def async_load(self) -> None:
        """Read the store, after the jobs': what ended when the last save failed is taken in now."""
        if (stored := await self._store.async_load()) is not None:
            self.history.restore(stored)
        for job in self._hub.jobs():
            self._take(job.id)
        self.prune()
        self._hub.async_subscribe(self._follow, "job")

    @callback
    def _follow(self, change: Change) -> None:
        if change.kind != "job":
            return
        self._take(int(change.id))
        if (job := self._hub.job(int(change.id))) is not None and not job.open:
            self.prune()

    @callback
    def prune(self) -> None:
        """Let go of what is older than the house wants to keep: entries here, and jobs, which these outlive."""
        kept, now = self._hub.policies.retention, dt_util.utcnow()
        if self.history.prune(now, timedelta(days=kept.history_days)):
            self._store.touch_later()
        gone = self._hub.engine.prune(now, timedelta(days=kept.jobs_days))
        if gone:
            self._hub.outlet.jobs_store.touch_later()
            self._hub.outlet.notify(*(Change("job", str(job_id)) for job_id in gone))

    def _take(self, job_id: int) -> None:
        job = self._hub.job(job_id)
        if job is not None and self.history.take(job):
            self._store.touch_later()

    def tried(self) -> set[tuple[int, str]]:
        """Return (firmware id, node id) of everything that ended on a node, and of what is under way.

        A job whose time was over before the node came has tried nothing on it.
        """
        ended = {
            (each["firmware_id"], each["node_id"])
            for each in self.history.entries
            if each["reason"] != "deadline" or each["seconds"] is not None
        }
        jobs = {
            (job.firmware_id, row.node_id)
            for job in self._hub.jobs()
            for row in job.nodes.values()
            if row.reason != "deadline" or row.started_at is not None
        }
        return ended | jobs

    def waited(self, firmware_id: int, node_id: str) -> bool:
        """Whether a job for that has run out of time already."""
        wanted = firmware_id, node_id
        return any((e["firmware_id"], e["node_id"]) == wanted for e in self.history.entries)

    async def async_entries(
        self, job_id: int | None = None, node_id: str | None = None
    ) -> list[dict[str, Any]]:
        """Return entries, oldest first, with the actor's name beside the id."""
        entries = [
            entry
            for entry in self.history.entries
            if job_id in (None, entry["job_id"]) and node_id in (None, entry["node_id"])
        ]
        names = {
            actor: await async_actor_name(self._hass, actor)
            for actor in {e["actor"] for e in entries}
        }
        return [entry | {"actor_name": names[entry["actor"]]} for entry in entries]
