"""One diagnostic entity per node of ours: whether it takes signed firmware only, as it says itself."""

from __future__ import annotations

from functools import partial
from typing import override

from homeassistant.components.binary_sensor import BinarySensorEntity
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .devices import GatewayEntry, MeshOtaConfigEntry, describe
from .entity import MeshOtaEntity
from .hub import Change
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
    hub = gateway.hub
    shown: set[str] = set()

    @callback
    def add_new() -> None:
        known = hub.nodes_of(gateway.gateway_id)
        new = [node for node in known if not node.stock and node.node_id not in shown]
        shown.update(node.node_id for node in new)
        entities = [DemandsSignatures(gateway, node) for node in new]
        for entity in entities:
            # A node whose device was removed may come back one day.
            entity.async_on_remove(partial(shown.discard, entity.node.node_id))
        async_add_entities(entities)

    @callback
    def follow(change: Change) -> None:
        # As in `update`: the old entity of a node that moved here goes before this one comes.
        if change.kind == "node" and change.id not in shown:
            add_new()

    entry.async_on_unload(hub.async_subscribe(follow))
    add_new()


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
