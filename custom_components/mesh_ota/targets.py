"""Which nodes an action names: by node id, by device, by area, by label or by type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import voluptuous as vol

from homeassistant.const import ATTR_AREA_ID, ATTR_DEVICE_ID, ATTR_LABEL_ID
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv, device_registry as dr

from .const import DOMAIN
from .devices import node_id_of
from .hub import MeshOta
from .nodes import Node

ATTR_TARGET_NODE_IDS = "target_node_ids"
ATTR_TARGET_NODE_TYPE = "target_node_type"

_MANY = vol.All(cv.ensure_list, [cv.string])
TARGETS: dict[Any, Any] = {
    vol.Exclusive(ATTR_DEVICE_ID, "target"): _MANY,
    vol.Exclusive(ATTR_TARGET_NODE_IDS, "target"): _MANY,
    vol.Exclusive(ATTR_AREA_ID, "target"): _MANY,
    vol.Exclusive(ATTR_LABEL_ID, "target"): _MANY,
    vol.Exclusive(ATTR_TARGET_NODE_TYPE, "target"): cv.string,
}
"""Fields that name nodes one by one, and fields that name whatever is somewhere."""
some_target = cv.has_at_least_one_key(*(str(field) for field in TARGETS))


def target_nodes(
    hub: MeshOta, call: ServiceCall, suits: Callable[[Node], bool]
) -> list[str] | None:
    """Return the node ids that the call means; None if it names nothing.

    Whoever is named by id or device is meant, of the others (lamps, other nodes, nodes long gone) those that suit.
    """
    if ATTR_DEVICE_ID in call.data:
        return [_node_id_of(hub.hass, device) for device in call.data[ATTR_DEVICE_ID]]
    if ATTR_TARGET_NODE_IDS in call.data:
        return list(call.data[ATTR_TARGET_NODE_IDS])
    if ATTR_TARGET_NODE_TYPE in call.data:
        node_type = call.data[ATTR_TARGET_NODE_TYPE]
        found = [node for node in hub.nodes.nodes.values() if node.node_type == node_type]
    elif (placed := _placed(hub.hass, call)) is not None:
        known = [hub.node(node_id) for node_id in placed]
        found = [node for node in known if node is not None]
    else:
        return None
    return list(dict.fromkeys(node.node_id for node in found if suits(node)))


def _placed(hass: HomeAssistant, call: ServiceCall) -> list[str] | None:
    """Return the node ids of our devices in the areas, or with the labels, of the call."""
    registry = dr.async_get(hass)
    if (areas := call.data.get(ATTR_AREA_ID)) is not None:
        found = [each for area in areas for each in dr.async_entries_for_area(registry, area)]
    elif (labels := call.data.get(ATTR_LABEL_ID)) is not None:
        found = [each for label in labels for each in dr.async_entries_for_label(registry, label)]
    else:
        return None
    return [node_id for device in found if (node_id := node_id_of(device.identifiers))]


def _node_id_of(hass: HomeAssistant, device_id: str) -> str:
    """Return the node id of a device.

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
