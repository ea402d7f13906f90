"""The actions on jobs and on the signing key: for administrators, answered with the job or the key.

The words in and out are those of the HTTP API (`docs/gateway-api.md` §7).
"""

from __future__ import annotations

import voluptuous as vol

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_register_admin_service
from homeassistant.util.json import JsonValueType

from .const import DOMAIN
from .hub import async_get_hub
from .job_actions import ROLLOUT_FIELDS, rollout_of
from .targets import ATTR_TARGET_NODE_IDS, NAMED, PLACED, named_nodes, placed_nodes
from .translated_errors import translated_errors

ATTR_DRY_RUN = "dry_run"
ATTR_FIRMWARE_ID = "firmware_id"
ATTR_FORCE_UPDATE = "force_update"
ATTR_JOB_ID = "job_id"
ATTR_PRIVATE_KEY = "private_key"
ATTR_SIGN_DOWNGRADE = "sign_downgrade"
ATTR_TARGET_NODE_TYPE = "target_node_type"

CREATE_JOB_SCHEMA = vol.Schema(
    {
        vol.Required(ATTR_FIRMWARE_ID): cv.positive_int,
        **NAMED,
        **PLACED,
        vol.Exclusive(ATTR_TARGET_NODE_TYPE, "target"): cv.string,
        vol.Optional(ATTR_FORCE_UPDATE, default=False): cv.boolean,
        vol.Optional(ATTR_SIGN_DOWNGRADE, default=False): cv.boolean,
        vol.Optional(ATTR_DRY_RUN, default=False): cv.boolean,
        **ROLLOUT_FIELDS,
    }
)
GO_BACK_SCHEMA = vol.All(
    vol.Schema(NAMED),
    cv.has_at_least_one_key(ATTR_DEVICE_ID, ATTR_TARGET_NODE_IDS),
)
EXPORT_SCHEMA = vol.Schema({vol.Optional(ATTR_PRIVATE_KEY, default=False): cv.boolean})
CANCEL_JOB_SCHEMA = vol.Schema({vol.Required(ATTR_JOB_ID): cv.positive_int})


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions; they work for as long as Home Assistant runs."""

    async def create_job(call: ServiceCall) -> ServiceResponse:
        hub = await async_get_hub(hass)
        with translated_errors():
            rollout = rollout_of(call)
            node_ids = named_nodes(hass, call)
            if node_ids is None:
                firmware = hub.library.get(call.data[ATTR_FIRMWARE_ID])
                node_ids = placed_nodes(hass, hub, call, firmware.node_type)
            if call.data[ATTR_DRY_RUN]:
                return await hub.async_plan_job(
                    call.data[ATTR_FIRMWARE_ID],
                    node_ids=node_ids,
                    node_type=call.data.get(ATTR_TARGET_NODE_TYPE),
                    force=call.data[ATTR_FORCE_UPDATE],
                    rollout=rollout,
                )
            job = await hub.async_create_job(
                call.data[ATTR_FIRMWARE_ID],
                rollout=rollout,
                node_ids=node_ids,
                node_type=call.data.get(ATTR_TARGET_NODE_TYPE),
                force=call.data[ATTR_FORCE_UPDATE],
                sign_downgrade=call.data[ATTR_SIGN_DOWNGRADE],
                actor=call.context.user_id,
            )
        return hub.shown(job)

    async def cancel_job(call: ServiceCall) -> ServiceResponse:
        hub = await async_get_hub(hass)
        with translated_errors():
            job = await hub.async_cancel_job(call.data[ATTR_JOB_ID], actor=call.context.user_id)
        return hub.shown(job)

    async def go_back(call: ServiceCall) -> ServiceResponse:
        hub = await async_get_hub(hass)
        with translated_errors():
            jobs = [
                await hub.async_go_back(node_id, actor=call.context.user_id)
                for node_id in named_nodes(hass, call) or ()
            ]
        return {"jobs": [hub.shown(job) for job in jobs]}

    async def export_signing_key(call: ServiceCall) -> ServiceResponse:
        signer = (await async_get_hub(hass)).signer
        with translated_errors():
            answer: dict[str, JsonValueType] = {
                "key_id": signer.key_id,
                "signing_key": signer.modulus,
                "public_key": await signer.async_public_pem(),
            }
            if call.data[ATTR_PRIVATE_KEY]:
                answer["private_key"] = await signer.async_export()
        return answer

    async def rotate_signing_key(call: ServiceCall) -> ServiceResponse:
        hub = await async_get_hub(hass)
        with translated_errors():
            await hub.async_rotate_signing_key()
        return {"key_id": hub.signer.key_id, "signing_key": hub.signer.modulus}

    for name, action, schema in (
        ("create_job", create_job, CREATE_JOB_SCHEMA),
        ("cancel_job", cancel_job, CANCEL_JOB_SCHEMA),
        ("go_back", go_back, GO_BACK_SCHEMA),
        ("rotate_signing_key", rotate_signing_key, vol.Schema({})),
    ):
        async_register_admin_service(
            hass, DOMAIN, name, action, schema, supports_response=SupportsResponse.OPTIONAL
        )
    async_register_admin_service(
        hass,
        DOMAIN,
        "export_signing_key",
        export_signing_key,
        EXPORT_SCHEMA,
        supports_response=SupportsResponse.ONLY,
    )
