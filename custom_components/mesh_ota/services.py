"""The actions `create_job` and `cancel_job`: for administrators, answered with the job.

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
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.service import async_register_admin_service

from .const import DOMAIN
from .devices import node_id_of
from .hub import async_get_hub
from .translated_errors import translated_errors

ATTR_FIRMWARE_ID = "firmware_id"
ATTR_FORCE_UPDATE = "force_update"
ATTR_JOB_ID = "job_id"
ATTR_TARGET_NODE_IDS = "target_node_ids"
ATTR_TARGET_NODE_TYPE = "target_node_type"

CREATE_JOB_SCHEMA = vol.Schema(
    {
        vol.Required(ATTR_FIRMWARE_ID): cv.positive_int,
        vol.Exclusive(ATTR_DEVICE_ID, "target"): vol.All(cv.ensure_list, [cv.string]),
        vol.Exclusive(ATTR_TARGET_NODE_IDS, "target"): vol.All(cv.ensure_list, [cv.string]),
        vol.Exclusive(ATTR_TARGET_NODE_TYPE, "target"): cv.string,
        vol.Optional(ATTR_FORCE_UPDATE, default=False): cv.boolean,
    }
)
CANCEL_JOB_SCHEMA = vol.Schema({vol.Required(ATTR_JOB_ID): cv.positive_int})


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions; they work for as long as Home Assistant runs."""

    async def create_job(call: ServiceCall) -> ServiceResponse:
        hub = await async_get_hub(hass)
        node_ids = call.data.get(ATTR_TARGET_NODE_IDS)
        if ATTR_DEVICE_ID in call.data:
            node_ids = [_node_id_of(hass, device) for device in call.data[ATTR_DEVICE_ID]]
        with translated_errors():
            job = await hub.async_create_job(
                call.data[ATTR_FIRMWARE_ID],
                node_ids=node_ids,
                node_type=call.data.get(ATTR_TARGET_NODE_TYPE),
                force=call.data[ATTR_FORCE_UPDATE],
                actor=call.context.user_id,
            )
        return job.as_dict()

    async def cancel_job(call: ServiceCall) -> ServiceResponse:
        hub = await async_get_hub(hass)
        with translated_errors():
            job = await hub.async_cancel_job(call.data[ATTR_JOB_ID], actor=call.context.user_id)
        return job.as_dict()

    for name, action, schema in (
        ("create_job", create_job, CREATE_JOB_SCHEMA),
        ("cancel_job", cancel_job, CANCEL_JOB_SCHEMA),
    ):
        async_register_admin_service(
            hass, DOMAIN, name, action, schema, supports_response=SupportsResponse.OPTIONAL
        )


def _node_id_of(hass: HomeAssistant, device_id: str) -> str:
    """The node id of a device.

    Raises ServiceValidationError if the device is none of ours.
    """
    device = dr.async_get(hass).async_get(device_id)
    if device is not None and (node_id := node_id_of(device.identifiers)) is not None:
        return node_id
    raise ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="node_not_of_device",
        translation_placeholders={"device": device_id},
    )
