"""The actions: one table of what there is, who may call it and what it takes. What each does stands in the `*_actions` files.

They are registered once and work for as long as Home Assistant runs; what goes wrong is told in the user's language.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers.service import async_register_admin_service

from . import firmware_actions as firmware, job_actions as jobs, key_actions as keys
from .const import DOMAIN
from .hub import MeshOta, async_get_hub
from .translated_errors import translated_errors


@dataclass(frozen=True, slots=True)
class Action:
    """One action."""

    name: str
    serve: Callable[[MeshOta, ServiceCall], Awaitable[ServiceResponse]]
    schema: vol.Schema | vol.All[Any]
    answers: SupportsResponse = SupportsResponse.OPTIONAL
    for_everybody: bool = False
    """Whether others than administrators may call it; never where something changes."""


ONLY = SupportsResponse.ONLY
ACTIONS = (
    Action("create_job", jobs.create_job, jobs.CREATE_JOB),
    Action("cancel_job", jobs.cancel_job, jobs.JOB),
    Action("retry_job", jobs.retry_job, jobs.JOB),
    Action("pause_job", jobs.pause_job, jobs.JOB),
    Action("resume_job", jobs.resume_job, jobs.JOB),
    Action("go_back", jobs.go_back, jobs.GO_BACK),
    Action("list_jobs", jobs.list_jobs, jobs.LIST_JOBS, ONLY, for_everybody=True),
    Action("set_policy", jobs.set_policy, jobs.POLICY),
    Action("upload_firmware", firmware.upload_firmware, firmware.UPLOAD_FIRMWARE),
    Action("delete_firmware", firmware.delete_firmware, firmware.FIRMWARE),
    Action(
        "list_firmware", firmware.list_firmware, firmware.LIST_FIRMWARE, ONLY, for_everybody=True
    ),
    Action("export_signing_key", keys.export_signing_key, keys.EXPORT, ONLY),
    Action("rotate_signing_key", keys.rotate_signing_key, vol.Schema({})),
)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register all of the table."""
    for action in ACTIONS:
        _register(hass, action)


def _register(hass: HomeAssistant, action: Action) -> None:
    async def serve(call: ServiceCall) -> ServiceResponse:
        hub = await async_get_hub(hass)
        with translated_errors():
            return await action.serve(hub, call)

    if action.for_everybody:
        hass.services.async_register(
            DOMAIN, action.name, serve, action.schema, supports_response=action.answers
        )
    else:
        async_register_admin_service(
            hass, DOMAIN, action.name, serve, action.schema, supports_response=action.answers
        )
