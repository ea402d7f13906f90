"""The device registry's picture of the mesh: the gateway, and its nodes behind it.

The gateway's device is made before any node's, because nodes hang on it; what a device says (name,
version, chip) follows what the node says, and a node that another gateway reports now leaves this entry.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceInfo

from .const import DOMAIN
from .hub import Change, MeshOta
from .nodes import Node
from .outlet import behind

_LOGGER = logging.getLogger(__name__)

MANUFACTURER = "painlessMesh"
GATEWAY_MODEL = "Mesh OTA gateway"
# The page whose gear opens library, policies and signing: neither node nor gateway has a page of its own.
CONFIGURATION = f"homeassistant://config/integrations/integration/{DOMAIN}"


@dataclass(frozen=True)
class GatewayEntry:
    """What a loaded entry holds."""

    hub: MeshOta
    gateway_id: str
    title: str
    device_id: str
    """The gateway's device, on which its nodes hang."""


type MeshOtaConfigEntry = ConfigEntry[GatewayEntry]


def describe(gateway: GatewayEntry, node: Node) -> DeviceInfo:
    """Return the device of a node, or of the gateway itself: what it is, what it runs, on whom it hangs."""
    device = DeviceInfo(
        configuration_url=CONFIGURATION,
        identifiers={(DOMAIN, node.node_id)},
        manufacturer=MANUFACTURER,
        model=node.node_type,
        name=node.name or f"{node.node_type or 'node'} {node.node_id}",
        serial_number=node.node_id,
        sw_version=gateway.hub.installed_version(node),
        hw_version=node.chip.upper() if node.chip else node.hardware,
    )
    if node.is_gateway:
        device["name"] = gateway.title
        device["model"] = GATEWAY_MODEL
    else:
        device["via_device_id"] = gateway.device_id
    return device


def node_id_of(identifiers: set[tuple[str, str]]) -> str | None:
    """Return the node id of the device with these identifiers, None if it is none of ours."""
    return next((identifier[1] for identifier in identifiers if identifier[0] == DOMAIN), None)


@callback
def async_keep_devices(
    hass: HomeAssistant, entry: MeshOtaConfigEntry, hub: MeshOta
) -> GatewayEntry:
    """Make the gateway's device and its nodes', and keep them true until the entry is unloaded."""
    registry = dr.async_get(hass)
    gateway_id = str(entry.unique_id)
    own = registry.async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={(DOMAIN, gateway_id)}
    )
    gateway = GatewayEntry(hub, gateway_id, entry.title, own.id)

    def keep(node: Node) -> None:
        if not node.introduced:
            return  # whoever passes by, or is made up by somebody in the mesh
        if node.gateway_id == gateway_id:
            registry.async_get_or_create(config_entry_id=entry.entry_id, **describe(gateway, node))
        elif device := registry.async_get_device_by_identifier(
            (DOMAIN, node.node_id), entry.entry_id
        ):
            registry.async_remove_device(device.id)

    @callback
    def follow(change: Change) -> None:
        if change.kind in ("node", "new_node") and (node := hub.node(change.id)) is not None:
            keep(node)

    for device in dr.async_entries_for_config_entry(registry, entry.entry_id):
        if (node := hub.node(node_id_of(device.identifiers) or "")) is not None:
            keep(node)
    for node in hub.nodes.at(gateway_id):
        keep(node)
    entry.async_on_unload(hub.async_subscribe(follow, behind(gateway_id)))
    entry.async_on_unload(hub.async_subscribe(_log_presence(gateway), gateway_id))
    return gateway


def _log_presence(gateway: GatewayEntry) -> Callable[[Change], None]:
    """Say once when the gateway falls silent, and once when it calls again."""
    states = gateway.hub.gateways
    was_online = False

    @callback
    def follow(change: Change) -> None:
        nonlocal was_online
        if change.id != gateway.gateway_id or change.kind not in ("node", "gateway"):
            return
        online = states[gateway.gateway_id].online
        if online != was_online:
            _LOGGER.info("Gateway %s %s", gateway.gateway_id, "calls" if online else "is silent")
        was_online = online

    return follow
