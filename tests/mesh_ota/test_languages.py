"""Every language says everything that English says, with the same gaps to fill."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .translation_check import COMPONENT, english, placeholders_of

FILES = sorted(path for path in (COMPONENT / "translations").glob("*.json"))
LANGUAGES = [path.stem for path in FILES if path.stem != "en"]


def texts(language: str) -> dict[str, str]:
    """{dotted key: text} of one language."""
    return dict(flat(json.loads((COMPONENT / "translations" / f"{language}.json").read_text())))


def flat(node: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Every text below with its dotted key."""
    for key, value in node.items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def test_the_languages_that_were_promised_are_there():
    """German, French, Spanish, Dutch and Chinese."""
    assert set(LANGUAGES) >= {"de", "fr", "es", "nl", "zh-Hans"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_every_key_and_no_other(language: str):
    """Home Assistant falls back to English text by text, which reads like a ransom note."""
    assert texts(language).keys() == dict(flat(english())).keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_has_the_placeholders_of_the_english_one(language: str):
    """A missing one hides what matters, another one is shown with its braces."""
    for key, text in texts(language).items():
        assert placeholders_of(text) == placeholders_of(dict(flat(english()))[key]), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_translated(language: str):
    """Copied English would pass the tests above."""
    ours = texts(language)
    copied = [
        key
        for key, text in flat(english())
        if len(text.split()) > 3 and ours[key] == text and not key.startswith("selector.")
    ]
    assert copied == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_has_one_name_in_english_has_one_name(language: str):
    """A field of an action and the same field of a dialog are one thing to whoever reads both."""
    ours, said = texts(language), dict[str, set[str]]()
    for key, text in flat(english()):
        said.setdefault(text, set()).add(ours[key])
    assert [names for names in said.values() if len(names) > 1] == []


def test_the_files_are_sorted():
    """A new key has one place, so that changes can be read."""
    for path in FILES:
        read = json.loads(path.read_text())
        assert json.dumps(read) == json.dumps(read, sort_keys=True), path.name
