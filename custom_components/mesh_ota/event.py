"""One event entity per gateway: what became of each node's update, for automations."""

from __future__ import annotations

from typing import override

from homeassistant.components.event import EventEntity
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .devices import GatewayEntry, MeshOtaConfigEntry, describe
from .entity import MeshOtaEntity
from .hub import Change
from .outcomes import OUTCOMES, outcome_of, words_of
from .outlet import Moved, behind

PARALLEL_UPDATES = 0


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
    _attr_event_types = list(OUTCOMES)  # noqa: RUF012

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
        outcome, words = outcome_of(change), words_of(self.hub, change)
        if outcome is not None and words is not None:
            self._trigger_event(outcome, words)
            self.async_write_ha_state()
