"""What Home Assistant's logbook says of a node's update: which node, what became of it, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from homeassistant.components.logbook.const import LOGBOOK_ENTRY_MESSAGE, LOGBOOK_ENTRY_NAME
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.util.event_type import EventType

from .const import DOMAIN
from .hub import DATA_MESH_OTA
from .outcomes import EVENT_NODE_UPDATE

SENTENCES = {
    "started": "logbook_started",
    "succeeded": "logbook_succeeded",
    "failed": "logbook_failed",
    "cancelled": "logbook_cancelled",
    "rolled_back": "logbook_rolled_back",
}


@callback
def async_describe_events(
    hass: HomeAssistant,
    async_describe_event: Callable[
        [str, EventType[Any] | str, Callable[[Event[dict[str, Any]]], dict[str, str]]], None
    ],
) -> None:
    """Say who describes our event."""

    @callback
    def describe(event: Event[dict[str, Any]]) -> dict[str, str]:
        """Return the name and what comes after it."""
        said = event.data
        gaps = {"version": str(said["to_version"]), "said": said["message"] or ""}
        hub = hass.data.get(DATA_MESH_OTA)
        words = hub.worded(SENTENCES[said["outcome"]], gaps) if hub else None
        return {
            LOGBOOK_ENTRY_NAME: said["name"] or said["node_id"],
            LOGBOOK_ENTRY_MESSAGE: words or said["outcome"],
        }

    async_describe_event(DOMAIN, EVENT_NODE_UPDATE, describe)
