"""How an error of ours reaches a person: as Home Assistant's exception, or as a sentence in a dialog.

Whoever asked for the impossible gets a ServiceValidationError (a sentence, no stack trace); what went
wrong on our side is a HomeAssistantError.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.translation import async_get_translations

from .const import DOMAIN
from .errors import MeshOtaError, StorageFailed


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise what is raised inside as Home Assistant's own exception with our translation."""
    try:
        yield
    except MeshOtaError as err:
        kind = HomeAssistantError if isinstance(err, StorageFailed) else ServiceValidationError
        raise kind(
            translation_domain=DOMAIN,
            translation_key=err.key,
            translation_placeholders=err.placeholders,
        ) from err


async def async_sentences(hass: HomeAssistant) -> dict[str, str]:
    """Every error's sentence by key, in the language of this Home Assistant."""
    prefix = f"component.{DOMAIN}.exceptions."
    texts = await async_get_translations(hass, hass.config.language, "exceptions", [DOMAIN])
    return {key.removeprefix(prefix).removesuffix(".message"): text for key, text in texts.items()}
