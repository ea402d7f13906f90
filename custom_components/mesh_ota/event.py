"""One event entity per gateway: what became of each node's update, for automations."""

from __future__ import annotations

from typing import override

from homeassistant.components.event import EventEntity
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .devices import GatewayEntry, MeshOtaConfigEntry, describe
from .entity import MeshOtaEntity
from .hub import Change
from .jobs.states import STARTED, NodeStatus
from .outlet import Moved, behind

PARALLEL_UPDATES = 0
ENDS = {
    NodeStatus.COMPLETED: "succeeded",
    NodeStatus.FAILED: "failed",
    NodeStatus.CANCELLED: "cancelled",
    NodeStatus.ROLLED_BACK: "rolled_back",
}


async def async_setup_entry(
    hass: HomeAssistant,
    entry: MeshOtaConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the gateway's."""
    async_add_entities([UpdateEvent(entry.runtime_data)])


class UpdateEvent(MeshOtaEntity, EventEntity):
    """The last thing that became of an update behind this gateway."""

    _attr_translation_key = "update"
    _attr_event_types = ["started", *ENDS.values()]  # noqa: RUF012

    def __init__(self, gateway: GatewayEntry) -> None:
        """Belong to the gateway's device."""
        node = gateway.hub.nodes.nodes[gateway.gateway_id]
        super().__init__(gateway.hub, node, describe(gateway, node))
        self._attr_unique_id = f"{gateway.gateway_id}-update-event"

    @property
    @override
    def topics(self) -> tuple[str, ...]:
        return (behind(self.node.node_id),)

    @override
    @callback
    def _follow(self, change: Change) -> None:
        if not isinstance(change, Moved) or change.gateway_id != self.node.node_id:
            super()._follow(change)
            return
        kind = ENDS.get(change.after)
        if change.after in STARTED and change.before is NodeStatus.PENDING:
            kind = "started"
        if kind is not None:
            self._tell(kind, change)

    def _tell(self, kind: str, moved: Moved) -> None:
        job, node = self.hub.job(moved.job_id), self.hub.node(moved.id)
        row = job.nodes.get(moved.id) if job else None
        if job is None or row is None:
            return
        said = {
            "job_id": job.id,
            "node_id": moved.id,
            "name": node.name if node else None,
            "node_type": job.node_type,
            "from_version": row.from_version,
            "to_version": row.to_version,
            "reason": row.reason,
            "message": self.hub.message_of(row),
        }
        self._trigger_event(kind, said)
        self.async_write_ha_state()
