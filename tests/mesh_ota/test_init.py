"""An entry's life: set up, unloaded, reloaded, removed; and devices that leave."""

from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.mesh_ota.const import CONF_KEY, DOMAIN, GATEWAY_SILENT, NODE_SILENT
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component

from .conftest import GATEWAY_ID, GATEWAY_KEY, NewGateway
from .gateway_client import GatewayClient

NODE = "2222222222"
UPDATE = "update.hall_firmware"


@pytest.fixture
async def node(hass: HomeAssistant, caller: GatewayClient) -> None:
    """One node called hall that is in the mesh."""
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    await caller.report_node(NODE)
    await hass.async_block_till_done()


def device_id(device_registry: dr.DeviceRegistry, entry: MockConfigEntry, node_id: str) -> str:
    """The device of a node."""
    device = device_registry.async_get_device_by_identifier((DOMAIN, node_id), entry.entry_id)
    assert device is not None
    return device.id


async def remove_device(
    hass: HomeAssistant, ws: WebSocketGenerator, entry: MockConfigEntry, device: str
) -> bool:
    """Press Delete on a device's page."""
    assert await async_setup_component(hass, "config", {})
    client = await ws(hass)
    answer = await client.remove_device(device)
    await hass.async_block_till_done()
    return bool(answer["success"])


async def test_the_actions_are_there_for_as_long_as_home_assistant_runs(
    hass: HomeAssistant, paired: MockConfigEntry
):
    """An automation that calls one while its gateway is unloaded gets a sentence, not "unknown action"."""
    await hass.config_entries.async_unload(paired.entry_id)
    assert hass.services.has_service(DOMAIN, "create_job")
    assert hass.services.has_service(DOMAIN, "cancel_job")


async def test_unloading_closes_the_gateways_door_and_reloading_opens_it(
    hass: HomeAssistant, paired: MockConfigEntry, caller: GatewayClient, node: None
):
    """The nodes are known again at once, before the gateway has called."""
    assert await hass.config_entries.async_unload(paired.entry_id)
    await hass.async_block_till_done()
    assert paired.state is ConfigEntryState.NOT_LOADED
    state = hass.states.get(UPDATE)
    assert state is not None
    assert state.state == STATE_UNAVAILABLE
    assert (await caller.report()).status == 401
    assert (await caller.open()).status == 401
    assert await hass.config_entries.async_setup(paired.entry_id)
    await hass.async_block_till_done()
    state = hass.states.get(UPDATE)
    assert state is not None
    assert state.state != STATE_UNAVAILABLE
    assert (await caller.open()).status == 200
    assert (await caller.report()).status == 200


async def test_removing_an_entry_removes_its_devices_and_forgets_its_nodes(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    caller: GatewayClient,
    node: None,
    device_registry: dr.DeviceRegistry,
    entity_registry: er.EntityRegistry,
    upload: Any,
):
    """Added again, it starts with an empty mesh and with the library of the house."""
    await upload("pir", "1.1.0")
    await hass.config_entries.async_remove(paired.entry_id)
    await hass.async_block_till_done()
    assert (await caller.open()).status == 401
    assert hass.states.get(UPDATE) is None
    assert entity_registry.async_get(UPDATE) is None
    assert not dr.async_entries_for_config_entry(device_registry, paired.entry_id)
    again = MockConfigEntry(domain=DOMAIN, unique_id=GATEWAY_ID, data={CONF_KEY: GATEWAY_KEY.hex()})
    again.add_to_hass(hass)
    assert await hass.config_entries.async_setup(again.entry_id)
    await hass.async_block_till_done()
    assert hass.states.get(UPDATE) is None
    await caller.open()
    await caller.report_node(NODE)
    await hass.async_block_till_done()
    state = hass.states.get(UPDATE)
    assert state is not None
    assert state.attributes["latest_version"] == "1.1.0"


async def test_a_node_that_left_can_be_deleted_and_comes_back_when_it_returns(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    caller: GatewayClient,
    node: None,
    device_registry: dr.DeviceRegistry,
    hass_ws_client: WebSocketGenerator,
):
    """Somebody threw the node away; or has found it again."""
    await caller.report(tree=[])
    device = device_id(device_registry, paired, NODE)
    assert await remove_device(hass, hass_ws_client, paired, device)
    assert hass.states.get(UPDATE) is None
    await caller.report_node(NODE)
    await hass.async_block_till_done()
    assert hass.states.get(UPDATE) is not None


