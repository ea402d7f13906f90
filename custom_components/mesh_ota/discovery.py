"""Gateways that nobody has added yet: how Home Assistant comes to know of them, and offers to add them.

A stranger proves nothing here. All it gets is an offer to the user, who has to have its setup key.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from homeassistant.config_entries import SOURCE_INTEGRATION_DISCOVERY
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import discovery_flow
from homeassistant.helpers.discovery_flow import DiscoveryKey
from homeassistant.helpers.network import is_cloud_connection
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
from homeassistant.util.hass_dict import HassKey
from homeassistant.util.network import is_local

from .const import DOMAIN, NODE_ID_MAX, NODE_ID_PATTERN

CONF_GATEWAY_ID = "gateway_id"
# Whoever is in the network can call under any number of names: no more than so many are offered
# until Home Assistant is restarted, each once. A key can always be entered by hand.
OFFERS_MAX = 5
_OFFERED: HassKey[set[str]] = HassKey(f"{DOMAIN}_offered")


@callback
def async_offer_stranger(hass: HomeAssistant, gateway_id: str, address: str | None) -> None:
    """Offer to add a gateway that has called from this address and is not known.

    Nobody on the internet gets to put something before the user, where Home Assistant can be reached from there.
    """
    if not re.fullmatch(NODE_ID_PATTERN, gateway_id) or int(gateway_id) > NODE_ID_MAX:
        return
    if is_cloud_connection(hass) or not _is_near(address):
        return
    offered = hass.data.setdefault(_OFFERED, set())
    if gateway_id in offered or len(offered) >= OFFERS_MAX:
        return
    offered.add(gateway_id)
    discovery_flow.async_create_flow(
        hass,
        DOMAIN,
        context={"source": SOURCE_INTEGRATION_DISCOVERY},
        data={CONF_GATEWAY_ID: gateway_id},
        discovery_key=DiscoveryKey(domain=DOMAIN, key=gateway_id, version=1),
    )


def _is_near(address: str | None) -> bool:
    try:
        return is_local(ip_address(address or ""))
    except ValueError:
        return False


def gateway_id_of(lease: DhcpServiceInfo) -> str | None:
    """Return the node id of a board that has asked the router for an address; None if it is no board of ours.

    A node id is the last four bytes of the access point's address, which on an ESP32 is the
    station's plus one; the end of the name `meshota-xxxx` says whether that holds for this board.
    """
    own = int(lease.macaddress[4:], 16)
    end = lease.hostname.lower().removeprefix("meshota-")
    return next((str(mac) for mac in (own + 1, own) if f"{mac & 0xFFFF:04x}" == end), None)
