"""How a gateway is paired: its setup key, then the proof that a gateway with that key calls.

What lives here: the dialogs that add a gateway or give it a new key. No entry is made, and no key is
changed, before the gateway itself has opened a session under the key that was typed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, override

import voluptuous as vol

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    OptionsFlow,
)
from homeassistant.core import callback
from homeassistant.helpers.selector import TextSelector, TextSelectorConfig, TextSelectorType
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
from homeassistant.helpers.typing import DiscoveryInfoType

from .const import CONF_KEY, DOMAIN
from .discovery import CONF_GATEWAY_ID, gateway_id_of
from .errors import MeshOtaError
from .gateway_auth import decode_setup_key
from .hub import GatewayExpectation, async_get_hub
from .options_flow import MeshOtaOptionsFlow

CONF_SETUP_KEY = "setup_key"
# A gateway that was let in before tries again after at most 60 s, a new one every 10 s; and it may have
# to be switched on and to join the WiFi first.
PAIRING_DEADLINE = 120
KEY_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_SETUP_KEY): TextSelector(
            TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off")
        )
    }
)


class MeshOtaConfigFlow(ConfigFlow, domain=DOMAIN):
    """One gateway per entry; its unique id is the gateway's node id."""

    VERSION = 1

    def __init__(self) -> None:
        """Nothing is expected yet."""
        self._form = "user"
        self._typed: dict[str, Any] | None = None
        self._key = b""
        self._called = ""
        self._offered: str | None = None
        self._expectation: GatewayExpectation | None = None
        self._waiting: asyncio.Task[str] | None = None

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        """Show the firmware library."""
        return MeshOtaOptionsFlow()

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the key of a new gateway."""
        return await self._async_ask_for_key("user", user_input)

    @override
    async def async_step_dhcp(self, discovery_info: DhcpServiceInfo) -> ConfigFlowResult:
        """Offer to add a board that has asked the router for an address."""
        if (gateway_id := gateway_id_of(discovery_info)) is None:
            return self.async_abort(reason="not_a_gateway")
        return await self._async_offer(gateway_id)

    @override
    async def async_step_integration_discovery(
        self, discovery_info: DiscoveryInfoType
    ) -> ConfigFlowResult:
        """Offer to add a gateway that has called."""
        return await self._async_offer(str(discovery_info[CONF_GATEWAY_ID]))

    async def _async_offer(self, gateway_id: str) -> ConfigFlowResult:
        await self.async_set_unique_id(gateway_id)
        self._abort_if_unique_id_configured()
        self._offered = gateway_id
        self.context["title_placeholders"] = {"name": f"Gateway {gateway_id}"}
        return await self.async_step_discovered()

    async def async_step_discovered(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the key of the gateway that was found."""
        return await self._async_ask_for_key("discovered", user_input)

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Start over with the key, because the stored one cannot be used."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the new key of a gateway whose stored key cannot be used."""
        return await self._async_ask_for_key("reauth_confirm", user_input)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the new key of a gateway that was erased."""
        return await self._async_ask_for_key("reconfigure", user_input)

    async def _async_ask_for_key(
        self, form: str, user_input: dict[str, Any] | None
    ) -> ConfigFlowResult:
        self._form = form
        if user_input is None:
            return self._show_form()
        self._typed = user_input
        try:
            self._key = decode_setup_key(user_input[CONF_SETUP_KEY])
        except MeshOtaError as err:
            return self._show_form(err.key, **err.placeholders)
        if not self._has_entry:
            self._async_abort_entries_match({CONF_KEY: self._key.hex()})
        elif self._known_entry().data.get(CONF_KEY) == self._key.hex():
            return self._show_form("key_in_use")
        return await self.async_step_wait()

    def _show_form(self, error: str | None = None, **placeholders: str) -> ConfigFlowResult:
        if (wanted := self._wanted_gateway) is not None:
            placeholders["gateway_id"] = wanted
        return self.async_show_form(
            step_id=self._form,
            data_schema=self.add_suggested_values_to_schema(KEY_SCHEMA, self._typed),
            errors={} if error is None else {"base": error},
            description_placeholders=placeholders,
        )

    @property
    def _has_entry(self) -> bool:
        return self.source in (SOURCE_REAUTH, SOURCE_RECONFIGURE)

    @property
    def _wanted_gateway(self) -> str | None:
        """The gateway that this is about, None if the user may add any."""
        return self._known_entry().unique_id if self._has_entry else self._offered

    def _known_entry(self) -> ConfigEntry:
        if self.source == SOURCE_REAUTH:
            return self._get_reauth_entry()
        return self._get_reconfigure_entry()

    async def async_step_wait(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show that we wait, until the gateway has called or the deadline has passed."""
        if self._waiting is None:
            hub = await async_get_hub(self.hass)
            self._expectation = hub.expect_gateway(self._key)
            self._waiting = self.hass.async_create_background_task(
                self._async_first_call(self._expectation), f"{DOMAIN} waits for a gateway"
            )
        if not self._waiting.done():
            return self.async_show_progress(
                step_id="wait",
                progress_action="wait_for_gateway",
                description_placeholders={"seconds": str(PAIRING_DEADLINE)},
                progress_task=self._waiting,
            )
        if self._waiting.exception() is not None:
            return self.async_show_progress_done(next_step_id="silent")
        self._called = self._waiting.result()
        return self.async_show_progress_done(next_step_id="called")

    async def _async_first_call(self, expectation: GatewayExpectation) -> str:
        async with asyncio.timeout(PAIRING_DEADLINE):
            return await expectation.future

    async def async_step_silent(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Go back to the key: no gateway called with this one."""
        self._forget_expectation()
        return self._show_form("gateway_silent", seconds=str(PAIRING_DEADLINE))

    async def async_step_called(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Keep the key: the gateway has opened a session with it."""
        self._forget_expectation()
        if (wanted := self._wanted_gateway) not in (None, self._called):
            return self._show_form("wrong_gateway", found=self._called, expected=str(wanted))
        if not self._has_entry:
            return await self._async_new_entry(self._called)
        return self.async_update_reload_and_abort(
            self._known_entry(), data_updates={CONF_KEY: self._key.hex()}
        )

    async def _async_new_entry(self, gateway_id: str) -> ConfigFlowResult:
        key = {CONF_KEY: self._key.hex()}
        # The same gateway may be on offer as well; that offer ends when this makes the entry.
        await self.async_set_unique_id(gateway_id, raise_on_progress=False)
        # A known gateway with a new key was erased and paired again: it has just proved that key.
        self._abort_if_unique_id_configured(updates=key)
        return self.async_create_entry(title=f"Gateway {gateway_id}", data=key)

    def _forget_expectation(self) -> None:
        if self._expectation is not None:
            self._expectation.cancel()
        self._expectation = None
        self._waiting = None

    @callback
    @override
    def async_remove(self) -> None:
        """Drop the key when the dialog is closed, however it ended."""
        self._forget_expectation()
