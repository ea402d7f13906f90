"""What became of a node's update, in the words of automations and of the logbook.

Lives here: the event on Home Assistant's bus, which the logbook reads, and its words, which the gateway's event entity
shows too. Which state follows which is `jobs.states`'.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.util.event_type import EventType

from .const import DOMAIN
from .devices import MeshOtaConfigEntry
from .hub import Change, MeshOta
from .jobs.states import STARTED, NodeStatus
from .outlet import Moved, behind

EVENT_NODE_UPDATE: EventType[dict[str, Any]] = EventType(f"{DOMAIN}_node_update")
BEGUN = "started"
ENDS = {
    NodeStatus.COMPLETED: "succeeded",
    NodeStatus.FAILED: "failed",
    NodeStatus.CANCELLED: "cancelled",
    NodeStatus.ROLLED_BACK: "rolled_back",
}
OUTCOMES = (BEGUN, *ENDS.values())


def outcome_of(moved: Moved) -> str | None:
    """Return what is to be told of a move; None of a step in the middle."""
    if moved.after in STARTED and moved.before is NodeStatus.PENDING:
        return BEGUN
    return ENDS.get(moved.after)


def words_of(hub: MeshOta, moved: Moved) -> dict[str, Any] | None:
    """Return what there is to say of it; None if the job is gone meanwhile."""
    job, node = hub.job(moved.job_id), hub.node(moved.id)
    row = job.nodes.get(moved.id) if job else None
    if job is None or row is None:
        return None
    return {
        "job_id": job.id,
        "node_id": moved.id,
        "name": node.name if node else None,
        "node_type": job.node_type,
        "from_version": row.from_version,
        "to_version": row.to_version,
        "reason": row.reason,
        "message": hub.message_of(row),
    }


@callback
def async_tell_logbook(hass: HomeAssistant, entry: MeshOtaConfigEntry, hub: MeshOta) -> None:
    """Put an event on the bus for each outcome behind the entry's gateway, until the entry is unloaded."""
    gateway_id = entry.runtime_data.gateway_id
    tell = partial(_tell, hass, entry, hub)
    entry.async_on_unload(hub.async_subscribe(tell, behind(gateway_id)))


@callback
def _tell(hass: HomeAssistant, entry: MeshOtaConfigEntry, hub: MeshOta, change: Change) -> None:
    if not isinstance(change, Moved) or change.gateway_id != entry.runtime_data.gateway_id:
        return
    outcome, words = outcome_of(change), words_of(hub, change)
    if outcome is None or words is None:
        return
    # The logbook of a device shows what names it.
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, change.id), entry.entry_id)
    if device is not None:
        words |= {ATTR_DEVICE_ID: device.id, "name": device.name_by_user or device.name}
    hass.bus.async_fire(EVENT_NODE_UPDATE, words | {"outcome": outcome})
