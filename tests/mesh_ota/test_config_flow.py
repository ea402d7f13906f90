"""Pairing a gateway through the dialogs, with a gateway that really calls."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.mesh_ota.config_flow import PAIRING_DEADLINE
from custom_components.mesh_ota.const import DOMAIN
from custom_components.mesh_ota.discovery import async_offer_stranger
from homeassistant.config_entries import (
    SOURCE_DHCP,
    SOURCE_IGNORE,
    SOURCE_USER,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
from homeassistant.setup import async_setup_component

from .gateway_client import GatewayClient, setup_key

GATEWAY_ID = "1111111111"
KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))

type NewGateway = Callable[[str, bytes], Awaitable[GatewayClient]]

pytestmark = pytest.mark.usefixtures("checked_translations")


async def start(hass: HomeAssistant) -> ConfigFlowResult:
    """Open the dialog that adds a gateway."""
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})


async def enter_key(hass: HomeAssistant, flow: Any, key: str) -> ConfigFlowResult:
    """Submit a setup key as typed."""
    return await hass.config_entries.flow.async_configure(flow["flow_id"], {"setup_key": key})


async def proceed(hass: HomeAssistant, flow: Any) -> ConfigFlowResult:
    """Do what an open dialog does when its progress has ended."""
    await hass.async_block_till_done()
    return await hass.config_entries.flow.async_configure(flow["flow_id"])


async def let_deadline_pass(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    """Nobody calls for as long as the dialog waits."""
    freezer.tick(PAIRING_DEADLINE + 1)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()


async def test_a_gateway_is_paired_once_it_has_called(hass: HomeAssistant, new_gateway: NewGateway):
    """The entry is made by the gateway's own signed opening, and carries its id."""
    flow = await start(hass)
    assert (flow["type"], flow["step_id"]) == (FlowResultType.FORM, "user")
    flow = await enter_key(hass, flow, setup_key(KEY))
    assert flow["type"] is FlowResultType.SHOW_PROGRESS
    gateway = await new_gateway(GATEWAY_ID, KEY)
    assert (await gateway.open()).signed
    flow = await proceed(hass, flow)
    assert flow["type"] is FlowResultType.CREATE_ENTRY
    assert flow["title"] == f"Gateway {GATEWAY_ID}"
    assert flow["result"].unique_id == GATEWAY_ID
    await hass.async_block_till_done()
    assert flow["result"].state is ConfigEntryState.LOADED
    await gateway.open()
    assert (await gateway.report()).status == 200


@pytest.mark.parametrize(
    ("typed", "error", "placeholders"),
    [
        (setup_key(KEY)[:-2], "key_length", {"length": "52"}),
        (setup_key(KEY).replace("DYPQ", "DYP0"), "key_character", {"character": "0"}),
        (setup_key(KEY).replace("DYPQ", "DYQP"), "key_check", {}),
        ("", "key_length", {"length": "0"}),
    ],
)
async def test_a_mistyped_key_is_named_precisely_and_can_be_mended(
    hass: HomeAssistant,
    new_gateway: NewGateway,
    typed: str,
    error: str,
    placeholders: dict[str, str],
):
    """Whoever has mistyped is told what, and goes on in the same dialog."""
    flow = await enter_key(hass, await start(hass), typed)
    assert flow["type"] is FlowResultType.FORM
    assert flow["errors"] == {"base": error}
    assert placeholders.items() <= flow["description_placeholders"].items()
    flow = await enter_key(hass, flow, setup_key(KEY))
    await (await new_gateway(GATEWAY_ID, KEY)).open()
    assert (await proceed(hass, flow))["type"] is FlowResultType.CREATE_ENTRY


async def test_case_spaces_and_dashes_do_not_matter(hass: HomeAssistant, new_gateway: NewGateway):
    """A key read from a console may be typed in any way."""
    typed = " " + setup_key(KEY).lower().replace("-", " ") + "\n"
    flow = await enter_key(hass, await start(hass), typed)
    await (await new_gateway(GATEWAY_ID, KEY)).open()
    assert (await proceed(hass, flow))["type"] is FlowResultType.CREATE_ENTRY


async def test_a_silent_gateway_is_an_error_that_can_be_tried_again(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, new_gateway: NewGateway
):
    """No entry without the gateway's proof; after switching it on the same dialog goes on."""
    flow = await enter_key(hass, await start(hass), setup_key(KEY))
    await let_deadline_pass(hass, freezer)
    flow = await proceed(hass, flow)
    assert (flow["type"], flow["step_id"]) == (FlowResultType.FORM, "user")
    assert flow["errors"] == {"base": "gateway_silent"}
    gateway = await new_gateway(GATEWAY_ID, KEY)
    assert (await gateway.open()).status == 401
    flow = await enter_key(hass, flow, setup_key(KEY))
    assert (await gateway.open()).status == 200
    assert (await proceed(hass, flow))["type"] is FlowResultType.CREATE_ENTRY


async def test_a_wrong_key_is_recovered_from(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, new_gateway: NewGateway
):
    """A well-formed key of another gateway opens nothing for this one; the right one does."""
    gateway = await new_gateway(GATEWAY_ID, KEY)
    flow = await enter_key(hass, await start(hass), setup_key(OTHER_KEY))
    assert (await gateway.open()).status == 401
    await let_deadline_pass(hass, freezer)
    flow = await proceed(hass, flow)
    assert flow["errors"] == {"base": "gateway_silent"}
    flow = await enter_key(hass, flow, setup_key(KEY))
    assert (await gateway.open()).status == 200
    assert (await proceed(hass, flow))["type"] is FlowResultType.CREATE_ENTRY


