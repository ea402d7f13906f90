"""The actions on jobs and firmware that are there: list for everybody, hold, do again and delete for administrators.

The words in and out are those of the HTTP API (`docs/gateway-api.md` §7).
"""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_register_admin_service

from .const import DOMAIN
from .hub import async_get_hub
from .jobs.rollout import Rollout, read_rollout
from .jobs.states import JobStatus
from .translated_errors import translated_errors

ATTR_FIRMWARE_ID = "firmware_id"
ATTR_JOB_ID = "job_id"
ATTR_NODE_TYPE = "node_type"
ATTR_STATUS = "status"

ROLLOUT_FIELDS: dict[Any, Any] = {
    vol.Optional("canary"): cv.positive_int,
    vol.Optional("canary_node_ids"): vol.All(cv.ensure_list, [cv.string]),
    vol.Optional("soak_minutes"): cv.positive_int,
    vol.Optional("stop_after"): cv.positive_int,
    vol.Optional("stop_percent"): cv.positive_int,
    vol.Optional("max_parallel"): cv.positive_int,
    vol.Optional("leaves_first"): cv.boolean,
    vol.Optional("window"): dict,
    vol.Optional("health_entities"): vol.All(cv.ensure_list, [cv.entity_id]),
    vol.Optional("go_back_if_unhealthy"): cv.boolean,
}
"""Fields of `create_job` beside its target; what they may hold is checked where the HTTP API's is."""
JOB = vol.Schema({vol.Required(ATTR_JOB_ID): cv.positive_int})
FIRMWARE = vol.Schema({vol.Required(ATTR_FIRMWARE_ID): cv.positive_int})
POLICY = vol.Schema(
    {
        vol.Required(ATTR_NODE_TYPE): cv.string,
        vol.Optional("auto_update"): cv.boolean,
        vol.Optional("delay_hours"): cv.positive_int,
        **ROLLOUT_FIELDS,
    }
)
LIST_JOBS = vol.Schema({vol.Optional(ATTR_STATUS): vol.In([str(each) for each in JobStatus])})
LIST_FIRMWARE = vol.Schema({vol.Optional(ATTR_NODE_TYPE): cv.string})


def rollout_of(call: ServiceCall) -> Rollout:
    """Return how the job shall go about its nodes. Raises InvalidRequest."""
    said = {str(field): call.data[field] for field in ROLLOUT_FIELDS if field in call.data}
    if "go_back_if_unhealthy" in said:
        said["go_back"] = said.pop("go_back_if_unhealthy")
    return read_rollout(said)


@callback
def async_setup_job_actions(hass: HomeAssistant) -> None:
    """Register them; they work for as long as Home Assistant runs."""

    async def hold_or_retry(call: ServiceCall) -> ServiceResponse:
        hub, number = await async_get_hub(hass), call.data[ATTR_JOB_ID]
        with translated_errors():
            if call.service == "retry_job":
                job = await hub.async_retry_job(number, call.context.user_id)
            elif call.service == "pause_job":
                job = await hub.async_pause_job(number)
            else:
                job = await hub.async_resume_job(number)
        return hub.shown(job)

    async def delete_firmware(call: ServiceCall) -> ServiceResponse:
        hub = await async_get_hub(hass)
        with translated_errors():
            row = await hub.library.async_delete(call.data[ATTR_FIRMWARE_ID])
        return row.as_dict()

    async def set_policy(call: ServiceCall) -> ServiceResponse:
        hub = await async_get_hub(hass)
        said = {
            name: call.data[name] for name in ("auto_update", "delay_hours") if name in call.data
        }
        with translated_errors():
            rollout = rollout_of(call)
            if rollout != Rollout():
                said["rollout"] = rollout.stored()
            policy = await hub.policies.async_set(call.data[ATTR_NODE_TYPE], said)
        return policy.as_dict()

    async def list_jobs(call: ServiceCall) -> ServiceResponse:
        hub, status = await async_get_hub(hass), call.data.get(ATTR_STATUS)
        jobs = hub.jobs(None if status is None else JobStatus(status))
        return {"jobs": [hub.shown(job) for job in jobs]}

    async def list_firmware(call: ServiceCall) -> ServiceResponse:
        hub = await async_get_hub(hass)
        rows = hub.library.list(call.data.get(ATTR_NODE_TYPE))
        return {"firmware": [row.as_dict() for row in rows]}

    for name, action, schema in (
        ("retry_job", hold_or_retry, JOB),
        ("pause_job", hold_or_retry, JOB),
        ("resume_job", hold_or_retry, JOB),
        ("delete_firmware", delete_firmware, FIRMWARE),
        ("set_policy", set_policy, POLICY),
    ):
        async_register_admin_service(
            hass, DOMAIN, name, action, schema, supports_response=SupportsResponse.OPTIONAL
        )
    for name, action, schema in (
        ("list_jobs", list_jobs, LIST_JOBS),
        ("list_firmware", list_firmware, LIST_FIRMWARE),
    ):
        hass.services.async_register(
            DOMAIN, name, action, schema, supports_response=SupportsResponse.ONLY
        )
