"""What happens by itself and what is kept, set in the options."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.mesh_ota.errors import StorageFailed
from custom_components.mesh_ota.hub import MeshOta
from custom_components.mesh_ota.jobs.rollout import Rollout, Window
from homeassistant.core import HomeAssistant

from .gateway_client import GatewayClient
from .test_options_flow import menu, submit

pytestmark = pytest.mark.usefixtures("checked_translations")

DEFAULTS = {
    "auto_update": False,
    "delay_hours": 24,
    "canary": 0,
    "soak_minutes": 0,
    "leaves_first": False,
    "go_back": False,
}
WHOLE = {
    "auto_update": True,
    "delay_hours": 48.0,
    "weekdays": ["sat", "sun"],
    "start": "22:00:00",
    "end": "06:00:00",
    "entity_id": "alarm_control_panel.house",
    "entity_state": "armed_away",
    "template": "{{ true }}",
    "canary": 1.0,
    "soak_minutes": 30.0,
    "health_entities": ["binary_sensor.hall_motion"],
    "go_back": True,
    "stop_after": 2.0,
    "stop_percent": 50.0,
    "max_parallel": 2.0,
    "leaves_first": True,
}
ROLLOUT = Rollout(
    canary=1,
    soak_minutes=30,
    stop_after=2,
    stop_percent=50,
    leaves_first=True,
    max_parallel=2,
    window=Window(
        weekdays=(5, 6),
        start="22:00:00",
        end="06:00:00",
        entity_id="alarm_control_panel.house",
        entity_state="armed_away",
        template="{{ true }}",
    ),
    health_entities=("binary_sensor.hall_motion",),
    go_back=True,
)


def suggested(flow: Any) -> dict[str, Any]:
    """What the page shows."""
    fields = flow["data_schema"].schema
    return {
        str(key): key.description["suggested_value"]
        for key in fields
        if key.description and "suggested_value" in key.description
    }


async def page(hass: HomeAssistant, entry: MockConfigEntry, node_type: str = "pir") -> Any:
    """The page of a type."""
    flow = await menu(hass, entry, "policies")
    return await submit(hass, flow, {"node_type": node_type})


async def test_the_types_that_there_are_are_offered(
    hass: HomeAssistant, paired: MockConfigEntry, caller: GatewayClient, hub: MeshOta
):
    """And those for which something was set already."""
    await caller.report_node("2222222222")
    await hub.policies.async_set("led", {})
    flow = await menu(hass, paired, "policies")
    (selector,) = flow["data_schema"].schema.values()
    assert [each["value"] for each in selector.config["options"]] == ["gateway", "led", "pir"]


async def test_every_field_of_a_policy_is_set_and_shown_again(
    hass: HomeAssistant, paired: MockConfigEntry, hub: MeshOta
):
    flow = await page(hass, paired)
    assert suggested(flow) == DEFAULTS
    flow = await submit(hass, flow, WHOLE)
    assert flow["reason"] == "policy_set"
    policy = hub.policies.get("pir")
    assert (policy.auto_update, policy.delay_hours, policy.rollout) == (True, 48, ROLLOUT)
    assert suggested(await page(hass, paired)) == WHOLE


async def test_what_is_emptied_is_no_longer_set_and_what_is_not_shown_stays(
    hass: HomeAssistant, paired: MockConfigEntry, hub: MeshOta
):
    """The nodes of a canary are named by action only."""
    await hub.policies.async_set(
        "pir", {"rollout": ROLLOUT.stored() | {"canary_node_ids": ["2222222222"]}}
    )
    await submit(hass, await page(hass, paired), DEFAULTS)
    assert hub.policies.get("pir").rollout == Rollout(canary_node_ids=("2222222222",))


@pytest.mark.parametrize(
    ("node_type", "fields"),
    [("Not a type!", {}), ("pir", {"entity_state": "x" * 300, "entity_id": "light.hall"})],
)
async def test_what_makes_no_sense_is_said_and_can_be_mended(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    hub: MeshOta,
    node_type: str,
    fields: dict[str, Any],
):
    flow = await submit(hass, await page(hass, paired, node_type), DEFAULTS | fields)
    assert (flow["step_id"], flow["errors"]) == ("policy", {"base": "refused"})
    assert hub.policies.everything() == []
    assert suggested(flow) == DEFAULTS | fields


async def test_what_is_kept_is_shown_and_set(
    hass: HomeAssistant, paired: MockConfigEntry, hub: MeshOta
):
    flow = await menu(hass, paired, "retention")
    assert suggested(flow) == {"library_mib": 256, "jobs_days": 90, "history_days": 730}
    said = {"library_mib": 64.0, "jobs_days": 30.0, "history_days": 365.0}
    assert (await submit(hass, flow, said))["reason"] == "retention_set"
    assert hub.policies.retention.as_dict() == said
    assert hub.library.most == 64 * 2**20


async def test_a_full_disk_is_said_on_the_page(
    hass: HomeAssistant, paired: MockConfigEntry, hub: MeshOta, monkeypatch: pytest.MonkeyPatch
):
    async def full() -> None:
        raise StorageFailed("not_saved")

    monkeypatch.setattr(hub.policies._store, "async_settle", full)
    flow = await menu(hass, paired, "retention")
    said = {"library_mib": 64.0, "jobs_days": 30.0, "history_days": 365.0}
    flow = await submit(hass, flow, said)
    assert (flow["step_id"], flow["errors"]) == ("retention", {"base": "refused"})
