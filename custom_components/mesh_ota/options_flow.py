"""The options of an entry: their menu, the pages that edit or delete a firmware, and signing.

Library, policies and signing key belong to the house, whichever gateway's entry they are opened from.
"""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import BooleanSelector

from .dialog import choice, label
from .errors import MeshOtaError, NotFound
from .firmware.record import Firmware
from .hub import async_get_hub
from .passport_page import NOT_SAID
from .plan_dialog import CONF_FIRMWARE_ID, PlanDialog
from .policy_dialog import PolicyDialog
from .upload_dialog import CONF_IS_STABLE, CONF_RELEASE_NOTES, NOTES, UploadDialog

MENU = ["upload", "manage", "install", "policies", "retention", "signing"]
CONF_SIGN_FIRMWARE = "sign_firmware"
EDIT_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_IS_STABLE, default=False): BooleanSelector(),
        vol.Optional(CONF_RELEASE_NOTES): NOTES,
    }
)


class MeshOtaOptionsFlow(UploadDialog, PlanDialog, PolicyDialog):
    """The menu, and what can be done with a firmware that is there."""

    _firmware_id = 0

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the menu."""
        return self.async_show_menu(step_id="init", menu_options=MENU)

    async def async_step_signing(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Turn signing on or off; show the public key."""
        hub = await async_get_hub(self.hass)
        if user_input is not None:
            await hub.async_turn_signing(user_input[CONF_SIGN_FIRMWARE])
            return self.async_abort(reason="signing_on" if hub.signer.enabled else "signing_off")
        field = vol.Required(CONF_SIGN_FIRMWARE, default=hub.signer.enabled)
        return self.async_show_form(
            step_id="signing",
            data_schema=vol.Schema({field: BooleanSelector()}),
            description_placeholders={
                "key_id": hub.signer.key_id or NOT_SAID,
                "public_key": hub.signer.modulus or hub.worded("signing_no_key", {}) or NOT_SAID,
            },
        )

    async def async_step_manage(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose a firmware."""
        hub = await async_get_hub(self.hass)
        if not (library := hub.library.list()):
            return self.async_abort(reason="library_empty")
        if user_input is not None:
            self._firmware_id = int(user_input[CONF_FIRMWARE_ID])
            return await self.async_step_firmware()
        selector = choice({str(row.id): label(row) for row in library})
        return self.async_show_form(
            step_id="manage", data_schema=vol.Schema({vol.Required(CONF_FIRMWARE_ID): selector})
        )

    async def async_step_firmware(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose what to do with it."""
        if (firmware := await self._async_chosen()) is None:
            return self.async_abort(reason="firmware_gone")
        return self.async_show_menu(
            step_id="firmware",
            menu_options=["edit", "delete"],
            description_placeholders={"firmware": label(firmware)},
        )

    async def async_step_edit(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Mark as stable, edit the notes."""
        if (firmware := await self._async_chosen()) is None:
            return self.async_abort(reason="firmware_gone")
        schema = self.add_suggested_values_to_schema(EDIT_SCHEMA, user_input or firmware.as_dict())
        placeholders = {"firmware": label(firmware)}
        if user_input is None:
            return self.async_show_form(
                step_id="edit", data_schema=schema, description_placeholders=placeholders
            )
        hub = await async_get_hub(self.hass)
        try:
            firmware = await hub.library.async_update(
                firmware.id,
                is_stable=user_input[CONF_IS_STABLE],
                release_notes=user_input.get(CONF_RELEASE_NOTES, ""),
            )
        except MeshOtaError as err:
            return await self._async_refused("edit", schema, placeholders, err)
        return self.async_abort(reason="firmware_changed", description_placeholders=placeholders)

    async def async_step_delete(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask once more, then delete."""
        if (firmware := await self._async_chosen()) is None:
            return self.async_abort(reason="firmware_gone")
        placeholders = {"firmware": label(firmware)}
        schema = vol.Schema({})
        if user_input is None:
            return self.async_show_form(
                step_id="delete", data_schema=schema, description_placeholders=placeholders
            )
        hub = await async_get_hub(self.hass)
        try:
            await hub.library.async_delete(firmware.id)
        except MeshOtaError as err:
            return await self._async_refused("delete", schema, placeholders, err)
        return self.async_abort(reason="firmware_deleted", description_placeholders=placeholders)

    async def _async_chosen(self) -> Firmware | None:
        """Return the chosen firmware, None if somebody deleted it meanwhile."""
        hub = await async_get_hub(self.hass)
        try:
            return hub.library.get(self._firmware_id)
        except NotFound:
            return None
