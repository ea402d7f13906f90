"""What every entity of a node or gateway has in common: its device, and when it is told anew."""

from __future__ import annotations

from typing import override

from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity

from .hub import Change, MeshOta
from .nodes import Node


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

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the hub for as long as the entity is there."""
        await super().async_added_to_hass()
        self.async_on_remove(self.hub.async_subscribe(self._follow))

    @callback
    def _follow(self, change: Change) -> None:
        if self.concerns(change):
            self.async_write_ha_state()
