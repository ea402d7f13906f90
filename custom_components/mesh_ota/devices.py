"""The device registry's picture of the mesh: the gateway, and its nodes behind it.

The gateway's device is made before any node's, because nodes hang on it; what a device says (name,
version, chip) follows what the node says.
"""

from __future__ import annotations

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceInfo

from .const import DOMAIN
from .hub import Change, MeshOta
from .nodes import Node

MANUFACTURER = "painlessMesh"


def describe_node(hub: MeshOta, node: Node, via_device_id: str) -> DeviceInfo:
    """A node's device: what it is, what it runs, behind which gateway."""
    kind = node.node_type or "node"
    return DeviceInfo(
        identifiers={(DOMAIN, node.node_id)},
        manufacturer=MANUFACTURER,
        model=node.node_type or None,
        name=node.name or f"{kind} {node.node_id}",
        serial_number=node.node_id,
        sw_version=hub.installed_version(node),
        hw_version=node.chip or node.hardware or None,
        via_device_id=via_device_id,
    )


@callback
def async_keep_devices(
    hass: HomeAssistant, entry: ConfigEntry, hub: MeshOta, gateway_id: str
) -> str:
    """Make the gateway's device and keep every device of the entry true; the gateway's device id."""
    registry = dr.async_get(hass)
    gateway = registry.async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={(DOMAIN, gateway_id)},
        manufacturer=MANUFACTURER,
        model="gateway",
        name=entry.title,
        serial_number=gateway_id,
    )

    @callback
    def follow(change: Change) -> None:
        if change.kind not in ("node", "gateway") or (node := hub.node(change.id)) is None:
            return
        device = registry.async_get_device_by_identifier((DOMAIN, node.node_id), entry.entry_id)
        if device is None:
            return
        registry.async_update_device(
            device.id,
            name=node.name or device.name,
            model=node.node_type or device.model,
            sw_version=hub.installed_version(node),
            hw_version=node.chip or node.hardware or device.hw_version,
        )

    entry.async_on_unload(hub.async_subscribe(follow))
    return gateway.id
