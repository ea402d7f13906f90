"""What the actions on the firmware library do: take in, delete, list. The words are those of the HTTP API."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.helpers import config_validation as cv

from .fetch import async_fetch, copy_allowed
from .firmware.record import Firmware
from .hub import MeshOta
from .jobs.fit import why_not
from .nodes import Node
from .part_file import PartFile

ATTR_FIRMWARE_ID = "firmware_id"
ATTR_NODE_TYPE = "node_type"
ATTR_PATH = "path"
ATTR_URL = "url"

FIRMWARE = vol.Schema({vol.Required(ATTR_FIRMWARE_ID): cv.positive_int})
LIST_FIRMWARE = vol.Schema({vol.Optional(ATTR_NODE_TYPE): cv.string})
WORDS: dict[Any, Any] = {
    vol.Optional(ATTR_NODE_TYPE): cv.string,
    vol.Optional("version"): cv.string,
    vol.Optional("hardware"): cv.string,
    vol.Optional("runtime"): cv.string,
    vol.Optional("release_notes"): cv.string,
    vol.Optional("is_stable"): cv.boolean,
}
"""As `FirmwareLibrary.async_add` takes them."""
UPLOAD_FIRMWARE = vol.All(
    vol.Schema(
        {
            vol.Exclusive(ATTR_PATH, "source"): cv.string,
            vol.Exclusive(ATTR_URL, "source"): cv.string,
            **WORDS,
        }
    ),
    cv.has_at_least_one_key(ATTR_PATH, ATTR_URL),
)


async def upload_firmware(hub: MeshOta, call: ServiceCall) -> ServiceResponse:
    """Take in a file from an allowed folder or address; the answer is its passport."""
    part = PartFile(hub.hass, await hub.library.async_part_path())
    words = {str(name): call.data[name] for name in WORDS if name in call.data}
    try:
        if ATTR_URL in call.data:
            filename = await async_fetch(hub.hass, call.data[ATTR_URL], part)
        else:
            filename = await hub.hass.async_add_executor_job(
                copy_allowed, hub.hass, call.data[ATTR_PATH], part.path
            )
        firmware = await hub.library.async_add(part.path, filename, **words)
    finally:
        await part.async_discard()
    nodes = [node for node in hub.nodes.nodes.values() if node.introduced]
    return firmware.as_dict() | {"nodes": [_fit(hub, firmware, node) for node in nodes]}


def _fit(hub: MeshOta, firmware: Firmware, node: Node) -> dict[str, Any]:
    """Whether the firmware is for the node, and if not, why."""
    unfit = why_not(firmware, node)
    return {
        "node_id": node.node_id,
        "name": node.name,
        "fits": unfit is None,
        "message": None if unfit is None else hub.translated(unfit),
    }


async def delete_firmware(hub: MeshOta, call: ServiceCall) -> ServiceResponse:
    """Delete one; the answer is what was deleted."""
    row = await hub.library.async_delete(call.data[ATTR_FIRMWARE_ID])
    return row.as_dict()


async def list_firmware(hub: MeshOta, call: ServiceCall) -> ServiceResponse:
    """Answer with all, or those of one type."""
    rows = hub.library.list(call.data.get(ATTR_NODE_TYPE))
    return {"firmware": [row.as_dict() for row in rows]}
