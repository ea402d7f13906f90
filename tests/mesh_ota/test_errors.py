"""Every error that can be raised has its sentence, with every gap filled."""

import ast
from pathlib import Path
from string import Formatter

import pytest

from custom_components.mesh_ota import errors
from custom_components.mesh_ota.errors import MeshOtaError, StorageFailed, load_sentences, sentence
from custom_components.mesh_ota.jobs.sentences import SENTENCES

COMPONENT = Path(errors.__file__).parent
CLASSES = {cls.__name__ for cls in MeshOtaError.__subclasses__()} | {"cls"}


def raised() -> set[tuple[str, frozenset[str]]]:
    """Every (key, placeholders) that the source makes an error of."""
    found = set()
    for path in COMPONENT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in CLASSES:
                continue
            if node.args and isinstance(node.args[0], ast.Constant):
                gaps = frozenset(keyword.arg or "" for keyword in node.keywords)
                found.add((str(node.args[0].value), gaps))
    return found


@pytest.mark.parametrize(("key", "gaps"), sorted(raised(), key=str))
def test_every_error_has_a_sentence_whose_gaps_are_filled(key: str, gaps: frozenset[str]):
    text = load_sentences()[key]
    wanted = {name for _, name, _, _ in Formatter().parse(text) if name}
    assert wanted <= gaps, text


def test_an_error_without_a_sentence_shows_its_key():
    assert sentence({}, MeshOtaError("nothing_known")) == "nothing_known"


def test_the_operating_systems_word_is_passed_on():
    assert StorageFailed.of(OSError(28, "No space left on device")).key == "storage_full"
    other = StorageFailed.of(OSError(30, "Read-only file system"))
    assert other.placeholders == {"reason": "Read-only file system"}


@pytest.mark.parametrize("text", SENTENCES.values())
def test_every_reason_is_one_sentence_or_two(text: str):
    assert text[0].isupper()
    assert text.rstrip("} ").endswith((".", "{said"))
