"""`quality_scale.yaml` names every rule of the Integration Quality Scale, and claims nothing untrue."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from custom_components.mesh_ota import PLATFORMS

COMPONENT = Path(__file__).parents[2] / "custom_components" / "mesh_ota"
RULES = [
    "action-setup",
    "appropriate-polling",
    "brands",
    "common-modules",
    "config-flow-test-coverage",
    "config-flow",
    "dependency-transparency",
    "docs-actions",
    "docs-conditions",
    "docs-high-level-description",
    "docs-installation-instructions",
    "docs-removal-instructions",
    "docs-triggers",
    "entity-event-setup",
    "entity-unique-id",
    "has-entity-name",
    "runtime-data",
    "test-before-configure",
    "test-before-setup",
    "unique-config-entry",
    "action-exceptions",
    "config-entry-unloading",
    "docs-configuration-parameters",
    "docs-installation-parameters",
    "entity-unavailable",
    "integration-owner",
    "log-when-unavailable",
    "parallel-updates",
    "reauthentication-flow",
    "test-coverage",
    "devices",
    "diagnostics",
    "discovery-update-info",
    "discovery",
    "docs-data-update",
    "docs-examples",
    "docs-known-limitations",
    "docs-supported-devices",
    "docs-supported-functions",
    "docs-troubleshooting",
    "docs-use-cases",
    "dynamic-devices",
    "entity-category",
    "entity-device-class",
    "entity-disabled-by-default",
    "entity-translations",
    "exception-translations",
    "icon-translations",
    "reconfiguration-flow",
    "repair-issues",
    "stale-devices",
    "async-dependency",
    "inject-websession",
    "strict-typing",
]
"""Bronze, silver, gold and platinum, as Home Assistant's developer documentation lists them."""


@pytest.fixture(scope="module")
def scale() -> dict[str, Any]:
    """The file's rules."""
    return yaml.safe_load((COMPONENT / "quality_scale.yaml").read_text())["rules"]


def done(scale: dict[str, Any], rule: str) -> bool:
    """Whether the file claims the rule."""
    return scale[rule] == "done"


def test_every_rule_is_named_once_and_in_order(scale: dict[str, Any]):
    """A rule that is not named is a rule forgotten."""
    assert list(scale) == RULES


def test_an_exemption_says_why(scale: dict[str, Any]):
    """`done`, `todo`, or exempt with a reason in words: nothing else."""
    for rule, claim in scale.items():
        if isinstance(claim, str):
            assert claim in ("done", "todo"), rule
        else:
            assert claim["status"] == "exempt", rule
            assert len(claim["comment"].split()) > 4, rule


STANDS = [
    ("action-setup", "__init__.py", "async_setup_services(hass)"),
    ("brands", "brand/icon.svg", "<svg"),
    ("common-modules", "entity.py", "class MeshOtaEntity"),
    ("config-flow", "manifest.json", '"config_flow": true'),
    ("config-flow-test-coverage", "../../scripts/test", "*/mesh_ota/config_flow.py"),
    ("config-flow-test-coverage", "../../scripts/test", "--fail-under=100"),
    ("dependency-transparency", "manifest.json", '"requirements": []'),
    ("discovery", "manifest.json", '"hostname": "meshota-*"'),
    ("entity-event-setup", "entity.py", "async def async_added_to_hass"),
    ("entity-device-class", "update.py", "UpdateDeviceClass.FIRMWARE"),
    ("has-entity-name", "entity.py", "_attr_has_entity_name = True"),
    ("icon-translations", "icons.json", '"services"'),
    ("integration-owner", "manifest.json", '"codeowners": ["@'),
    ("runtime-data", "__init__.py", "entry.runtime_data = "),
    ("test-coverage", "../../scripts/test", "--cov-fail-under=97"),
]
"""Rule, file, and what stands in it: a claim must not outlive its code."""
SHOWN = {
    "action-exceptions": "test_services.test_unknown_things_are_refused_with_a_sentence",
    "config-entry-unloading": "test_lifecycle.test_unloading_leaves_nothing_that_listens",
    "devices": "test_update.test_a_node_appears_with_its_device_behind_its_gateway",
    "diagnostics": "test_diagnostics.test_diagnostics_show_the_mesh_and_no_key",
    "dynamic-devices": "test_update.test_a_node_that_turns_up_later_gets_its_entity_without_a_reload",
    "entity-category": "test_entities_described.test_what_a_node_says_of_itself_is_diagnostic",
    "entity-disabled-by-default": "test_trouble.test_of_the_sensors_only_what_matters_is_on_at_first",
    "entity-translations": "test_entities_described.test_every_state_that_is_a_word_is_translated",
    "entity-unavailable": (
        "test_trouble.test_of_a_node_that_is_away_what_was_true_of_the_moment_is_shown_no_more"
    ),
    "entity-unique-id": (
        "test_entities_described.test_unique_ids_begin_with_the_node_and_name_no_domain"
    ),
    "exception-translations": (
        "test_translations.test_every_error_has_its_sentence_with_the_placeholders_it_is_given"
    ),
    "log-when-unavailable": (
        "test_init.test_a_gateway_that_falls_silent_and_calls_again_is_logged_once_each"
    ),
    "reauthentication-flow": ("test_config_flow.test_an_unusable_stored_key_asks_for_a_new_one"),
    "reconfiguration-flow": (
        "test_config_flow.test_reconfigure_takes_the_new_key_of_the_same_gateway"
    ),
    "repair-issues": "test_repairs.test_an_older_copy_of_home_assistant_pauses_its_jobs_and_asks",
    "stale-devices": (
        "test_init.test_a_node_that_left_can_be_deleted_and_comes_back_when_it_returns"
    ),
    "test-before-configure": (
        "test_config_flow.test_a_silent_gateway_is_an_error_that_can_be_tried_again"
    ),
    "test-before-setup": "test_config_flow.test_an_unusable_stored_key_asks_for_a_new_one",
    "unique-config-entry": "test_config_flow.test_a_gateway_is_set_up_once",
}
"""Rule, and the test that fails where it does not hold."""
CHECKED_HERE = {"parallel-updates", "strict-typing"}
ABSENT = {
    "appropriate-polling": r"\bSCAN_INTERVAL\b|\bshould_poll = True|async def async_update\(self",
    "discovery-update-info": r"\bCONF_(HOST|IP_ADDRESS|URL)\b",
    "docs-conditions": r"\basync_get_conditions\b",
    "docs-triggers": r"\basync_get_triggers\b",
    "async-dependency": r"^(import|from) (requests|urllib3?|httpx)\b",
    "inject-websession": r"^(import|from) (requests|httpx)\b",
}
"""Exempt, as long as nothing like this is in the integration."""


