"""Pairing a gateway through the dialogs, with a gateway that really calls."""

import pytest
from freezegun.api import FrozenDateTimeFactory
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.mesh_ota.const import DOMAIN
from homeassistant.config_entries import (
    ConfigEntryState,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from .gateway_client import setup_key
from .pairing_dialog import (
    GATEWAY_ID,
    KEY,
    OTHER_KEY,
    NewGateway,
    enter_key,
    let_deadline_pass,
    proceed,
    start,
)

pytestmark = pytest.mark.usefixtures("checked_translations")


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
