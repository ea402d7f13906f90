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

    def __init__(self, hub: MeshOta, node_id: str, device: DeviceInfo) -> None:
        """Belong to the node's device."""
        self.hub = hub
        self.node_id = node_id
        self._attr_device_info = device

    @property
    def node(self) -> Node | None:
        """The node as it is known now; None once it was forgotten."""
        return self.hub.node(self.node_id)

    def concerns(self, change: Change) -> bool:
        """Whether the change can have altered what this entity shows."""
        return change.id == self.node_id and change.kind in ("node", "new_node", "gateway")

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the hub for as long as the entity is there."""
        await super().async_added_to_hass()
        self.async_on_remove(self.hub.async_subscribe(self._follow))

    @callback
    def _follow(self, change: Change) -> None:
        if self.concerns(change):
            self.async_write_ha_state()
