"""Two pages of a dialog: a firmware file comes in, and is shown for what it is before it is kept.

What a file is and whether it may be kept is decided by the library.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, override

import voluptuous as vol

from homeassistant.components.file_upload import process_uploaded_file
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.selector import (
    BooleanSelector,
    FileSelector,
    FileSelectorConfig,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
)

from .const import ARDUINO, IMAGE_MAX, MICROPYTHON
from .dialog import Dialog, choice, label
from .errors import MeshOtaError, NotFound, StorageFailed, TooLarge
from .firmware.passport import Passport
from .hub import async_get_hub
from .nodes import Node
from .passport_page import async_words, passport_placeholders

CONF_FILE = "file"
CONF_IS_ESP8266 = "is_esp8266"
CONF_IS_STABLE = "is_stable"
CONF_NODE_TYPE = "node_type"
CONF_RELEASE_NOTES = "release_notes"
CONF_RUNTIME = "runtime"
CONF_VERSION = "version"

NOTES = TextSelector(TextSelectorConfig(multiline=True))
UPLOAD_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_FILE): FileSelector(FileSelectorConfig(accept=".bin,.tar")),
        # Everything else says by itself what it is for.
        vol.Required(CONF_IS_ESP8266, default=False): BooleanSelector(),
    }
)


@dataclass(frozen=True)
class Upload:
    """A file that was looked into and is not in the library yet."""

    path: Path
    filename: str
    hardware: str | None
    passport: Passport


class UploadDialog(Dialog):
    """The pages `upload` and `passport`."""

    _upload: Upload
    _staged: Path | None = None

    async def async_step_upload(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take a file and look into it."""
        if user_input is None:
            return self.async_show_form(step_id="upload", data_schema=UPLOAD_SCHEMA)
        hub = await async_get_hub(self.hass)
        try:
            self._staged = path = await hub.library.async_part_path()
            filename = await self.hass.async_add_executor_job(
                _take_over, self.hass, user_input[CONF_FILE], path
            )
            hardware = "ESP8266" if user_input[CONF_IS_ESP8266] else None
            passport = await hub.library.async_inspect(path, hardware)
            self._upload = Upload(path, filename, hardware, passport)
        except MeshOtaError as err:
            self._drop_file()
            return await self._async_refused("upload", UPLOAD_SCHEMA, {}, err)
        return await self.async_step_passport()

    async def async_step_passport(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show what the file is and whom it fits; add it when that is confirmed."""
        upload = self._upload
        hub = await async_get_hub(self.hass)
        # Not whoever passes by: anybody in the mesh can make up node ids.
        nodes = [node for node in hub.nodes.nodes.values() if node.introduced]
        placeholders = passport_placeholders(
            upload.passport, upload.filename, nodes, await async_words(self.hass)
        )
        schema = self.add_suggested_values_to_schema(
            _passport_schema(upload.passport, nodes), user_input
        )
        if user_input is None:
            return self.async_show_form(
                step_id="passport", data_schema=schema, description_placeholders=placeholders
            )
        try:
            firmware = await hub.library.async_add(
                upload.path, upload.filename, hardware=upload.hardware, **user_input
            )
        except MeshOtaError as err:
            return await self._async_refused("passport", schema, placeholders, err)
        return self.async_abort(
            reason="firmware_added", description_placeholders={"firmware": label(firmware)}
        )

    def _drop_file(self) -> None:
        if self._staged is not None:
            self.hass.async_add_executor_job(_delete, self._staged)
        self._staged = None

    @callback
    @override
    def async_remove(self) -> None:
        """Leave no uploaded file behind, however the dialog ended."""
        self._drop_file()


def _take_over(hass: HomeAssistant, file_id: str, path: Path) -> str:
    """Move the upload to a path of ours, before its component deletes it; its file name. Blocks.

    Raises NotFound (there is no such upload), TooLarge or StorageFailed.
    """
    try:
        with process_uploaded_file(hass, file_id) as upload:
            # Looked at before it is moved: it may be a move to another, smaller disk.
            if upload.stat().st_size > IMAGE_MAX:
                raise TooLarge("image_too_large", most=IMAGE_MAX // 2**20)
            shutil.move(upload, path)
            return upload.name
    except ValueError as err:
        raise NotFound("upload_gone") from err
    except OSError as err:
        raise StorageFailed("storage_failed", reason=err.strerror or str(err)) from err


def _delete(path: Path) -> None:
    path.unlink(missing_ok=True)


def _passport_schema(passport: Passport, nodes: Iterable[Node]) -> vol.Schema:
    """Ask what the file does not say by itself; its runtime only where it cannot be told."""
    fields: dict[vol.Marker, Any] = {}
    if passport.node_type is None:
        types = sorted({node.node_type for node in nodes if node.node_type})
        fields[vol.Required(CONF_NODE_TYPE)] = choice({each: each for each in types}, others=True)
    if passport.version is None:
        fields[vol.Required(CONF_VERSION)] = TextSelector()
    if passport.runtime is None:
        fields[vol.Required(CONF_RUNTIME)] = SelectSelector(
            SelectSelectorConfig(options=[ARDUINO, MICROPYTHON], translation_key="runtime")
        )
    fields[vol.Optional(CONF_RELEASE_NOTES)] = NOTES
    fields[vol.Required(CONF_IS_STABLE, default=False)] = BooleanSelector()
    return vol.Schema(fields)
