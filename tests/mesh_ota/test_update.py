"""The update entities: what they show while a node is updated, seen through states and registries."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    mock_restore_cache,
)

from custom_components.mesh_ota.const import DOMAIN
from custom_components.mesh_ota.hub import MeshOta
from homeassistant.components.update import (
    ATTR_IN_PROGRESS,
    ATTR_INSTALLED_VERSION,
    ATTR_LATEST_VERSION,
    ATTR_SKIPPED_VERSION,
    ATTR_UPDATE_PERCENTAGE,
)
from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er

from .gateway_client import GatewayClient
from .update_entity import (
    NODE,
    SECOND,
    SECOND_UPDATE,
    UPDATE,
    install,
    pending_job,
    progress,
    shown,
)


@pytest.fixture
async def node(hass: HomeAssistant, caller: GatewayClient) -> None:
    """One node of type pir, called hall, on version 1.0.0."""
    await caller.report_node(NODE)
    await hass.async_block_till_done()


async def test_a_node_appears_with_its_device_behind_its_gateway(
    hass: HomeAssistant, node: None, paired: MockConfigEntry, device_registry: dr.DeviceRegistry
):
    """The device says what the node said: type, chip, version, id."""
    device = device_registry.async_get_device_by_identifier((DOMAIN, NODE), paired.entry_id)
    behind = device_registry.async_get_device_by_identifier(
        (DOMAIN, paired.unique_id), paired.entry_id
    )
    assert device is not None
    assert behind is not None
    assert (device.name, device.model, device.hw_version) == ("hall", "pir", "ESP32")
    assert (device.sw_version, device.serial_number) == ("1.0.0", NODE)
    assert device.via_device_id == behind.id
    page = "homeassistant://config/integrations/integration/mesh_ota"
    assert (device.configuration_url, behind.configuration_url) == (page, page)
    assert shown(hass).attributes[ATTR_INSTALLED_VERSION] == "1.0.0"


async def test_a_node_that_turns_up_later_gets_its_entity_without_a_reload(
    hass: HomeAssistant, node: None, caller: GatewayClient
):
    """Somebody switches on another node."""
    assert hass.states.get(SECOND_UPDATE) is None
    await caller.report_node(SECOND, name="attic", type="led", version="0.9.0")
    await hass.async_block_till_done()
    assert shown(hass, SECOND_UPDATE).attributes[ATTR_INSTALLED_VERSION] == "0.9.0"


async def test_the_gateway_has_an_update_entity_of_its_own(hass: HomeAssistant, node: None):
    """It is a board like the others."""
    state = shown(hass, "update.gateway_1111111111_firmware")
    assert state.attributes[ATTR_INSTALLED_VERSION] == "0.1.0"


async def test_unique_ids_are_made_of_the_node_id(
    hass: HomeAssistant, node: None, entity_registry: er.EntityRegistry
):
    """No domain, no platform, no name in them."""
    entry = entity_registry.async_get(UPDATE)
    assert entry is not None
    assert entry.unique_id == f"{NODE}-firmware"
    assert entry.has_entity_name


async def test_without_firmware_in_the_library_nothing_is_offered(hass: HomeAssistant, node: None):
    """Up to date, as far as anybody knows."""
    assert shown(hass).state == STATE_OFF


async def test_newer_firmware_of_its_type_is_offered_at_once(
    hass: HomeAssistant, node: None, upload: Any
):
    """And one of another type is not."""
    await upload("led", "9.0.0")
    await hass.async_block_till_done()
    assert shown(hass).state == STATE_OFF
    await upload("pir", "1.1.0")
    await hass.async_block_till_done()
    assert shown(hass).state == STATE_ON
    assert shown(hass).attributes[ATTR_LATEST_VERSION] == "1.1.0"


@pytest.mark.parametrize(
    ("installed", "latest", "state"),
    [
        ("1.9.0", "1.10.0", STATE_ON),
        ("1.10.0", "1.9.0", STATE_OFF),
        ("1.2.0-rc1", "1.2.0", STATE_ON),
        ("1.2.2", "v1.2.3+abc", STATE_ON),
        ("1.2.3", "v1.2.3", STATE_OFF),
        ("abc1234", "def5678", STATE_ON),
    ],
)
async def test_versions_are_compared_as_people_read_them(
    hass: HomeAssistant,
    caller: GatewayClient,
    upload: Any,
    installed: str,
    latest: str,
    state: str,
):
    """Text order, build suffixes and a leading v mislead a plain comparison."""
    await caller.report_node(NODE, version=installed)
    await upload("pir", latest)
    await hass.async_block_till_done()
    assert shown(hass).state == state


async def test_progress_is_shown_from_offer_to_restart_and_ends_with_the_proof(
    hass: HomeAssistant, node: None, caller: GatewayClient, upload: Any
):
    """No percentage before the first part; done only when the node has proved itself."""
    firmware = await upload("pir", "1.1.0")
    await hass.async_block_till_done()
    await install(hass)
    assert shown(hass).attributes[ATTR_IN_PROGRESS] is False
    job = await pending_job(caller)
    seen = []
    for status, part in (("offered", 0), ("downloading", 0), ("downloading", 20)):
        await progress(hass, caller, job, status, current_part=part, total_parts=job["num_parts"])
        attributes = shown(hass).attributes
        seen.append((attributes[ATTR_IN_PROGRESS], attributes[ATTR_UPDATE_PERCENTAGE]))
    assert seen[:2] == [(True, None), (True, None)]
    assert seen[2][0] is True
    assert 0 < seen[2][1] <= 100
    await progress(hass, caller, job, "verifying")
    await progress(hass, caller, job, "restarting", boot=7)
    assert shown(hass).attributes[ATTR_IN_PROGRESS] is True
    tag = f"{job['token']}-1"
    await caller.report_node(
        NODE,
        version="1.1.0",
        proof=firmware["proof"],
        boot=8,
        last={"tag": tag, "proof": firmware["proof"], "outcome": "confirmed", "reason": ""},
    )
    await hass.async_block_till_done()
    assert shown(hass).state == STATE_OFF
    assert shown(hass).attributes[ATTR_INSTALLED_VERSION] == "1.1.0"
    assert shown(hass).attributes[ATTR_IN_PROGRESS] is False


@pytest.mark.parametrize("outcome", ["confirmed", "refused"])
async def test_what_is_on_trial_is_not_installed(
    hass: HomeAssistant,
    node: None,
    caller: GatewayClient,
    upload: Any,
    paired: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    outcome: str,
):
    """It runs the new version, and may yet go back: whoever waits for "up to date" hears of it when that is over."""
    firmware = await upload("pir", "1.1.0")
    await hass.async_block_till_done()
    await install(hass)
    job = await pending_job(caller)
    await progress(hass, caller, job, "restarting", boot=7)
    last = {"tag": f"{job['token']}-1", "proof": firmware["proof"], "reason": ""}
    runs = {"version": "1.1.0", "proof": firmware["proof"], "boot": 8}
    await caller.report_node(NODE, **runs, phase="trial", last={**last, "outcome": "trial"})
    await hass.async_block_till_done()
    device = device_registry.async_get_device_by_identifier((DOMAIN, NODE), paired.entry_id)
    assert device is not None
    attributes = shown(hass).attributes
    assert (shown(hass).state, attributes[ATTR_IN_PROGRESS]) == (STATE_ON, True)
    assert (attributes[ATTR_INSTALLED_VERSION], attributes[ATTR_LATEST_VERSION]) == (
        "1.0.0",
        "1.1.0",
    )
    assert device.sw_version == "1.0.0"
    after = runs if outcome == "confirmed" else {"boot": 9}
    await caller.report_node(NODE, **after, last={**last, "outcome": outcome})
    await hass.async_block_till_done()
    device = device_registry.async_get_device_by_identifier((DOMAIN, NODE), paired.entry_id)
    ended = {"confirmed": (STATE_OFF, "1.1.0"), "refused": (STATE_ON, "1.0.0")}[outcome]
    assert (shown(hass).state, device.sw_version) == ended
    assert shown(hass).attributes[ATTR_IN_PROGRESS] is False


@pytest.mark.parametrize("end", ["failed", "rolled back", "cancelled"])
async def test_no_end_leaves_an_entity_in_progress(
    hass: HomeAssistant, node: None, caller: GatewayClient, upload: Any, end: str
):
    """The entity shows the old version, no progress, and offers the update again."""
    await upload("pir", "1.1.0")
    await hass.async_block_till_done()
    await install(hass)
    job = await pending_job(caller)
    await progress(hass, caller, job, "downloading", current_part=1, total_parts=job["num_parts"])
    assert shown(hass).attributes[ATTR_IN_PROGRESS] is True
    if end == "failed":
        await progress(hass, caller, job, "failed", reason="space", error_message="No room for it.")
    elif end == "cancelled":
        await hass.services.async_call(DOMAIN, "cancel_job", {"job_id": job["id"]}, blocking=True)
    else:
        await progress(hass, caller, job, "restarting", boot=7)
        refused = {"tag": f"{job['token']}-1", "proof": job["proof"], "outcome": "refused"}
        await caller.report_node(NODE, boot=9, last={**refused, "reason": "ValueError: no pin"})
    await hass.async_block_till_done()
    assert shown(hass).attributes[ATTR_IN_PROGRESS] is False
    assert shown(hass).attributes[ATTR_INSTALLED_VERSION] == "1.0.0"
    assert shown(hass).state == STATE_ON


async def test_install_again_while_it_waits_makes_no_second_job(
    hass: HomeAssistant, node: None, caller: GatewayClient, upload: Any
):
    """Pressing twice is not an error and not two updates."""
    await upload("pir", "1.1.0")
    await hass.async_block_till_done()
    await install(hass)
    await install(hass)
    assert (await pending_job(caller))["version"] == "1.1.0"


async def test_install_of_what_is_newer_takes_the_place_of_what_waits_but_not_of_what_is_on_its_way(
    hass: HomeAssistant, hub: MeshOta, node: None, caller: GatewayClient, upload: Any
):
    """What is installed is what the entity shows as the latest."""
    await upload("pir", "1.1.0")
    await install(hass)
    await upload("pir", "1.2.0")
    await hass.async_block_till_done()
    assert hass.states.get(UPDATE).attributes["latest_version"] == "1.2.0"
    await install(hass)
    listed = await pending_job(caller)
    assert listed["version"] == "1.2.0"
    await caller.report_progress(listed, NODE, "downloading", current_part=1)
    await upload("pir", "1.3.0")
    await hass.async_block_till_done()
    assert hass.states.get(UPDATE).attributes["latest_version"] == "1.2.0"
    with pytest.raises(HomeAssistantError, match="already in progress"):
        await install(hass)
    await hub.async_install(NODE, None)  # by whom that does not stop
    assert [job.version for job in hub.jobs()] == ["1.1.0", "1.2.0"]


async def test_update_all_is_one_job(
    hass: HomeAssistant, node: None, caller: GatewayClient, upload: Any
):
    """One image goes over the air once, for all nodes of the type."""
    await caller.report_node(SECOND, name="attic")
    await upload("pir", "1.1.0")
    await hass.async_block_till_done()
    await install(hass, [UPDATE, SECOND_UPDATE])
    job = await pending_job(caller)
    assert {target["node_id"] for target in job["targets"]} == {NODE, SECOND}


async def test_a_downgrade_is_chosen_by_version_and_shows_as_an_update(
    hass: HomeAssistant, node: None, caller: GatewayClient, upload: Any
):
    """An entity that says "up to date" while its node is being flashed helps nobody."""
    await upload("pir", "0.9.0")
    await hass.async_block_till_done()
    assert shown(hass).state == STATE_OFF
    await install(hass, version="0.9.0")
    job = await pending_job(caller)
    await progress(hass, caller, job, "downloading", current_part=1, total_parts=job["num_parts"])
    assert shown(hass).state == STATE_ON
    assert shown(hass).attributes[ATTR_LATEST_VERSION] == "0.9.0"
    assert shown(hass).attributes[ATTR_IN_PROGRESS] is True


async def test_a_version_that_the_library_lacks_is_refused_with_a_sentence(
    hass: HomeAssistant, node: None, upload: Any
):
    """And the entity is not left in progress."""
    await upload("pir", "1.1.0")
    await hass.async_block_till_done()
    with pytest.raises(ServiceValidationError) as raised:
        await install(hass, version="7.7.7")
    assert "7.7.7" in str(raised.value)
    assert shown(hass).attributes[ATTR_IN_PROGRESS] is False


async def test_nothing_newer_is_nothing_to_install(hass: HomeAssistant, node: None):
    """Home Assistant itself says so."""
    with pytest.raises(HomeAssistantError):
        await install(hass)


async def test_a_node_that_is_away_can_be_told_to_update(
    hass: HomeAssistant, node: None, caller: GatewayClient, upload: Any
):
    """A sleeping node stays available; it takes the job when it comes back."""
    await caller.report(tree=[])
    await upload("pir", "1.1.0")
    await hass.async_block_till_done()
    assert shown(hass).state == STATE_ON
    await install(hass)
    await caller.report(tree=[[NODE, caller.gateway_id]])
    assert [target["node_id"] for target in (await pending_job(caller))["targets"]] == [NODE]


async def test_a_skipped_version_stays_skipped_over_a_restart(
    hass: HomeAssistant, upload: Any, caller: GatewayClient, paired: MockConfigEntry
):
    """The library is loaded before the entities are, or Home Assistant would drop the skip."""
    await caller.report_node(NODE)
    await upload("pir", "1.1.0")
    await hass.async_block_till_done()
    await hass.services.async_call("update", "skip", {"entity_id": UPDATE}, blocking=True)
    skipped = shown(hass)
    assert skipped.state == STATE_OFF
    await hass.config_entries.async_unload(paired.entry_id)
    mock_restore_cache(hass, [skipped])
    await hass.config_entries.async_setup(paired.entry_id)
    await hass.async_block_till_done()
    assert shown(hass).state == STATE_OFF
    assert shown(hass).attributes[ATTR_SKIPPED_VERSION] == "1.1.0"


async def test_a_new_name_and_version_reach_the_device(
    hass: HomeAssistant,
    node: None,
    caller: GatewayClient,
    paired: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
):
    """What a node says after its update is what its device says."""
    await caller.report_node(NODE, name="corridor", version="1.0.1")
    await hass.async_block_till_done()
    device = device_registry.async_get_device_by_identifier((DOMAIN, NODE), paired.entry_id)
    assert device is not None
    assert (device.name, device.sw_version) == ("corridor", "1.0.1")
