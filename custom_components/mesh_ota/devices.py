"""The device registry's picture of the mesh: the gateway, and its nodes behind it.

The gateway's device is made before any node's, because nodes hang on it; what a device says (name,
version, chip) follows what the node says, and a node that another gateway reports now leaves this entry.
"""

from __future__ import annotations

from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceInfo

from .const import DOMAIN
from .hub import Change, MeshOta
from .nodes import Node

MANUFACTURER = "painlessMesh"


@dataclass(frozen=True)
class GatewayEntry:
    """What a loaded entry holds."""

    hub: MeshOta
    gateway_id: str
    device_id: str
    """The gateway's device, on which its nodes hang."""


type MeshOtaConfigEntry = ConfigEntry[GatewayEntry]


def describe_node(gateway: GatewayEntry, node: Node) -> DeviceInfo:
    """A node's device: what it is, what it runs, behind which gateway."""
    identifiers = {(DOMAIN, node.node_id)}
    if node.is_gateway:
        return DeviceInfo(identifiers=identifiers)
    return DeviceInfo(
        identifiers=identifiers,
        manufacturer=MANUFACTURER,
        model=node.node_type,
        name=node.name or f"{node.node_type or 'node'} {node.node_id}",
        serial_number=node.node_id,
        sw_version=gateway.hub.installed_version(node),
        hw_version=node.chip or node.hardware,
        via_device_id=gateway.device_id,
    )


@callback
def async_keep_devices(
    hass: HomeAssistant, entry: MeshOtaConfigEntry, hub: MeshOta
) -> GatewayEntry:
    """Make the gateway's device, and keep every device of the entry true until it is unloaded."""
    registry = dr.async_get(hass)
    gateway_id = str(entry.unique_id)
    own = registry.async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={(DOMAIN, gateway_id)},
        manufacturer=MANUFACTURER,
        model="gateway",
        name=entry.title,
        serial_number=gateway_id,
    )
    gateway = GatewayEntry(hub, gateway_id, own.id)

    @callback
    def follow(change: Change) -> None:
        if change.kind not in ("node", "new_node") or (node := hub.node(change.id)) is None:
            return
        device = registry.async_get_device_by_identifier((DOMAIN, node.node_id), entry.entry_id)
        if device is None:
            return
        if node.gateway_id != gateway_id:
            registry.async_remove_device(device.id)
            return
        registry.async_update_device(
            device.id,
            name=node.name or device.name,
            model=node.node_type or device.model,
            sw_version=hub.installed_version(node),
            hw_version=node.chip or node.hardware or device.hw_version,
        )

    entry.async_on_unload(hub.async_subscribe(follow))
    return gateway
