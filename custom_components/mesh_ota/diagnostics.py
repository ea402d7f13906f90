"""What a bug report needs: the gateway, its nodes, the jobs, the library; never a key."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.core import HomeAssistant

from .const import CONF_KEY
from .devices import MeshOtaConfigEntry

TO_REDACT = {CONF_KEY, "token", "nonce", "session", "session_key"}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: MeshOtaConfigEntry
) -> dict[str, Any]:
    """Everything we know about one gateway, as plain values."""
    hub, gateway_id = entry.runtime_data.hub, entry.runtime_data.gateway_id
    nodes = hub.nodes.nodes.values()
    return async_redact_data(
        {
            "entry": {
                "title": entry.title,
                "data": dict(entry.data),
                "options": dict(entry.options),
            },
            "gateway": asdict(hub.gateways[gateway_id]),
            "signing": {
                "enabled": hub.signer.enabled,
                "exported": hub.signer.exported,
                "key_id": hub.signer.key_id,
                "counter": hub.signer.counter,
            },
            "nodes": [asdict(node) for node in nodes if node.gateway_id == gateway_id],
            "jobs": [job.as_dict() for job in hub.jobs()],
            "library": [firmware.as_dict() for firmware in hub.library.list()],
        },
        TO_REDACT,
    )
