"""What Settings → System → Repairs → System information says of Mesh OTA: counts, no names and no keys."""

from __future__ import annotations

from typing import Any

from homeassistant.components.system_health import SystemHealthRegistration
from homeassistant.core import HomeAssistant, callback

from .hub import async_get_hub


@callback
def async_register(hass: HomeAssistant, register: SystemHealthRegistration) -> None:
    """Tell who to ask."""
    register.async_register_info(_async_counts)


async def _async_counts(hass: HomeAssistant) -> dict[str, Any]:
    hub = await async_get_hub(hass)
    gateways = hub.gateways.values()
    known = hub.nodes.nodes.values()
    nodes = [node for node in known if node.introduced and not node.is_gateway]
    library = hub.library.list()
    return {
        "gateways_online": f"{sum(gateway.online for gateway in gateways)}/{len(gateways)}",
        "nodes_online": f"{sum(node.online for node in nodes)}/{len(nodes)}",
        "open_jobs": len(hub.engine.ledger.open_jobs),
        "firmwares": len(library),
        "library_size": f"{sum(row.size_bytes for row in library) / 2**20:.1f} MiB",
    }
