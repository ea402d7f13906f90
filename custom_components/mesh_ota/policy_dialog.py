"""The pages of the options on what happens by itself and what is kept: per node type, and for the house."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    SelectSelector,
    SelectSelectorConfig,
    TemplateSelector,
    TextSelector,
    TimeSelector,
)

from .const import GATEWAY_TYPE, NODES_MAX
from .dialog import Dialog, choice, number
from .errors import MeshOtaError
from .hub import async_get_hub
from .jobs.rollout import SOAK_MAX
from .policies import DELAY_MAX, Policy
from .retention import BOUNDS

CONF_NODE_TYPE = "node_type"
# As people say them; 0 is Monday for the job.
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
OF_POLICY = ("auto_update", "delay_hours")
OF_WINDOW = ("start", "end", "entity_id", "entity_state", "template")
COUNTS = ("delay_hours", "canary", "soak_minutes", "stop_after", "stop_percent", "max_parallel")
OF_ROLLOUT = (*COUNTS[1:], "leaves_first", "health_entities", "go_back")

POLICY_SCHEMA = vol.Schema(
    {
        vol.Required("auto_update", default=False): BooleanSelector(),
        vol.Required("delay_hours", default=24): number(0, DELAY_MAX, "h"),
        vol.Optional("weekdays"): SelectSelector(
            SelectSelectorConfig(options=WEEKDAYS, multiple=True, translation_key="weekday")
        ),
        vol.Optional("start"): TimeSelector(),
        vol.Optional("end"): TimeSelector(),
        vol.Optional("entity_id"): EntitySelector(),
        vol.Optional("entity_state"): TextSelector(),
        vol.Optional("template"): TemplateSelector(),
        vol.Required("canary", default=0): number(0, NODES_MAX),
        vol.Required("soak_minutes", default=0): number(0, SOAK_MAX, "min"),
        vol.Optional("health_entities"): EntitySelector(EntitySelectorConfig(multiple=True)),
        vol.Required("go_back", default=False): BooleanSelector(),
        vol.Optional("stop_after"): number(1, NODES_MAX),
        vol.Optional("stop_percent"): number(1, 100, "%"),
        vol.Optional("max_parallel"): number(1, NODES_MAX),
        vol.Required("leaves_first", default=False): BooleanSelector(),
    }
)
RETENTION_SCHEMA = vol.Schema(
    {
        vol.Required("library_mib"): number(*BOUNDS["library_mib"], "MiB"),
        vol.Required("jobs_days"): number(*BOUNDS["jobs_days"], "d"),
        vol.Required("history_days"): number(*BOUNDS["history_days"], "d"),
    }
)


class PolicyDialog(Dialog):
    """The pages `policies`, `policy` and `retention`."""

    _node_type = ""

    async def async_step_policies(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose a node type."""
        if user_input is not None:
            self._node_type = user_input[CONF_NODE_TYPE]
            return await self.async_step_policy()
        hub = await async_get_hub(self.hass)
        types = {node.node_type for node in hub.nodes.nodes.values() if node.node_type}
        types |= {policy.node_type for policy in hub.policies.everything()} | {GATEWAY_TYPE}
        field = choice({each: each for each in sorted(types)}, others=True)
        return self.async_show_form(
            step_id="policies", data_schema=vol.Schema({vol.Required(CONF_NODE_TYPE): field})
        )

    async def async_step_policy(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Say what happens to its nodes by itself, when, and in which stages."""
        hub = await async_get_hub(self.hass)
        policy = hub.policies.get(self._node_type)
        schema = self.add_suggested_values_to_schema(POLICY_SCHEMA, user_input or _shown(policy))
        placeholders = {CONF_NODE_TYPE: self._node_type}
        if user_input is None:
            return self.async_show_form(
                step_id="policy", data_schema=schema, description_placeholders=placeholders
            )
        try:
            await hub.policies.async_set(self._node_type, _said(policy, user_input))
        except MeshOtaError as err:
            return await self._async_refused("policy", schema, placeholders, err)
        return self.async_abort(reason="policy_set", description_placeholders=placeholders)

    async def async_step_retention(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say how much of the past is kept."""
        hub = await async_get_hub(self.hass)
        shown = user_input or hub.policies.retention.as_dict()
        schema = self.add_suggested_values_to_schema(RETENTION_SCHEMA, shown)
        if user_input is None:
            return self.async_show_form(step_id="retention", data_schema=schema)
        try:
            await hub.policies.async_keep({name: int(user_input[name]) for name in user_input})
        except MeshOtaError as err:
            return await self._async_refused("retention", schema, {}, err)
        return self.async_abort(reason="retention_set")


def _shown(policy: Policy) -> dict[str, Any]:
    """Return the fields of the page, as the policy has them."""
    rollout = policy.rollout.stored()
    window = rollout["window"] or {}
    shown = {name: getattr(policy, name) for name in OF_POLICY}
    shown |= {name: rollout[name] for name in OF_ROLLOUT}
    shown |= {name: window.get(name) for name in OF_WINDOW}
    shown["weekdays"] = [WEEKDAYS[day] for day in window.get("weekdays", ())]
    shown["health_entities"] = list(rollout["health_entities"])
    return {name: value for name, value in shown.items() if value not in (None, [])}


def _said(policy: Policy, page: dict[str, Any]) -> dict[str, Any]:
    """Return the policy that the page says, as `Policies.async_set` takes it; what the page does not show stays."""
    fields: dict[str, Any] = {
        name: int(value) if name in COUNTS else value for name, value in page.items()
    }
    window: dict[str, Any] = {name: fields[name] for name in OF_WINDOW if fields.get(name)}
    if days := fields.get("weekdays"):
        window["weekdays"] = [WEEKDAYS.index(day) for day in days]
    said = {name: fields[name] for name in OF_POLICY}
    rollout = policy.rollout.stored() | {name: fields.get(name) for name in OF_ROLLOUT}
    return said | {"rollout": rollout | {"window": window or None}}
