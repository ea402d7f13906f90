"""Who did it stands in the history: a user, or the automation or script that was running."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.mesh_ota.const import DOMAIN
from homeassistant.auth.models import User
from homeassistant.core import Context, HomeAssistant
from homeassistant.setup import async_setup_component

from .conftest import GATEWAY_ID, Upload
from .gateway_client import GatewayClient

HISTORY = "/api/mesh_ota/v1/history"
NODE = "2222222222"
NIGHT, BY_HAND = "automation.nightly_updates", "script.update_everything"


@pytest.fixture
async def firmware(caller: GatewayClient, upload: Upload) -> dict[str, Any]:
    """Version 1.1.0 for a node that is there."""
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    await caller.report_node(NODE)
    return await upload("pir", "1.1.0")


@pytest.fixture
async def house_rules(hass: HomeAssistant, firmware: dict[str, Any]) -> None:
    """An automation that runs a script, which makes a job; and one that presses Install."""
    make = {"action": f"{DOMAIN}.create_job", "data": {"firmware_id": firmware["id"]}}
    press = {"action": "update.install", "target": {"entity_id": "update.hall_firmware"}}
    scripts = {"update_everything": {"alias": "Update everything", "sequence": [make]}}
    assert await async_setup_component(hass, "script", {"script": scripts})
    rules = [
        {
            "alias": "Nightly updates",
            "triggers": [{"trigger": "event", "event_type": "night"}],
            "actions": [{"action": BY_HAND}],
        },
        {
            "alias": "Morning",
            "triggers": [{"trigger": "event", "event_type": "morning"}],
            "actions": [press],
        },
    ]
    assert await async_setup_component(hass, "automation", {"automation": rules})
    await hass.async_block_till_done()


async def makers(hass: HomeAssistant, admin: Any) -> list[tuple[str | None, str | None]]:
    """Actor and name of each entry that says a job was made."""
    await hass.async_block_till_done()
    entries = await (await admin.get(HISTORY)).json()
    return [(one["actor"], one["actor_name"]) for one in entries if one["kind"] == "job"]


async def test_an_automation_is_named_also_where_a_script_acts_for_it(
    hass: HomeAssistant, house_rules: None, admin: Any
) -> None:
    hass.bus.async_fire("night")
    assert await makers(hass, admin) == [(NIGHT, "Nightly updates")]


async def test_an_automation_that_presses_install_is_named(
    hass: HomeAssistant, house_rules: None, admin: Any
) -> None:
    hass.bus.async_fire("morning")
    assert await makers(hass, admin) == [("automation.morning", "Morning")]


async def test_of_a_script_that_a_user_starts_the_user_is_named(
    hass: HomeAssistant, house_rules: None, admin: Any, hass_admin_user: User
) -> None:
    by = Context(user_id=hass_admin_user.id)
    await hass.services.async_call("script", "update_everything", blocking=True, context=by)
    assert await makers(hass, admin) == [(hass_admin_user.id, hass_admin_user.name)]


async def test_an_automation_that_is_gone_is_told_by_its_entity_id(
    hass: HomeAssistant, house_rules: None, admin: Any
) -> None:
    hass.bus.async_fire("night")
    await hass.async_block_till_done()
    hass.states.async_remove(NIGHT)
    assert await makers(hass, admin) == [(NIGHT, NIGHT)]


async def test_nobody_is_named_where_nobody_said(
    hass: HomeAssistant, firmware: dict[str, Any], admin: Any
) -> None:
    fields = {"firmware_id": firmware["id"]}
    await hass.services.async_call(
        DOMAIN, "create_job", fields, blocking=True, return_response=True
    )
    assert await makers(hass, admin) == [(None, None)]


async def test_of_what_began_long_ago_no_more_is_kept_than_is_needed(
    hass: HomeAssistant, house_rules: None, paired: MockConfigEntry, admin: Any
) -> None:
    """The oldest is forgotten first, and nothing listens once the integration is unloaded."""
    for _ in range(250):
        hass.bus.async_fire("script_started", {"entity_id": BY_HAND}, context=Context())
    hass.bus.async_fire("night")
    assert await makers(hass, admin) == [(NIGHT, "Nightly updates")]
    assert sum(len(kept) for key, kept in hass.data.items() if key == f"{DOMAIN}_begun") == 200
    await hass.config_entries.async_unload(paired.entry_id)
    assert "script_started" not in hass.bus.async_listeners()
