"""The pages of the options that make a job: a firmware and its nodes are chosen, the flight plan is shown, and confirmed.

What the plan says is `jobs.flight_plan`'s; here it is only put into lines.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import voluptuous as vol

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import BooleanSelector
from homeassistant.util import dt as dt_util

from .dialog import Dialog, async_sitting, choice, label
from .errors import MeshOtaError
from .hub import MeshOta, async_get_hub
from .jobs.rollout import Rollout
from .passport_page import NODES_SHOWN, NOT_SAID, plain

CONF_FIRMWARE_ID = "firmware_id"
CONF_NODES = "nodes"
CONF_FORCE = "force_update"
CONF_AS_POLICY = "as_policy"


class PlanDialog(Dialog):
    """The pages `install` and `plan`."""

    _wanted: dict[str, Any]
    _firmware_chosen = 0

    async def async_step_install(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose a firmware and who gets it."""
        hub = await async_get_hub(self.hass)
        if not hub.library.list():
            return self.async_abort(reason="library_empty")
        schema = self.add_suggested_values_to_schema(_install_schema(hub), user_input)
        if user_input is None:
            return self.async_show_form(step_id="install", data_schema=schema)
        self._firmware_chosen = int(user_input[CONF_FIRMWARE_ID])
        try:
            firmware = hub.library.get(self._firmware_chosen)
            stages = hub.policies.get(firmware.node_type).rollout
            self._wanted = {
                "node_ids": user_input.get(CONF_NODES) or None,
                "force": user_input[CONF_FORCE],
                "rollout": stages if user_input[CONF_AS_POLICY] else Rollout(),
            }
            return await self._async_show_plan(hub)
        except MeshOtaError as err:
            return await self._async_refused("install", schema, {}, err)

    async def async_step_plan(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Make the job that was shown."""
        hub = await async_get_hub(self.hass)
        try:
            job = await hub.async_create_job(
                self._firmware_chosen, actor=async_sitting(), **self._wanted
            )
        except MeshOtaError as err:
            return await self._async_refused("plan", vol.Schema({}), self._placeholders, err)
        return self.async_abort(reason="job_created", description_placeholders={"job": str(job.id)})

    async def _async_show_plan(self, hub: MeshOta) -> ConfigFlowResult:
        firmware = hub.library.get(self._firmware_chosen)
        plan = await hub.async_plan_job(firmware.id, **self._wanted)
        self._placeholders = {
            "firmware": label(firmware),
            "size": f"{firmware.size_bytes / 1024:.1f} KiB",
            "eligible": str(plan["eligible"]),
            "count": str(len(plan["nodes"])),
            "ends": _moment(plan["ends_at"]),
            "nodes": _lines(plan["nodes"]),
        }
        return self.async_show_form(
            step_id="plan",
            data_schema=vol.Schema({}),
            description_placeholders=self._placeholders,
        )


def _install_schema(hub: MeshOta) -> vol.Schema:
    library = {str(row.id): label(row) for row in hub.library.list()}
    known = [node for node in hub.nodes.nodes.values() if node.introduced]
    nodes = {node.node_id: f"{node.name or node.node_type} ({node.node_id})" for node in known}
    return vol.Schema(
        {
            vol.Required(CONF_FIRMWARE_ID): choice(library),
            vol.Optional(CONF_NODES): choice(nodes, many=True),
            vol.Required(CONF_AS_POLICY, default=True): BooleanSelector(),
            vol.Required(CONF_FORCE, default=False): BooleanSelector(),
        }
    )


def _lines(legs: list[dict[str, Any]]) -> str:
    """Return the rows of the plan's table, in the order of the flight."""
    more = [f"| | … + {len(legs) - NODES_SHOWN} | | | |"] if len(legs) > NODES_SHOWN else []
    return "\n".join([_line(leg) for leg in legs[:NODES_SHOWN]] + more)


def _line(leg: dict[str, Any]) -> str:
    sign = "✅" if leg["order"] else "⏳" if leg["eligible"] else "❌"
    why = (leg["message"] or "").replace("|", " ").replace("<", " ").replace("\n", " ")
    name = plain(leg["name"] or "")
    minutes = NOT_SAID if leg["minutes"] is None else f"{leg['minutes']:.1f}"
    return (
        f"| {leg['order'] or NOT_SAID} | {name} ({leg['node_id']}) | {sign} {why} "
        f"| {minutes} | {_moment(leg['ends_at'])} |"
    )


def _moment(text: str | None) -> str:
    """Return a time as the house's clock shows it."""
    if text is None:
        return NOT_SAID
    return dt_util.as_local(datetime.fromisoformat(text)).strftime("%Y-%m-%d %H:%M")
