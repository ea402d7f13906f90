"""Mesh OTA: firmware updates for the nodes of a painlessMesh.

This file is the table of contents: what is set up, in which order, and what is taken down again. One
entry is one gateway; library, jobs and the HTTP doors belong to all of them and live in `hub`.
"""

from __future__ import annotations

import re
from functools import partial

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.helpers.typing import ConfigType

from .actors import async_follow_actors
from .const import CONF_KEY, DOMAIN
from .devices import MeshOtaConfigEntry, async_keep_devices, node_id_of
from .hub import async_get_hub
from .outcomes import async_tell_logbook
from .repairs import async_follow_alarms, async_settle_jobs_issue
from .services import async_setup_services
from .trouble import async_follow_trouble
from .websocket_api import async_setup_websocket_api

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)
PLATFORMS = [Platform.BINARY_SENSOR, Platform.EVENT, Platform.SENSOR, Platform.UPDATE]


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Offer the actions, and what a page of the frontend may follow."""
    async_setup_services(hass)
    async_setup_websocket_api(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: MeshOtaConfigEntry) -> bool:
    """Open the door for a gateway and show what hangs on it."""
    hub = await async_get_hub(hass)
    gateway_id = str(entry.unique_id)
    await hub.async_add_gateway(entry.entry_id, gateway_id, _stored_key(entry))
    # What is asked for first is done last: nobody listens any more when the door closes.
    entry.async_on_unload(partial(hub.async_remove_gateway, gateway_id))
    entry.runtime_data = async_keep_devices(hass, entry, hub)
    async_follow_actors(hass, entry)
    async_follow_alarms(hass, entry, hub)
    async_follow_trouble(hass, entry, hub)
    async_tell_logbook(hass, entry, hub)
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: MeshOtaConfigEntry) -> bool:
    """Show the gateway and its nodes no more; what is known of them stays."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: MeshOtaConfigEntry) -> None:
    """Forget the gateway and its nodes; library and history belong to the house and stay."""
    hub = await async_get_hub(hass)
    await hub.async_remove_gateway(str(entry.unique_id), forget=True)
    async_settle_jobs_issue(hass, hub)


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: MeshOtaConfigEntry, device: DeviceEntry
) -> bool:
    """Let go of a node that has left; the gateway goes only with its entry, a live node stays."""
    hub = entry.runtime_data.hub
    node = hub.node(node_id_of(device.identifiers) or "")
    if node is None:
        return True
    if node.is_gateway or node.online:
        return False
    await hub.async_forget_node(node.node_id)
    return True


def _stored_key(entry: MeshOtaConfigEntry) -> bytes:
    stored = str(entry.data.get(CONF_KEY))
    if re.fullmatch("[0-9a-f]{64}", stored):
        return bytes.fromhex(stored)
    raise ConfigEntryAuthFailed(
        translation_domain=DOMAIN,
        translation_key="gateway_key_unusable",
        translation_placeholders={"gateway_id": str(entry.unique_id)},
    )
