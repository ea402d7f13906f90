"""Which nodes an action names: by node id, by device, by area or by label."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from homeassistant.const import ATTR_AREA_ID, ATTR_DEVICE_ID, ATTR_LABEL_ID
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv, device_registry as dr

from .const import DOMAIN
from .devices import node_id_of
from .hub import MeshOta

ATTR_TARGET_NODE_IDS = "target_node_ids"

_MANY = vol.All(cv.ensure_list, [cv.string])
NAMED: dict[Any, Any] = {
    vol.Exclusive(ATTR_DEVICE_ID, "target"): _MANY,
    vol.Exclusive(ATTR_TARGET_NODE_IDS, "target"): _MANY,
}
"""Fields that name nodes one by one."""
PLACED: dict[Any, Any] = {
    vol.Exclusive(ATTR_AREA_ID, "target"): _MANY,
    vol.Exclusive(ATTR_LABEL_ID, "target"): _MANY,
}
"""Fields that name whatever is somewhere."""


def named_nodes(hass: HomeAssistant, call: ServiceCall) -> list[str] | None:
    """The node ids that the call names, by id or by device; None if it names none."""
    if ATTR_DEVICE_ID in call.data:
        return [_node_id_of(hass, device) for device in call.data[ATTR_DEVICE_ID]]
    return call.data.get(ATTR_TARGET_NODE_IDS)


def placed_nodes(
    hass: HomeAssistant, hub: MeshOta, call: ServiceCall, node_type: str
) -> list[str] | None:
    """The nodes of this type in the areas, or with the labels, of the call; None if it names neither."""
    registry = dr.async_get(hass)
    if ATTR_AREA_ID in call.data:
        areas = call.data[ATTR_AREA_ID]
        found = [each for area in areas for each in dr.async_entries_for_area(registry, area)]
    elif ATTR_LABEL_ID in call.data:
        labels = call.data[ATTR_LABEL_ID]
        found = [each for label in labels for each in dr.async_entries_for_label(registry, label)]
    else:
        return None
    # What else stands there (lamps, nodes of other types, nodes long gone) is not meant.
    nodes = [hub.node(node_id_of(device.identifiers) or "") for device in found]
    return list(
        dict.fromkeys(node.node_id for node in nodes if node and node.node_type == node_type)
    )


def _node_id_of(hass: HomeAssistant, device_id: str) -> str:
    """The node id of a device.

    Raises ServiceValidationError if the device is none of ours.
    """
    device = dr.async_get(hass).async_get(device_id)
    if device is not None and (node_id := node_id_of(device.identifiers)) is not None:
        return node_id
    raise ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="node_not_of_device",
        translation_placeholders={"device": device_id},
    )