@pytest.mark.parametrize(("rule", "file", "words"), STANDS)
def test_what_is_claimed_is_there(scale: dict[str, Any], rule: str, file: str, words: str):
    assert done(scale, rule)
    assert words in (COMPONENT / file).read_text()


@pytest.mark.parametrize(("rule", "name"), SHOWN.items(), ids=SHOWN)
def test_what_is_claimed_is_shown_by_a_test_that_there_is(
    scale: dict[str, Any], rule: str, name: str
):
    assert done(scale, rule)
    module, _, test = name.partition(".")
    assert f"def {test}(" in Path(__file__).with_name(f"{module}.py").read_text()


def test_every_claim_is_checked(scale: dict[str, Any]):
    """One that nobody looks at is a wish."""
    checked = {rule for rule, *_ in STANDS} | SHOWN.keys() | dict(DOCUMENTED).keys() | CHECKED_HERE
    assert checked == {rule for rule in scale if done(scale, rule)}
    assert ABSENT.keys() == scale.keys() - checked


@pytest.mark.parametrize(("rule", "pattern"), ABSENT.items(), ids=ABSENT)
def test_what_is_exempt_is_not_there(scale: dict[str, Any], rule: str, pattern: str):
    """An exemption ends with what it was made for."""
    assert not done(scale, rule)
    for path in COMPONENT.rglob("*.py"):
        assert not re.search(pattern, path.read_text(), re.MULTILINE), path.name
    for name in ("condition.py", "trigger.py", "device_condition.py", "device_trigger.py"):
        assert not (COMPONENT / name).exists()


def test_every_platform_says_how_many_updates_run_at_once(scale: dict[str, Any]):
    assert done(scale, "parallel-updates")
    platforms = [
        path
        for path in COMPONENT.glob("*.py")
        if "AddConfigEntryEntitiesCallback,\n) -> None:" in path.read_text()
        and path.name != "entity.py"
    ]
    assert {path.stem for path in platforms} == {str(platform) for platform in PLATFORMS}
    for path in platforms:
        assert "\nPARALLEL_UPDATES = 0\n" in path.read_text(), path.name


def test_all_of_the_integration_is_typed_strictly(scale: dict[str, Any]):
    assert done(scale, "strict-typing")
    mypy = tomllib.loads((COMPONENT.parents[1] / "pyproject.toml").read_text())["tool"]["mypy"]
    assert mypy["strict"] is True
    assert mypy["packages"] == [f"custom_components.{COMPONENT.name}"]
    assert not {"exclude", "overrides", "ignore_errors"} & mypy.keys()
    for path in COMPONENT.rglob("*.py"):
        assert "type: ignore" not in path.read_text(), path.name


DOCUMENTED = [
    ("docs-high-level-description", "## What it is for"),
    ("docs-use-cases", "Use it to"),
    ("docs-supported-devices", "## Supported devices"),
    ("docs-supported-functions", "## What you get"),
    ("docs-installation-instructions", "## Installation"),
    ("docs-installation-parameters", "### Installation parameters"),
    ("docs-configuration-parameters", "### Configuration parameters"),
    ("docs-actions", "## Actions"),
    ("docs-examples", "## Examples"),
    ("docs-data-update", "## How data is updated"),
    ("docs-known-limitations", "## Known limitations"),
    ("docs-troubleshooting", "## Troubleshooting"),
    ("docs-removal-instructions", "## Removal"),
]
"""Rule, and what stands in the user guide for it."""


@pytest.mark.parametrize(("rule", "heading"), DOCUMENTED)
def test_what_is_documented_stands_in_the_user_guide(
    scale: dict[str, Any], rule: str, heading: str
):
    """Each rule about documentation has its place there."""
    guide = Path(__file__).parents[2] / "docs" / "user-guide.md"
    assert done(scale, rule)
    assert heading in guide.read_text()


def test_nothing_is_left_to_do(scale: dict[str, Any]):
    """Platinum is every rule, and what the manifest calls itself."""
    assert [rule for rule, claim in scale.items() if claim == "todo"] == []
    manifest = json.loads((COMPONENT / "manifest.json").read_text())
    assert manifest["quality_scale"] == "platinum"
