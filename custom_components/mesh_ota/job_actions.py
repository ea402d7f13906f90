"""What the actions on jobs and policies do: make, end, hold, do again, list. The words are those of the HTTP API.

Each returns its answer, and raises MeshOtaError; the table of them is in `services`.
"""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.helpers import config_validation as cv

from .actors import async_actor
from .hub import MeshOta
from .jobs.rollout import read_rollout
from .jobs.states import JobStatus
from .nodes import Node
from .targets import ATTR_TARGET_NODE_TYPE, TARGETS, some_target, target_nodes

ATTR_DRY_RUN = "dry_run"
ATTR_FIRMWARE_ID = "firmware_id"
ATTR_FORCE_UPDATE = "force_update"
ATTR_JOB_ID = "job_id"
ATTR_NODE_TYPE = "node_type"
ATTR_SIGN_DOWNGRADE = "sign_downgrade"
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
CREATE_JOB = vol.Schema(
    {
        vol.Required(ATTR_FIRMWARE_ID): cv.positive_int,
        **TARGETS,
        vol.Optional(ATTR_FORCE_UPDATE, default=False): cv.boolean,
        vol.Optional(ATTR_SIGN_DOWNGRADE, default=False): cv.boolean,
        vol.Optional(ATTR_DRY_RUN, default=False): cv.boolean,
        **ROLLOUT_FIELDS,
    }
)
GO_BACK = vol.All(vol.Schema(TARGETS), some_target)
JOB = vol.Schema({vol.Required(ATTR_JOB_ID): cv.positive_int})
POLICY = vol.Schema(
    {
        vol.Required(ATTR_NODE_TYPE): cv.string,
        vol.Optional("auto_update"): cv.boolean,
        vol.Optional("delay_hours"): cv.positive_int,
        **ROLLOUT_FIELDS,
    }
)
LIST_JOBS = vol.Schema({vol.Optional(ATTR_STATUS): vol.In([str(each) for each in JobStatus])})


def _actor(call: ServiceCall) -> str | None:
    return async_actor(call.hass, call.context)


def stages_of(call: ServiceCall) -> dict[str, Any]:
    """Return what the call says of how to go about the nodes, in the words of `read_rollout`."""
    said = {str(field): call.data[field] for field in ROLLOUT_FIELDS if field in call.data}
    if "go_back_if_unhealthy" in said:
        said["go_back"] = said.pop("go_back_if_unhealthy")
    return said


async def create_job(hub: MeshOta, call: ServiceCall) -> ServiceResponse:
    """Make a job and answer with it, or with its flight plan if it is only to be planned."""
    firmware_id = call.data[ATTR_FIRMWARE_ID]
    node_type = call.data.get(ATTR_TARGET_NODE_TYPE)

    def alike(node: Node) -> bool:
        return node.node_type == hub.library.get(firmware_id).node_type

    wanted: dict[str, Any] = {
        "rollout": read_rollout(stages_of(call)),
        # What is for a whole type is for those too that turn up later.
        "node_ids": None if node_type else target_nodes(hub, call, alike),
        "node_type": node_type,
        "force": call.data[ATTR_FORCE_UPDATE],
    }
    if call.data[ATTR_DRY_RUN]:
        return await hub.async_plan_job(firmware_id, **wanted)
    job = await hub.async_create_job(
        firmware_id,
        sign_downgrade=call.data[ATTR_SIGN_DOWNGRADE],
        actor=_actor(call),
        **wanted,
    )
    return hub.shown(job)


async def cancel_job(hub: MeshOta, call: ServiceCall) -> ServiceResponse:
    """Cancel one."""
    return hub.shown(await hub.async_cancel_job(call.data[ATTR_JOB_ID], _actor(call)))


async def retry_job(hub: MeshOta, call: ServiceCall) -> ServiceResponse:
    """Do again what failed in one; the answer is the new one."""
    return hub.shown(await hub.async_retry_job(call.data[ATTR_JOB_ID], _actor(call)))


async def pause_job(hub: MeshOta, call: ServiceCall) -> ServiceResponse:
    """Hold one."""
    return hub.shown(await hub.async_pause_job(call.data[ATTR_JOB_ID], _actor(call)))


async def resume_job(hub: MeshOta, call: ServiceCall) -> ServiceResponse:
    """Let one go on."""
    return hub.shown(await hub.async_resume_job(call.data[ATTR_JOB_ID], _actor(call)))


async def go_back(hub: MeshOta, call: ServiceCall) -> ServiceResponse:
    """Bring nodes back to what lies in their other slots: a job for each, or none at all if one of them cannot."""
    node_ids = target_nodes(hub, call, lambda node: node.can_go_back) or ()
    jobs = await hub.async_go_back(node_ids, _actor(call))
    return {"jobs": [hub.shown(job) for job in jobs]}


async def list_jobs(hub: MeshOta, call: ServiceCall) -> ServiceResponse:
    """Answer with all jobs, or those in one state."""
    status = call.data.get(ATTR_STATUS)
    jobs = hub.jobs(None if status is None else JobStatus(status))
    return {"jobs": [hub.shown(job) for job in jobs]}


async def set_policy(hub: MeshOta, call: ServiceCall) -> ServiceResponse:
    """Say what shall happen by itself to the nodes of a type; what is not said stays as it is."""
    node_type = call.data[ATTR_NODE_TYPE]
    said = {name: call.data[name] for name in ("auto_update", "delay_hours") if name in call.data}
    if stages := stages_of(call):
        said["rollout"] = hub.policies.get(node_type).rollout.stored() | stages
    policy = await hub.policies.async_set(node_type, said)
    return policy.as_dict()
