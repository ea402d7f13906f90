"""The firmware library in dialogs: upload a file, see what it is, keep it; edit or delete what is there.

The dialogs only ask and show. What a file is, whether it may be kept and who needs it is decided by
the library.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, override

import voluptuous as vol
from homeassistant.components.file_upload import process_uploaded_file
from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.selector import (
    BooleanSelector,
    FileSelector,
    FileSelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)

from .const import ARDUINO, MICROPYTHON
from .errors import MeshOtaError, NotFound
from .firmware.passport import Passport
from .firmware.record import Firmware
from .hub import async_get_hub
from .passport_page import passport_placeholders
from .translated_errors import async_sentence

CONF_FILE = "file"
CONF_FIRMWARE_ID = "firmware_id"
CONF_IS_STABLE = "is_stable"
CONF_NODE_TYPE = "node_type"
CONF_RELEASE_NOTES = "release_notes"
CONF_RUNTIME = "runtime"
CONF_VERSION = "version"

NOTES = TextSelector(TextSelectorConfig(multiline=True))
UPLOAD_SCHEMA = vol.Schema(
    {vol.Required(CONF_FILE): FileSelector(FileSelectorConfig(accept=".bin,.tar"))}
)
EDIT_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_IS_STABLE, default=False): BooleanSelector(),
        vol.Optional(CONF_RELEASE_NOTES): NOTES,
    }
)


class MeshOtaOptionsFlow(OptionsFlow):
    """The menu of the firmware library; it belongs to the house, whichever gateway it is opened from."""

    def __init__(self) -> None:
        """No file and no firmware is chosen yet."""
        self._staged: Path | None = None
        self._passport: Passport | None = None
        self._firmware_id = 0

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the menu."""
        return self.async_show_menu(step_id="init", menu_options=["upload", "manage"])

    # Upload: file, passport, library.

    async def async_step_upload(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take a file and look into it."""
        if user_input is None:
            return self.async_show_form(step_id="upload", data_schema=UPLOAD_SCHEMA)
        hub = await async_get_hub(self.hass)
        try:
            self._staged = await self.hass.async_add_executor_job(
                _take_over, self.hass, user_input[CONF_FILE]
            )
        except ValueError:
            return self.async_show_form(
                step_id="upload", data_schema=UPLOAD_SCHEMA, errors={"base": "upload_gone"}
            )
        try:
            self._passport = await hub.library.async_inspect(self._staged)
        except MeshOtaError as err:
            self._drop_file()
            return await self._async_refused("upload", UPLOAD_SCHEMA, {}, err)
        return await self.async_step_passport()

    async def async_step_passport(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show what the file is and whom it fits; add it when that is confirmed."""
        passport, path = self._passport, self._staged
        if passport is None or path is None:
            return self.async_abort(reason="upload_gone")
        hub = await async_get_hub(self.hass)
        placeholders = passport_placeholders(passport, path.name, hub.all_nodes())
        schema = self.add_suggested_values_to_schema(
            _passport_schema(passport), user_input or _suggested(passport)
        )
        if user_input is None:
            return self.async_show_form(
                step_id="passport", data_schema=schema, description_placeholders=placeholders
            )
        try:
            firmware = await hub.library.async_add(path, path.name, **user_input)
        except MeshOtaError as err:
            return await self._async_refused("passport", schema, placeholders, err)
        return self.async_abort(
            reason="firmware_added", description_placeholders={"firmware": label(firmware)}
        )

    # Manage: one firmware, its marks and notes, or its end.

    async def async_step_manage(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose a firmware."""
        hub = await async_get_hub(self.hass)
        if not (library := hub.library.list()):
            return self.async_abort(reason="library_empty")
        if user_input is not None:
            self._firmware_id = int(user_input[CONF_FIRMWARE_ID])
            return await self.async_step_firmware()
        options = [SelectOptionDict(value=str(row.id), label=label(row)) for row in library]
        selector = SelectSelector(
            SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN)
        )
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
        """The chosen firmware, None if somebody deleted it meanwhile."""
        hub = await async_get_hub(self.hass)
        try:
            return hub.library.get(self._firmware_id)
        except NotFound:
            return None

    async def _async_refused(
        self, step_id: str, schema: vol.Schema, placeholders: dict[str, str], err: MeshOtaError
    ) -> ConfigFlowResult:
        """Show the form again, under the sentence that says why."""
        return self.async_show_form(
            step_id=step_id,
            data_schema=schema,
            errors={"base": "refused"},
            description_placeholders={
                **placeholders,
                "reason": await async_sentence(self.hass, err),
            },
        )

    def _drop_file(self) -> None:
        if self._staged is not None:
            self.hass.async_add_executor_job(shutil.rmtree, self._staged.parent, True)
        self._staged = None
        self._passport = None

    @callback
    @override
    def async_remove(self) -> None:
        """Leave no uploaded file behind, however the dialog ended."""
        self._drop_file()


def label(firmware: Firmware) -> str:
    """A firmware in one line, as it stands in lists and questions."""
    return f"{firmware.node_type} {firmware.version} ({firmware.hardware})"


def _take_over(hass: HomeAssistant, file_id: str) -> Path:
    """Move the upload out of reach of the upload component, which deletes it. Blocks.

    Raises ValueError if there is no such upload.
    """
    with process_uploaded_file(hass, file_id) as upload:
        staged = Path(tempfile.mkdtemp(prefix="mesh_ota-")) / upload.name
        shutil.move(upload, staged)
    return staged


def _passport_schema(passport: Passport) -> vol.Schema:
    """What the file does not say for sure is asked; its runtime only where it cannot be told."""
    fields: dict[vol.Marker, Any] = {
        vol.Required(CONF_NODE_TYPE): TextSelector(),
        vol.Required(CONF_VERSION): TextSelector(),
    }
    if passport.runtime is None:
        fields[vol.Required(CONF_RUNTIME)] = SelectSelector(
            SelectSelectorConfig(options=[ARDUINO, MICROPYTHON], translation_key="runtime")
        )
    fields[vol.Optional(CONF_RELEASE_NOTES)] = NOTES
    fields[vol.Required(CONF_IS_STABLE, default=False)] = BooleanSelector()
    return vol.Schema(fields)


def _suggested(passport: Passport) -> dict[str, Any]:
    return {CONF_NODE_TYPE: passport.node_type, CONF_VERSION: passport.version}
