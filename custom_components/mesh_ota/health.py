"""The health gate: whether what a canary's device tells Home Assistant goes on as it used to.

Compared are the entities that the job names, and those of devices of other integrations that carry the node's id: each
has to have a state, and to report at a rate like that of its last day where the recorder knows it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .errors import MeshOtaError
from .jobs.job import Job
from .outlet import Change

if TYPE_CHECKING:
    from .hub import MeshOta

ACTOR = "health-gate"
PAST = timedelta(days=1)
# Fewer are not a rate: a door that opens twice a day says nothing in half an hour.
EXPECTED_LEAST = 5
# Of what the past promises; motion in a house is not the same every hour.
SHARE = 0.2
# After a restart of Home Assistant devices have to come back before their silence means anything.
WATCH_LEAST = timedelta(minutes=10)
# Their state is when somebody used them last: never used, it is unknown.
ONLY_USED = {"button", "event", "input_button", "notify", "scene", "tts"}


class HealthWatch:
    """Counts what the watched entities report, from the creation of a job to the end of its soak."""

    def __init__(self, hass: HomeAssistant, hub: MeshOta) -> None:
        """Answer for the engine's stages; `async_follow` has to be called too."""
        self._hass = hass
        self._hub = hub
        self._rates: dict[tuple[int, str], float] = {}
        """Changes per hour in the past by job and entity, where known."""
        self._counts: dict[tuple[int, str], int] = {}
        self._since: dict[int, datetime] = {}
        """When the counting began; a restart of Home Assistant forgets what was before."""
        self._mute: dict[int, set[str]] = {}
        """Entities found by the device that said nothing before the update either."""
        self._unwatch: dict[int, list[Callable[[], None]]] = {}
        self._watched: dict[int, list[str]] = {}
        self._canaries: dict[int, list[str]] = {}
        """Those of each job when its entities were looked for last."""
        hub.engine.stages.healthy = self.suspicious
        hub.engine.stages.go_back = self._go_back

    @callback
    def async_follow(self) -> None:
        """Watch every job that has a canary, those from before a restart too."""
        self._hub.async_subscribe(self._follow, "job")
        for job in self._hub.engine.ledger.open_jobs:
            self._watch_longer(job)
            self._look(job)

    def _watch_longer(self, job: Job) -> None:
        """Watch for a while anew: what a soak from before the restart has counted is gone."""
        if job.soak_until is None or not self.entities_of(job):
            return
        more = min(WATCH_LEAST, timedelta(minutes=job.rollout.soak_minutes))
        job.soak_until = max(job.soak_until, dt_util.utcnow() + more)
        self._hub.engine.ledger.changed(job)

    @callback
    def async_stop(self) -> None:
        """Watch no more."""
        for job_id in list(self._unwatch):
            self._forget(job_id)

    def entities_of(self, job: Job) -> list[str]:
        """Return what has to stay healthy: what the job names, and what other integrations show of its canary."""
        devices, entities = dr.async_get(self._hass), er.async_get(self._hass)
        found = dict.fromkeys(job.rollout.health_entities)
        for device in devices.devices:
            named = {value for _, value in (*device.identifiers, *device.connections)}
            ours = any(domain == DOMAIN for domain, _ in device.identifiers)
            if not ours and named & set(job.canaries):
                own = er.async_entries_for_device(entities, device.id)
                found |= dict.fromkeys(e.entity_id for e in own if e.domain not in ONLY_USED)
        return [name for name in found if name not in self._mute.get(job.id, ())]

    def suspicious(self, job: Job, now: datetime) -> str | None:
        """Return the names of what no longer reports as it used to, None if all is well."""
        soak = timedelta(minutes=job.rollout.soak_minutes or 1)
        watched = min(soak, now - self._since.get(job.id, now - soak))
        hours = watched / timedelta(hours=1)
        wrong = [name for name in self.entities_of(job) if self._is_wrong(job.id, name, hours)]
        return ", ".join(wrong) or None

    def _is_wrong(self, job_id: int, entity: str, hours: float) -> bool:
        if self._is_silent(entity):
            return True
        expected = self._rates.get((job_id, entity), 0) * hours
        return (
            expected >= EXPECTED_LEAST and self._counts.get((job_id, entity), 0) < expected * SHARE
        )

    @callback
    def _follow(self, change: Change) -> None:
        if change.kind == "job" and (job := self._hub.job(int(change.id))) is not None:
            self._look(job)

    def _look(self, job: Job) -> None:
        if job.ended or not job.canaries:
            self._forget(job.id)
        elif job.canaries != self._canaries.get(job.id) or job.id not in self._unwatch:
            self._canaries[job.id] = list(job.canaries)
            self._look_for_more(job)

    def _look_for_more(self, job: Job) -> None:
        """Watch what is not watched yet: a canary may grow by a node that turns up later."""
        before = self._watched.get(job.id, [])
        more = [name for name in self.entities_of(job) if name not in before]
        if not more:
            return
        if job.soak_until is None and self._hass.is_running:
            named = job.rollout.health_entities
            mute = {name for name in more if name not in named and self._is_silent(name)}
            self._mute.setdefault(job.id, set()).update(mute)
        self._since.setdefault(job.id, dt_util.utcnow())
        self._watched[job.id] = [*before, *more]
        self._watch(job.id, more)

    def _is_silent(self, entity: str) -> bool:
        state = self._hass.states.get(entity)
        return state is None or state.state in (STATE_UNAVAILABLE, STATE_UNKNOWN)

    def _watch(self, job_id: int, entities: list[str]) -> None:
        @callback
        def count(event: Event[EventStateChangedData]) -> None:
            job, before, after = (
                self._hub.job(job_id),
                event.data["old_state"],
                event.data["new_state"],
            )
            # The past is counted so too: an attribute that ticks is no sign that the sensor works.
            same = before is not None and after is not None and before.state == after.state
            if job is not None and job.soak_until is not None and not same:
                key = job_id, event.data["entity_id"]
                self._counts[key] = self._counts.get(key, 0) + 1

        end = async_track_state_change_event(self._hass, entities, count)
        self._unwatch.setdefault(job_id, []).append(end)
        self._hass.async_create_background_task(
            self._async_past(job_id, entities), "Mesh OTA health"
        )

    async def _async_past(self, job_id: int, entities: list[str]) -> None:
        """Ask the recorder how often each has changed within the last day."""
        if "recorder" not in self._hass.config.components:
            return
        from homeassistant.components.recorder import history  # noqa: PLC0415
        from homeassistant.helpers.recorder import get_instance  # noqa: PLC0415

        end = dt_util.utcnow()
        for entity in entities:
            found = await get_instance(self._hass).async_add_executor_job(
                history.state_changes_during_period, self._hass, end - PAST, end, entity, True
            )
            states = found.get(entity, [])
            self._rates[job_id, entity] = len(states) / (PAST / timedelta(hours=1))

    def _forget(self, job_id: int) -> None:
        for end in self._unwatch.pop(job_id, []):
            end()
        self._since.pop(job_id, None)
        self._mute.pop(job_id, None)
        self._watched.pop(job_id, None)
        self._canaries.pop(job_id, None)
        for known in (self._rates, self._counts):
            for key in [key for key in known if key[0] == job_id]:
                del known[key]

    def _go_back(self, job: Job) -> None:
        for node_id in job.canaries:
            self._hass.async_create_task(self._async_go_back(node_id), "Mesh OTA go back")

    async def _async_go_back(self, node_id: str) -> None:
        try:
            await self._hub.async_go_back([node_id], ACTOR)
        except MeshOtaError:
            return  # a stock node, or nothing lies in its other slot: the issue says that the job stopped
