"""Whether each dialog that a test walks through has all its texts, and each text its placeholders.

Home Assistant shows a bare key where a text is missing and an error where a placeholder is; neither fails a
test by itself. The fixture `checked_translations` looks at every step that a flow manager hands out.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from homeassistant.config_entries import OptionsFlowManager
from homeassistant.data_entry_flow import FlowHandler, FlowManager, FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.selector import SelectSelector

DOMAIN = "mesh_ota"
COMPONENT = Path(__file__).parents[2] / "custom_components" / DOMAIN


@cache
def english() -> dict[str, Any]:
    """The English texts; read before a loop runs."""
    return json.loads((COMPONENT / "translations" / "en.json").read_text())


def placeholders_of(text: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def check_step(texts: Mapping[str, Any], result: Mapping[str, Any]) -> None:
    """Fail if the step would show a bare key or an unfilled placeholder."""
    given = set(result.get("description_placeholders") or {})
    shown = list(_shown(texts, result))
    for text in shown:
        assert placeholders_of(text) <= given, f"{text!r} is given {given}"


def _shown(texts: Mapping[str, Any], result: Mapping[str, Any]) -> Iterator[str]:
    kind = result["type"]
    if kind is FlowResultType.ABORT:
        yield texts["abort"][result["reason"]]
    elif kind is FlowResultType.SHOW_PROGRESS:
        yield texts["progress"][result["progress_action"]]
    elif kind is FlowResultType.MENU:
        step = texts["step"][result["step_id"]]
        yield step["title"]
        yield step.get("description", "")
        for option in result["menu_options"]:
            yield step["menu_options"][option]
    elif kind is FlowResultType.FORM:
        yield from _form_texts(texts, result)


def _form_texts(texts: Mapping[str, Any], result: Mapping[str, Any]) -> Iterator[str]:
    step = texts["step"][result["step_id"]]
    yield step["title"]
    yield step.get("description", "")
    for error in (result["errors"] or {}).values():
        yield texts["error"][error]
    for key, selector in (result["data_schema"].schema if result["data_schema"] else {}).items():
        yield step["data"][key]
        yield step["data_description"][key]
        if isinstance(selector, SelectSelector):
            _check_options(selector.config)


def _check_options(config: Mapping[str, Any]) -> None:
    if (key := config.get("translation_key")) is not None:
        names = english()["selector"][key]["options"]
        assert set(config["options"]) == set(names)


def texts_of(manager: FlowManager[Any, Any, Any], flow: FlowHandler[Any, Any, Any]) -> Any:
    """The part of the texts that this flow shows."""
    texts = english()
    if isinstance(manager, OptionsFlowManager):
        return texts["options"]
    if flow.handler == DOMAIN and (issue_id := flow.context.get("issue_id")):
        issue = ir.async_get(manager.hass).async_get_issue(DOMAIN, issue_id)
        return texts["issues"][issue.translation_key]["fix_flow"] if issue else None
    return texts["config"] if flow.handler == DOMAIN else None


@pytest.fixture
def checked_translations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check the texts of every step of our flows in this test."""
    english()
    handle_step = FlowManager._async_handle_step

    async def checked(self: Any, flow: Any, *args: Any, **kwargs: Any) -> Any:
        texts = texts_of(self, flow)
        result = await handle_step(self, flow, *args, **kwargs)
        if texts is not None:
            check_step(texts, result)
        return result

    monkeypatch.setattr(FlowManager, "_async_handle_step", checked)
