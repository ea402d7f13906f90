"""The dialog that pairs a gateway, step by step as a person goes through it."""

from collections.abc import Awaitable, Callable
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.mesh_ota.config_flow import PAIRING_DEADLINE
from custom_components.mesh_ota.const import DOMAIN
from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigFlowResult,
)
from homeassistant.core import HomeAssistant

from .gateway_client import GatewayClient

GATEWAY_ID = "1111111111"


KEY = bytes(range(32))


OTHER_KEY = bytes(range(1, 33))


type NewGateway = Callable[[str, bytes], Awaitable[GatewayClient]]


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