async def test_a_closed_dialog_takes_its_key_with_it(hass: HomeAssistant, new_gateway: NewGateway):
    """A key is never left open behind somebody who went away."""
    flow = await enter_key(hass, await start(hass), setup_key(KEY))
    gateway = await new_gateway(GATEWAY_ID, KEY)
    assert (await gateway.open()).status == 200
    hass.config_entries.flow.async_abort(flow["flow_id"])
    await hass.async_block_till_done()
    assert (await gateway.open()).status == 401
    assert not hass.config_entries.async_entries(DOMAIN)


async def test_a_dialog_closed_while_waiting_leaves_no_task(
    hass: HomeAssistant, new_gateway: NewGateway
):
    """The harness fails this test if the waiting goes on."""
    flow = await enter_key(hass, await start(hass), setup_key(KEY))
    hass.config_entries.flow.async_abort(flow["flow_id"])
    await hass.async_block_till_done()
    assert (await (await new_gateway(GATEWAY_ID, KEY)).open()).status == 401


async def test_during_pairing_the_key_opens_a_session_and_nothing_else(
    hass: HomeAssistant, new_gateway: NewGateway
):
    """What the gateway says before the user has let it in is not taken."""
    await enter_key(hass, await start(hass), setup_key(KEY))
    gateway = await new_gateway(GATEWAY_ID, KEY)
    assert (await gateway.open()).status == 200
    assert (await gateway.report()).status == 401
    assert (await gateway.pending()).status == 401


async def test_a_gateway_is_set_up_once(hass: HomeAssistant, paired: MockConfigEntry):
    """The same key again is refused at once, without waiting for a call that will not come."""
    flow = await enter_key(hass, await start(hass), setup_key(KEY))
    assert flow["type"] is FlowResultType.ABORT
    assert flow["reason"] == "already_configured"


async def test_a_gateway_that_was_erased_and_added_again_gets_its_new_key(
    hass: HomeAssistant, paired: MockConfigEntry, new_gateway: NewGateway
):
    """The natural thing to try works: the entry there is takes the key that was just proved."""
    flow = await enter_key(hass, await start(hass), setup_key(OTHER_KEY))
    gateway = await new_gateway(GATEWAY_ID, OTHER_KEY)
    assert (await gateway.open()).status == 200
    flow = await proceed(hass, flow)
    assert (flow["type"], flow["reason"]) == (FlowResultType.ABORT, "already_configured")
    await hass.async_block_till_done()
    await gateway.open()
    assert (await gateway.report()).status == 200


async def test_reconfigure_takes_the_new_key_of_the_same_gateway(
    hass: HomeAssistant, paired: MockConfigEntry, new_gateway: NewGateway
):
    """After an erase the gateway has another key; the entry, its nodes and history stay."""
    flow = await paired.start_reconfigure_flow(hass)
    assert flow["step_id"] == "reconfigure"
    flow = await enter_key(hass, flow, setup_key(OTHER_KEY))
    gateway = await new_gateway(GATEWAY_ID, OTHER_KEY)
    await gateway.open()
    flow = await proceed(hass, flow)
    assert (flow["type"], flow["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    await hass.async_block_till_done()
    await gateway.open()
    assert (await gateway.report()).status == 200
    old = await new_gateway(GATEWAY_ID, KEY)
    assert (await old.open()).status == 401


async def test_reconfigure_refuses_the_key_of_another_gateway(
    hass: HomeAssistant, paired: MockConfigEntry, new_gateway: NewGateway
):
    """Two gateways on a desk: the entry says whose key it got, and waits for the right one."""
    flow = await enter_key(hass, await paired.start_reconfigure_flow(hass), setup_key(OTHER_KEY))
    await (await new_gateway("4444444444", OTHER_KEY)).open()
    flow = await proceed(hass, flow)
    assert flow["errors"] == {"base": "wrong_gateway"}
    assert flow["description_placeholders"]["found"] == "4444444444"
    third = bytes(range(2, 34))
    flow = await enter_key(hass, flow, setup_key(third))
    await (await new_gateway(GATEWAY_ID, third)).open()
    flow = await proceed(hass, flow)
    assert flow["reason"] == "reconfigure_successful"


async def test_reconfigure_with_the_stored_key_changes_nothing(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    paired: MockConfigEntry,
    new_gateway: NewGateway,
):
    """A gateway that is connected does not call anew: say so instead of waiting for it."""
    flow = await enter_key(hass, await paired.start_reconfigure_flow(hass), setup_key(KEY))
    assert flow["errors"] == {"base": "key_in_use"}
    flow = await enter_key(hass, flow, setup_key(OTHER_KEY))
    await let_deadline_pass(hass, freezer)
    flow = await proceed(hass, flow)
    assert (flow["step_id"], flow["errors"]) == ("reconfigure", {"base": "gateway_silent"})
    flow = await enter_key(hass, flow, setup_key(OTHER_KEY))
    await (await new_gateway(GATEWAY_ID, OTHER_KEY)).open()
    assert (await proceed(hass, flow))["reason"] == "reconfigure_successful"


@pytest.mark.parametrize("stored", [{}, {"key": "not hex"}, {"key": "00"}])
async def test_an_unusable_stored_key_asks_for_a_new_one(
    hass: HomeAssistant, new_gateway: NewGateway, stored: dict[str, str]
):
    """A damaged entry is mended in the dialog that Home Assistant opens by itself."""
    entry = MockConfigEntry(domain=DOMAIN, unique_id=GATEWAY_ID, data=stored)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["step_id"] == "reauth_confirm"
    shown = await enter_key(hass, flow, setup_key(KEY))
    await (await new_gateway(GATEWAY_ID, KEY)).open()
    shown = await proceed(hass, shown)
    assert (shown["type"], shown["reason"]) == (FlowResultType.ABORT, "reauth_successful")
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED


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
