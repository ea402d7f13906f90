"""The user guide: its examples can be pasted into Home Assistant, and it leaves out nothing that it must tell."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from custom_components.mesh_ota.const import DOMAIN
from homeassistant.components.automation.config import async_validate_config_item
from homeassistant.components.script.config import (
    async_validate_config_item as async_validate_script,
)
from homeassistant.core import HomeAssistant

from .conftest import MockConfigEntry
from .translation_check import english

REPOSITORY = Path(__file__).parents[2]
GUIDE = REPOSITORY / "docs" / "user-guide.md"


def blocks() -> list[dict[str, Any]]:
    """The YAML in the guide."""
    found = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    return [yaml.safe_load(text) for text in found]


AUTOMATIONS = [block for block in blocks() if "triggers" in block]
SCRIPTS = [block for block in blocks() if "sequence" in block]


def test_there_are_examples():
    """The tests below would pass without any."""
    assert len(AUTOMATIONS) >= 2
    assert SCRIPTS


@pytest.mark.parametrize("automation", AUTOMATIONS, ids=lambda block: block["alias"])
async def test_an_automation_of_the_guide_is_one(hass: HomeAssistant, automation: dict[str, Any]):
    """As the automation editor would take it."""
    validated = await async_validate_config_item(hass, "example", automation)
    assert validated is not None
    assert validated.validation_status == "ok", validated.validation_error


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda block: block["alias"])
async def test_a_script_of_the_guide_calls_actions_with_fields_that_there_are(
    hass: HomeAssistant, paired: MockConfigEntry, script: dict[str, Any]
):
    """A field that was renamed must not stay in the guide."""
    assert await async_validate_script(hass, "example", script) is not None
    for step in script["sequence"]:
        domain, action = step["action"].split(".")
        if domain == DOMAIN:
            assert step["data"].keys() <= english()["services"][action]["fields"].keys()


@pytest.mark.parametrize("action", list(english()["services"]))
def test_each_action_stands_in_the_guide_with_each_of_its_fields(action: str):
    """Whoever writes an automation reads here."""
    text = GUIDE.read_text()
    assert f"`{DOMAIN}.{action}`" in text
    for field in english()["services"][action]["fields"]:
        assert f"| `{field}`" in text


def test_each_picture_and_page_that_is_linked_is_there():
    """A missing picture is the first thing that a reader sees."""
    for page in (GUIDE, REPOSITORY / "README.md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_each_picture_that_is_kept_is_shown_somewhere():
    """One that nobody sees is looked at by nobody, and was wrong for that long."""
    pages = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md")]
    shown = {name for page in pages for name in re.findall(r"images/([\w.-]+)", page.read_text())}
    assert {path.name for path in (REPOSITORY / "docs" / "images").iterdir()} == shown
