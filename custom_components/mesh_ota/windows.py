"""What entities and templates say of the windows of open jobs, and the moment when that changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import TemplateError
from homeassistant.helpers.event import (
    TrackTemplate,
    async_track_state_change_event,
    async_track_template_result,
    async_track_time_change,
)
from homeassistant.helpers.template import Template, result_as_boolean
from homeassistant.util import dt as dt_util

from .jobs.rollout import Window
from .outlet import Change

if TYPE_CHECKING:
    from .hub import MeshOta

# States that mean "go" where the user names no other.
GO = {"on", "open", "home", "true", "armed_away", "armed_home", "armed_night", "armed_vacation"}


class WindowWatch:
    """Follows what the windows of open jobs depend on."""

    def __init__(self, hass: HomeAssistant, hub: MeshOta) -> None:
        """Answer for the engine's stages from now on; `async_follow` has to be called too."""
        self._hass = hass
        self._hub = hub
        self._watched: set[Window] = set()
        self._unwatch: list[Callable[[], None]] = []
        hub.engine.ledger.localize = dt_util.as_local
        hub.engine.stages.go = self.go

    @callback
    def async_follow(self) -> None:
        """Look again whenever something changes, and at every full minute."""
        self._hub.async_subscribe(self._follow_job, "job")
        self._watch()

    @callback
    def async_stop(self) -> None:
        """Look no more."""
        while self._unwatch:
            self._unwatch.pop()()

    def go(self, window: Window) -> bool:
        """Whether entity and template allow it now; what is missing or broken does not."""
        if window.entity_id is not None:
            state = self._hass.states.get(window.entity_id)
            wanted = {window.entity_state} if window.entity_state else GO
            if state is None or state.state not in wanted:
                return False
        return window.template is None or self._says_yes(window.template)

    def _says_yes(self, text: str) -> bool:
        try:
            return result_as_boolean(Template(text, self._hass).async_render(parse_result=False))
        except TemplateError:
            return False

    @callback
    def _follow_job(self, change: Change) -> None:
        if change.kind == "job":
            self._watch()

    def _watch(self) -> None:
        jobs = self._hub.engine.ledger.open_jobs
        wanted = {job.rollout.window for job in jobs if job.rollout.window is not None}
        if wanted == self._watched:
            return
        self.async_stop()
        self._watched = wanted
        if wanted:
            self._unwatch.append(async_track_time_change(self._hass, self._minute, second=0))
        entities = sorted({window.entity_id for window in wanted if window.entity_id})
        if entities:
            self._unwatch.append(
                async_track_state_change_event(self._hass, entities, self._changed)
            )
        templates = sorted({window.template for window in wanted if window.template})
        if templates:
            tracked = [TrackTemplate(Template(text, self._hass), None) for text in templates]
            self._unwatch.append(
                async_track_template_result(self._hass, tracked, self._changed).async_remove
            )

    @callback
    def _changed(self, _event: Event[Any] | None, _updates: Any = None) -> None:
        self._review(dt_util.utcnow())

    @callback
    def _minute(self, now: datetime) -> None:
        self._review(dt_util.as_utc(now))

    def _review(self, now: datetime) -> None:
        self._hub.engine.review(now)
        self._hub.outlet.publish()
