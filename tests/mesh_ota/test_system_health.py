"""What System information says of Mesh OTA."""

from pytest_homeassistant_custom_component.common import get_system_health_info

from custom_components.mesh_ota.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from .conftest import GATEWAY_ID, Upload
from .gateway_client import GatewayClient
from .translation_check import english


async def test_it_counts_what_is_there_and_names_nothing(
    hass: HomeAssistant, caller: GatewayClient, upload: Upload
):
    """Somebody pastes this into a bug report."""
    # The other one passes by, or is made up.
    await caller.report(tree=[["2222222222", GATEWAY_ID], ["3333333333", GATEWAY_ID]])
    await caller.report_node("2222222222")
    await upload("pir", "1.1.0")
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()
    assert await get_system_health_info(hass, DOMAIN) == {
        "gateways_online": "1/1",
        "nodes_online": "1/1",
        "open_jobs": 0,
        "firmwares": 1,
        "library_size": "0.0 MiB",
    }


async def test_each_line_has_its_text(hass: HomeAssistant, caller: GatewayClient):
    """Home Assistant would show a bare key."""
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()
    lines = await get_system_health_info(hass, DOMAIN)
    assert lines.keys() == english()["system_health"]["info"].keys()
