"""One diagnostic entity per node of ours: whether it takes signed firmware only, as it says itself."""

from __future__ import annotations

from typing import override

from homeassistant.components.binary_sensor import BinarySensorEntity
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .devices import GatewayEntry, MeshOtaConfigEntry, describe
from .entity import MeshOtaEntity, async_follow_nodes
from .nodes import Node

PARALLEL_UPDATES = 0
"""Nothing is asked of a node for it."""


async def async_setup_entry(
    hass: HomeAssistant,
    entry: MeshOtaConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add an entity for each node that says a status; a stock node says none."""
    gateway = entry.runtime_data

    def make(node: Node) -> list[DemandsSignatures]:
        silent = node.stock or node.is_gateway
        return [] if silent else [DemandsSignatures(gateway, node)]

    async_follow_nodes(entry, async_add_entities, make)


class DemandsSignatures(MeshOtaEntity, BinarySensorEntity):
    """Whether a node refuses what is not signed."""

    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_translation_key = "signing"

    def __init__(self, gateway: GatewayEntry, node: Node) -> None:
        """Show it of this node."""
        super().__init__(gateway.hub, node, describe(gateway, node))
        self._attr_unique_id = f"{node.node_id}-signing"

    @property
    @override
    def is_on(self) -> bool:
        """As the node said last."""
        return self.node.signing
