"""What the actions on the signing key do: show it, and exchange it."""

from __future__ import annotations

import voluptuous as vol

from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.helpers import config_validation as cv
from homeassistant.util.json import JsonValueType

from .hub import MeshOta

ATTR_PRIVATE_KEY = "private_key"

EXPORT = vol.Schema({vol.Optional(ATTR_PRIVATE_KEY, default=False): cv.boolean})


async def export_signing_key(hub: MeshOta, call: ServiceCall) -> ServiceResponse:
    """Answer with the public key, and with the private one if it is asked for."""
    signer = hub.signer
    answer: dict[str, JsonValueType] = {
        "key_id": signer.key_id,
        "signing_key": signer.modulus,
        "public_key": await signer.async_public_pem(),
    }
    if call.data[ATTR_PRIVATE_KEY]:
        answer["private_key"] = await signer.async_export()
    return answer


async def rotate_signing_key(hub: MeshOta, call: ServiceCall) -> ServiceResponse:
    """Draw the next key."""
    await hub.async_rotate_signing_key()
    return {"key_id": hub.signer.key_id, "signing_key": hub.signer.modulus}
