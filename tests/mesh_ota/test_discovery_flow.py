"""Gateways that Home Assistant has found by itself: which are offered, and how an offer becomes a pairing."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.mesh_ota.const import DOMAIN
from custom_components.mesh_ota.discovery import async_offer_stranger
from homeassistant.config_entries import (
    SOURCE_DHCP,
    SOURCE_IGNORE,
    ConfigFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
from homeassistant.setup import async_setup_component

from .gateway_client import GatewayClient, setup_key
from .pairing_dialog import GATEWAY_ID, KEY, OTHER_KEY, NewGateway, enter_key, proceed, start

pytestmark = pytest.mark.usefixtures("checked_translations")


def lease(hostname: str, macaddress: str) -> DhcpServiceInfo:
    """What Home Assistant sees of a board that asks the router for an address."""
    return DhcpServiceInfo(ip="192.168.1.77", hostname=hostname, macaddress=macaddress)


async def discover(hass: HomeAssistant, found: DhcpServiceInfo) -> ConfigFlowResult:
    """Home Assistant's DHCP listener finds a board."""
    return await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_DHCP}, data=found
    )


def offers(hass: HomeAssistant) -> list[str]:
    """The gateways that the integrations page offers to add."""
    flows = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    return sorted(str(flow["context"].get("unique_id")) for flow in flows)


# 1111111111 is 0x423A35C7, the address of the board's access point; its own address is one lower.
LEASE = lease("meshota-35c7", "246f423a35c6")


async def test_a_gateway_that_asks_the_router_for_an_address_is_offered_and_paired(
    hass: HomeAssistant, new_gateway: NewGateway
):
    """Its key is asked for; nothing is added without the gateway's proof."""
    flow = await discover(hass, LEASE)
    assert (flow["type"], flow["step_id"]) == (FlowResultType.FORM, "discovered")
    assert flow["description_placeholders"]["gateway_id"] == GATEWAY_ID
    flow = await enter_key(hass, flow, setup_key(KEY))
    await (await new_gateway(GATEWAY_ID, KEY)).open()
    flow = await proceed(hass, flow)
    assert flow["type"] is FlowResultType.CREATE_ENTRY
    assert flow["result"].unique_id == GATEWAY_ID


async def test_a_gateway_that_is_set_up_is_not_offered(
    hass: HomeAssistant, paired: MockConfigEntry
):
    """It asks for an address again and again."""
    assert (await discover(hass, LEASE))["reason"] == "already_configured"


async def test_a_gateway_is_offered_once(hass: HomeAssistant):
    """Two leases, one offer."""
    await discover(hass, LEASE)
    assert (await discover(hass, LEASE))["reason"] == "already_in_progress"
    assert offers(hass) == [GATEWAY_ID]


async def test_a_board_whose_name_contradicts_its_address_is_not_offered(hass: HomeAssistant):
    """Anything may call itself meshota."""
    flow = await discover(hass, lease("meshota-beef", "246f423a35c6"))
    assert (flow["type"], flow["reason"]) == (FlowResultType.ABORT, "not_a_gateway")


async def test_the_key_of_another_gateway_does_not_add_the_one_that_was_found(
    hass: HomeAssistant, new_gateway: NewGateway
):
    """Whoever has two on the desk is told which key this was, and goes on."""
    flow = await enter_key(hass, await discover(hass, LEASE), setup_key(OTHER_KEY))
    await (await new_gateway("4444444444", OTHER_KEY)).open()
    flow = await proceed(hass, flow)
    assert (flow["step_id"], flow["errors"]) == ("discovered", {"base": "wrong_gateway"})
    flow = await enter_key(hass, flow, setup_key(KEY))
    await (await new_gateway(GATEWAY_ID, KEY)).open()
    assert (await proceed(hass, flow))["type"] is FlowResultType.CREATE_ENTRY


async def test_a_further_gateway_is_offered_when_it_calls(
    hass: HomeAssistant, paired: MockConfigEntry, new_gateway: NewGateway
):
    """It is refused as ever; adding it by hand instead ends the offer."""
    stranger = await new_gateway("1111111112", OTHER_KEY)
    for _ in range(2):
        assert (await stranger.open()).status == 401
        await hass.async_block_till_done()
    assert offers(hass) == ["1111111112"]
    flow = await enter_key(hass, await start(hass), setup_key(OTHER_KEY))
    assert (await stranger.open()).signed
    assert (await proceed(hass, flow))["type"] is FlowResultType.CREATE_ENTRY
    assert offers(hass) == []


async def test_a_flood_of_strangers_is_not_offered(
    hass: HomeAssistant, paired: MockConfigEntry, new_gateway: NewGateway
):
    """Nor is anything that is no node id, nor a gateway we know that lost its key."""
    for gateway_id in ("0", "4294967296", "x", GATEWAY_ID, *map(str, range(1, 20))):
        assert (await (await new_gateway(gateway_id, OTHER_KEY)).open()).status == 401
        await hass.async_block_till_done()
    assert offers(hass) == ["1", "2", "3", "4", "5"]


class BehindProxy:
    """A client whose requests a reverse proxy passes on, and says from where they came."""

    def __init__(self, client: Any, came_from: str) -> None:
        self._client = client
        self._came_from = came_from

    def request(self, method: str, path: str, **kwargs: Any) -> Any:
        headers = {**kwargs.pop("headers"), "X-Forwarded-For": self._came_from}
        return self._client.request(method, path, headers=headers, **kwargs)


@pytest.mark.parametrize(
    ("came_from", "offered"),
    [
        ("203.0.113.9", []),
        ("2001:db8::9", []),
        ("192.168.1.50", ["1111111112"]),
        ("fe80::1", ["1111111112"]),
    ],
)
async def test_only_who_calls_from_the_own_network_is_offered(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
    came_from: str,
    offered: list[str],
):
    """Nobody on the internet gets to put something before the user."""
    proxied = {"use_x_forwarded_for": True, "trusted_proxies": ["127.0.0.1"]}
    assert await async_setup_component(hass, "http", {"http": proxied})
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    client = BehindProxy(await hass_client_no_auth(), came_from)
    assert (await GatewayClient(client, "1111111112", OTHER_KEY).open()).status == 401
    await hass.async_block_till_done()
    assert offers(hass) == offered


@pytest.mark.parametrize("address", [None, "", "a socket"])
async def test_who_calls_from_no_address_is_not_offered(
    hass: HomeAssistant, paired: MockConfigEntry, address: str | None
):
    """Somebody in between, on this computer."""
    async_offer_stranger(hass, "1111111112", address)
    await hass.async_block_till_done()
    assert offers(hass) == []


async def test_an_offer_that_was_ignored_can_be_taken_up_by_hand(
    hass: HomeAssistant, paired: MockConfigEntry, new_gateway: NewGateway
):
    """Ignored, it is offered no more; whoever then adds it after all gets it."""
    stranger = await new_gateway("1111111112", OTHER_KEY)
    await stranger.open()
    await hass.async_block_till_done()
    await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_IGNORE},
        data={"unique_id": "1111111112", "title": "Gateway 1111111112"},
    )
    await stranger.open()
    await hass.async_block_till_done()
    assert offers(hass) == []
    flow = await enter_key(hass, await start(hass), setup_key(OTHER_KEY))
    assert (await stranger.open()).signed
    flow = await proceed(hass, flow)
    assert flow["type"] is FlowResultType.CREATE_ENTRY
    entries = hass.config_entries.async_entries(DOMAIN)
    assert sorted(str(each.unique_id) for each in entries) == [GATEWAY_ID, "1111111112"]
