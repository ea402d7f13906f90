"""`quality_scale.yaml` names every rule of the Integration Quality Scale, and claims nothing untrue."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

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


@pytest.mark.parametrize(
    ("rule", "file", "words"),
    [
        ("action-setup", "__init__.py", "async_setup_services(hass)"),
        ("brands", "brand/icon.svg", "<svg"),
        ("common-modules", "entity.py", "class MeshOtaEntity"),
        ("config-entry-unloading", "__init__.py", "async def async_unload_entry"),
        ("config-flow", "manifest.json", '"config_flow": true'),
        ("dependency-transparency", "manifest.json", '"requirements": []'),
        ("diagnostics", "diagnostics.py", "async_get_config_entry_diagnostics"),
        ("discovery", "manifest.json", '"hostname": "meshota-*"'),
        ("entity-event-setup", "entity.py", "async def async_added_to_hass"),
        ("entity-category", "sensor.py", "EntityCategory.DIAGNOSTIC"),
        ("entity-disabled-by-default", "sensor.py", "entity_registry_enabled_default=False"),
        ("entity-device-class", "update.py", "UpdateDeviceClass.FIRMWARE"),
        ("has-entity-name", "entity.py", "_attr_has_entity_name = True"),
        ("icon-translations", "icons.json", '"services"'),
        ("integration-owner", "manifest.json", '"codeowners": ["@'),
        ("parallel-updates", "update.py", "PARALLEL_UPDATES = 0"),
        ("reauthentication-flow", "config_flow.py", "async def async_step_reauth_confirm"),
        ("reconfiguration-flow", "config_flow.py", "async def async_step_reconfigure"),
        ("repair-issues", "repairs.py", "async_create_issue"),
        ("runtime-data", "__init__.py", "entry.runtime_data = "),
        ("stale-devices", "__init__.py", "async def async_remove_config_entry_device"),
        ("unique-config-entry", "config_flow.py", "_abort_if_unique_id_configured"),
    ],
)
def test_what_is_claimed_is_there(scale: dict[str, Any], rule: str, file: str, words: str):
    """The behaviour itself is tested elsewhere; this guards against a claim that outlives its code."""
    assert done(scale, rule)
    assert words in (COMPONENT / file).read_text()


@pytest.mark.parametrize(
    ("rule", "heading"),
    [
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
    ],
)
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
