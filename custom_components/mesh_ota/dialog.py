"""What every page of the options has in common: the form that comes again with a sentence, and who is sitting before it."""

from __future__ import annotations

import voluptuous as vol

from homeassistant.components.http.const import KEY_HASS_USER
from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.core import callback
from homeassistant.helpers.http import current_request
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

from .errors import MeshOtaError, sentence
from .firmware.record import Firmware
from .translated_errors import async_sentences


class Dialog(OptionsFlow):
    """A part of the options."""

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
                "reason": sentence(await async_sentences(self.hass), err),
            },
        )


@callback
def async_sitting() -> str | None:
    """Return the id of the user whose request this is; None where nobody asks over HTTP."""
    request = current_request.get()
    return None if request is None else request[KEY_HASS_USER].id


def label(firmware: Firmware) -> str:
    """Return a firmware in one line, as it stands in lists and questions; its number is what actions take."""
    return f"{firmware.node_type} {firmware.version} ({firmware.hardware}, #{firmware.id})"


def choice(options: dict[str, str], *, many: bool = False, others: bool = False) -> SelectSelector:
    """Return a list to choose from, by value: label; `others` lets the user write what is not in it."""
    return SelectSelector(
        SelectSelectorConfig(
            options=[SelectOptionDict(value=value, label=text) for value, text in options.items()],
            mode=SelectSelectorMode.DROPDOWN,
            multiple=many,
            custom_value=others,
        )
    )


def number(least: int, most: int, unit: str | None = None) -> NumberSelector:
    """Return a field for a whole number."""
    config = NumberSelectorConfig(min=least, max=most, mode=NumberSelectorMode.BOX)
    if unit is not None:
        config["unit_of_measurement"] = unit
    return NumberSelector(config)
