"""What the examples of `services.yaml` show can be written: each is taken by the action, in the form it stands there."""

from typing import Any

import pytest
import voluptuous as vol
import yaml

from custom_components.mesh_ota.job_actions import ROLLOUT_FIELDS
from custom_components.mesh_ota.jobs.rollout import read_rollout
from custom_components.mesh_ota.services import ACTIONS, Action

from .translation_check import COMPONENT

DESCRIBED: dict[str, Any] = yaml.safe_load((COMPONENT / "services.yaml").read_text())
FIELDS = [(action, field) for action in ACTIONS for field in DESCRIBED[action.name]["fields"]]
NAMED = {"go_back": {"target_node_ids": ["2222222222"]}, "upload_firmware": {"path": "/media/a"}}
"""What an action wants beside any single field."""


def shown(action: Action, field: str) -> Any:
    """The example as it would be pasted; a list or an object stands there as text."""
    return yaml.safe_load(str(DESCRIBED[action.name]["fields"][field]["example"]))


def said(action: Action, field: str) -> dict[str, Any]:
    """A call with the example, and with what else is required."""
    fields = DESCRIBED[action.name]["fields"]
    needed = {name: shown(action, name) for name, of in fields.items() if of.get("required")}
    others = {} if field in ALTERNATIVES else NAMED.get(action.name, {})
    return others | needed | {field: shown(action, field)}


ALTERNATIVES = {
    *("device_id", "target_node_ids", "target_node_type", "area_id", "label_id"),
    *("path", "url"),
}


def test_each_action_is_described_and_no_other():
    assert {action.name for action in ACTIONS} == DESCRIBED.keys()


@pytest.mark.parametrize(
    ("action", "field"), FIELDS, ids=[f"{action.name}.{field}" for action, field in FIELDS]
)
def test_an_example_is_taken(action: Action, field: str):
    taken = action.schema(said(action, field))
    assert taken[field] == shown(action, field)
    stages = {name: taken[name] for name in map(str, ROLLOUT_FIELDS) if name in taken}
    if "go_back_if_unhealthy" in stages:
        stages["go_back"] = stages.pop("go_back_if_unhealthy")
    assert read_rollout(stages) is not None


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_each_field_that_an_action_takes_is_described(action: Action):
    """And one that is not described is not taken."""
    inner = action.schema.validators[0] if isinstance(action.schema, vol.All) else action.schema
    assert {str(field) for field in inner.schema} == DESCRIBED[action.name]["fields"].keys()
    with pytest.raises(vol.Invalid):
        action.schema({"no_such_field": 1})


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_what_is_required_is_marked_so(action: Action):
    fields = DESCRIBED[action.name]["fields"]
    inner = action.schema.validators[0] if isinstance(action.schema, vol.All) else action.schema
    required = {str(field) for field in inner.schema if isinstance(field, vol.Required)}
    assert required == {name for name, field in fields.items() if field.get("required")}
