"""Every text that the code asks for is there, and every text there is asked for."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from custom_components.mesh_ota import errors
from custom_components.mesh_ota.errors import MeshOtaError

from .translation_check import COMPONENT, english, placeholders_of

ERROR_CLASSES = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, MeshOtaError)
}
# Keys that the code builds from something else; each with where.
IN_DIALOGS_ONLY = {"key_character", "key_length", "key_check"}
"""Raised by the pairing dialog alone, which has them under config.error."""


def calls() -> Iterator[tuple[Path, ast.Call]]:
    """Every call in the integration."""
    for path in sorted(COMPONENT.rglob("*.py")):
        for item in ast.walk(ast.parse(path.read_text())):
            if isinstance(item, ast.Call):
                yield path, item


def raised() -> Iterator[tuple[str, set[str]]]:
    """(key, placeholders) of each of our errors that is made anywhere."""
    for _path, call in calls():
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        if name in ERROR_CLASSES and call.args and isinstance(call.args[0], ast.Constant):
            yield str(call.args[0].value), {word.arg for word in call.keywords if word.arg}


def test_every_error_has_its_sentence_with_the_placeholders_it_is_given():
    """A sentence with a gap that nobody fills would be shown with its braces."""
    sentences = english()["exceptions"]
    found = list(raised())
    assert found
    for key, given in found:
        if key not in IN_DIALOGS_ONLY:
            assert key in sentences, key
            assert placeholders_of(sentences[key]["message"]) <= given, key


def test_every_sentence_is_used():
    """A text that no code asks for is a text that nobody keeps true."""
    words = {
        item.value
        for path in COMPONENT.rglob("*.py")
        for item in ast.walk(ast.parse(path.read_text()))
        if isinstance(item, ast.Constant)
    }
    assert set(english()["exceptions"]) <= words


def test_errors_of_the_pairing_dialog_have_their_texts_there():
    """They never reach an action, so they have no other."""
    assert set(english()["config"]["error"]) >= IN_DIALOGS_ONLY


@pytest.mark.parametrize("section", ["config", "options"])
def test_every_field_of_a_dialog_is_explained(section: str):
    """A label alone does not help whoever sees the dialog for the first time."""
    for name, step in english()[section]["step"].items():
        assert set(step.get("data", {})) == set(step.get("data_description", {})), name


def test_actions_are_described_with_every_field_and_an_icon():
    """services.yaml, texts and icons speak of the same actions and fields."""
    actions = yaml.safe_load((COMPONENT / "services.yaml").read_text())
    texts = english()["services"]
    icons = yaml.safe_load((COMPONENT / "icons.json").read_text())["services"]
    assert actions.keys() == texts.keys() == icons.keys()
    for name, action in actions.items():
        assert action["fields"].keys() == texts[name]["fields"].keys()
        assert texts[name]["name"]
        assert texts[name]["description"]
        for field in texts[name]["fields"].values():
            assert field["name"]
            assert field["description"]


def test_texts_hold_no_address_and_no_markup():
    """Translators get sentences; addresses come as placeholders."""
    for text in texts_in(english()):
        assert "http" not in text
        assert "<" not in text


def texts_in(node: object) -> Iterator[str]:
    """Every text below."""
    if isinstance(node, dict):
        for value in node.values():
            yield from texts_in(value)
    else:
        yield str(node)
