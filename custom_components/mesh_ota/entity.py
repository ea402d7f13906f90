"""What every entity of a node or gateway has in common: its device, when it comes, and when it is told anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import override

from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .devices import MeshOtaConfigEntry
from .hub import Change, MeshOta
from .nodes import Node
from .outlet import behind


@callback
def async_follow_nodes(
    entry: MeshOtaConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[Node], Sequence[Entity]],
) -> None:
    """Add what `make` gives for each node behind the entry's gateway, now and whenever one turns up, until it unloads.

    A node for which it gives nothing is asked for again with the next change; the gateway itself counts as a node.
    """
    gateway = entry.runtime_data
    hub, shown = gateway.hub, set[str]()

    @callback
    def add(node: Node) -> None:
        if entities := make(node):
            shown.add(node.node_id)
            async_add_entities(entities)

    @callback
    def follow(change: Change) -> None:
        # A node that moved here is told of as new first: its old entities go before these come.
        if change.kind != "node":
            return
        node = hub.node(change.id)
        if node is None or node.gateway_id != gateway.gateway_id:
            shown.discard(change.id)  # it may come back one day
        elif change.id not in shown and node.introduced:
            add(node)

    entry.async_on_unload(hub.async_subscribe(follow, behind(gateway.gateway_id)))
    for node in hub.nodes.at(gateway.gateway_id):
        # Whoever hears of the first entity may act at once, and so have told of the next node already.
        if node.introduced and node.node_id not in shown:
            add(node)


class MeshOtaEntity(Entity):
    """An entity of one node."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(self, hub: MeshOta, node: Node, device: DeviceInfo) -> None:
        """Belong to the node's device."""
        self.hub = hub
        self.node = node
        self._attr_device_info = device

    @property
    @override
    def available(self) -> bool:
        """A node that sleeps is there all the same; one that was forgotten is not."""
        return super().available and self.hub.node(self.node.node_id) is self.node

    def concerns(self, change: Change) -> bool:
        """Whether the change can have altered what this entity shows."""
        return change.id == self.node.node_id and change.kind in ("node", "new_node", "gateway")

    @property
    def topics(self) -> tuple[str, ...]:
        """What the entity listens to, as `Outlet.async_subscribe` takes it."""
        return (self.node.node_id,)

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the hub for as long as the entity is there."""
        await super().async_added_to_hass()
        self.async_on_remove(self.hub.async_subscribe(self._follow, *self.topics))

    @callback
    def _follow(self, change: Change) -> None:
        if self.concerns(change):
            self.async_write_ha_state()
