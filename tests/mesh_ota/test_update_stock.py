"""C++ nodes and such as say nothing: what their update entities and devices can show."""

from typing import Any

from aiohttp import FormData
from freezegun.api import FrozenDateTimeFactory
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.mesh_ota.const import DOMAIN, NODE_SILENT
from homeassistant.components.update import (
    ATTR_INSTALLED_VERSION,
)
from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from . import images
from .gateway_client import GatewayClient
from .update_entity import (
    NODE,
    shown,
)


async def test_a_stock_node_offers_the_newest_and_says_that_its_version_is_unknown(
    hass: HomeAssistant, caller: GatewayClient
):
    """A C++ node asks for a role and says nothing else."""
    await caller.report(
        nodes=[{"node_id": NODE, "heard": 0, "asks_for": {"role": "dht", "hardware": "ESP32"}}]
    )
    await hass.async_block_till_done()
    state = shown(hass, f"update.dht_{NODE}_firmware")
    assert state.attributes[ATTR_INSTALLED_VERSION] == "unknown"
    assert state.state == STATE_UNKNOWN


async def test_what_naming_a_stock_node_says_of_it_is_kept_with_the_job(
    caller: GatewayClient, hass_client: ClientSessionGenerator, hass_storage: dict[str, Any]
):
    """Killed the moment after, Home Assistant would otherwise wait for the user to say it again."""
    await caller.report(tree=[[NODE, caller.gateway_id]])
    form = FormData({"node_type": "dht", "version": "1.0.0"})
    form.add_field("file", images.esp_image(b"arduino-lib-builder"), filename="dht.bin")
    client = await hass_client()
    uploaded = await client.post("/api/mesh_ota/v1/firmware/upload", data=form)
    wish = {"firmware_id": (await uploaded.json())["id"], "target_node_id": NODE}
    answer = await client.post("/api/mesh_ota/v1/ota/updates", json=wish)
    assert answer.status == 201, await answer.text()
    rows = hass_storage["mesh_ota.nodes"]["data"]["nodes"]
    kept = next(row for row in rows if row["node_id"] == NODE)
    assert (kept["node_type"], kept["chip"]) == ("dht", "esp32")


async def test_a_node_that_says_nothing_has_a_device_and_no_update_entity(
    hass: HomeAssistant,
    caller: GatewayClient,
    paired: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    freezer: FrozenDateTimeFactory,
):
    """No firmware could be for it; the entity comes, under a proper name, once it says its type."""
    await caller.report(tree=[[NODE, caller.gateway_id]])
    freezer.tick(NODE_SILENT)
    await caller.report(tree=[[NODE, caller.gateway_id]])
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    device = device_registry.async_get_device_by_identifier((DOMAIN, NODE), paired.entry_id)
    assert device is not None
    assert device.name == f"node {NODE}"
    assert hass.states.async_entity_ids_count("update") == 1
    await caller.report_node(NODE)
    await hass.async_block_till_done()
    assert shown(hass).attributes[ATTR_INSTALLED_VERSION] == "1.0.0"