async def test_a_device_that_no_node_belongs_to_can_be_deleted(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    hass_ws_client: WebSocketGenerator,
):
    """Left over where the list of nodes was lost and the registry was not."""
    device = device_registry.async_get_or_create(
        config_entry_id=paired.entry_id, identifiers={(DOMAIN, "5555555555")}
    )
    assert await remove_device(hass, hass_ws_client, paired, device.id)


@pytest.mark.parametrize("node_id", [NODE, GATEWAY_ID])
async def test_what_is_there_cannot_be_deleted(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    node: None,
    device_registry: dr.DeviceRegistry,
    hass_ws_client: WebSocketGenerator,
    node_id: str,
):
    """It would be back with its next word; the gateway goes with its entry."""
    device = device_id(device_registry, paired, node_id)
    assert not await remove_device(hass, hass_ws_client, paired, device)
    assert device_registry.async_get(device) is not None


async def test_a_gateway_that_falls_silent_and_calls_again_is_logged_once_each(
    hass: HomeAssistant,
    caller: GatewayClient,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
):
    """A log that repeats itself every minute is not read."""
    caplog.set_level("INFO", "custom_components.mesh_ota")
    for _ in range(5):
        freezer.tick(GATEWAY_SILENT)
        async_fire_time_changed(hass)
        await hass.async_block_till_done()
    await caller.report()
    await caller.report()
    said = [record.getMessage() for record in caplog.records if GATEWAY_ID in record.getMessage()]
    assert said == [f"Gateway {GATEWAY_ID} is silent", f"Gateway {GATEWAY_ID} calls"]


async def test_two_gateways_have_doors_of_their_own(
    hass: HomeAssistant, caller: GatewayClient, new_gateway: NewGateway
):
    """The key of one opens nothing of the other."""
    other = MockConfigEntry(
        domain=DOMAIN,
        unique_id="4444444444",
        title="Gateway 4444444444",
        data={CONF_KEY: "11" * 32},
    )
    other.add_to_hass(hass)
    assert await hass.config_entries.async_setup(other.entry_id)
    wrong = await new_gateway("4444444444", GATEWAY_KEY)
    assert (await wrong.open()).status == 401
    right = await new_gateway("4444444444", bytes.fromhex("11" * 32))
    assert (await right.open()).status == 200
    assert (await right.report()).status == 200
    assert (await caller.report()).status == 200


async def test_a_node_that_hangs_on_another_gateway_now_moves_there(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    caller: GatewayClient,
    node: None,
    new_gateway: NewGateway,
    entity_registry: er.EntityRegistry,
    device_registry: dr.DeviceRegistry,
):
    """Carried to the other end of the house it is the same device, with its one entity."""
    other = MockConfigEntry(
        domain=DOMAIN,
        unique_id="4444444444",
        title="Gateway 4444444444",
        data={CONF_KEY: "11" * 32},
    )
    other.add_to_hass(hass)
    assert await hass.config_entries.async_setup(other.entry_id)
    await caller.report(tree=[])
    second = await new_gateway("4444444444", bytes.fromhex("11" * 32))
    await second.open()
    await second.report(tree=[[NODE, "4444444444"]])
    await second.report_node(NODE, version="1.0.1")
    await hass.async_block_till_done()
    registered = entity_registry.async_get(UPDATE)
    assert registered is not None
    assert registered.config_entry_id == other.entry_id
    behind = device_id(device_registry, other, "4444444444")
    device = device_registry.async_get(device_id(device_registry, other, NODE))
    assert device is not None
    assert device.via_device_id == behind
    state = hass.states.get(UPDATE)
    assert state is not None
    assert state.attributes["installed_version"] == "1.0.1"
    assert not device_registry.async_get_device_by_identifier((DOMAIN, NODE), paired.entry_id)


async def test_whoever_only_passes_by_leaves_no_device(
    hass: HomeAssistant,
    caller: GatewayClient,
    device_registry: dr.DeviceRegistry,
    freezer: FrozenDateTimeFactory,
):
    """Anybody in the mesh can make up node ids; who stays, or says what it is, gets one."""
    passing, staying, telling = "2000000001", "2000000002", "2000000003"
    await caller.report(tree=[[each, GATEWAY_ID] for each in (passing, staying, telling)])
    await caller.report_node(telling)
    await hass.async_block_till_done()

    def shown() -> set[str]:
        return {each for device in device_registry.devices for _, each in device.identifiers}

    assert shown() == {GATEWAY_ID, telling}
    await caller.report(tree=[[each, GATEWAY_ID] for each in (staying, telling)])
    freezer.tick(NODE_SILENT)
    await caller.report(tree=[[each, GATEWAY_ID] for each in (staying, telling)])
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    assert shown() == {GATEWAY_ID, telling, staying}
