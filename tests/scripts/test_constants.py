"""scripts/firmware/constants.py: what a board is spared, and what is left alone."""

import pytest

from scripts.firmware import compiler, constants, sources


def test_a_number_that_only_its_module_knows_leaves_no_name() -> None:
    """Each name costs heap on a board, for as long as it is on."""
    before = {"node/app.py": b"WAIT = 5 * 60  # s\n\n\ndef due(now):\n    return now > WAIT\n"}
    after = constants.inlined(before)["node/app.py"]
    expected = b"_WAIT = const(5 * 60)  # s\n\n\ndef due(now):\n    return now > _WAIT\n"
    assert after == expected
    assert b"WAIT" not in compiler.compile_module("node/app.py", after)
    assert b"WAIT" in compiler.compile_module("node/app.py", before["node/app.py"])


def test_a_number_made_of_such_numbers_is_one() -> None:
    after = constants.inlined({"a.py": b"PART = 1024\nWHOLE = PART * 16\n"})["a.py"]
    assert after == b"_PART = const(1024)\n_WHOLE = const(_PART * 16)\n"


@pytest.mark.parametrize(
    "source",
    [
        b"NAME = True\n",
        b'NAME = "found in the image by its mark"\n',
        b"NAME = 0.5\n",
        b"def f():\n    return NAME\n\n\nNAME = 1\n",
        b"NAME = 1\nNAME = 2\n",
        b"NAME = 1\n\n\ndef f():\n    global NAME\n    NAME = 2\n",
        b"NAME = 1\n\n\ndef f(NAME):\n    return NAME\n",
        b"NAME = 1\nfound.NAME = 3\n",
        b'NAME = 1\ngetattr(module, "NAME")\n',
        b'NAME = 1\nprint(f"{NAME} s")\n',
        b"from b import OTHER\n\nNAME = OTHER + 1\n",
        b"NAME = (\n    1\n)\n",
        b"name = 1\n",
    ],
)
def test_what_may_be_more_than_a_number_is_left_alone(source: bytes) -> None:
    assert constants.inlined({"a.py": source})["a.py"] == source


def test_a_module_that_takes_it_from_another_gets_the_value_itself() -> None:
    before = {
        "p/a.py": b'FAR = -5\nWORD = "idle"\n\n\nclass A:\n    state = WORD\n',
        "p/b.py": b"from p.a import (\n    FAR,\n    A,\n    WORD,\n)\n\nprint(FAR, WORD, A)\n",
        "p/c.py": b"def f():\n    from p.a import FAR\n\n    return FAR\n",
        "p/d.py": b"from p import a\n\nprint(a.WORD)\n",
    }
    after = constants.inlined(before)
    assert after["p/a.py"].startswith(b"_FAR = const(-5)\n_WORD = const('idle')\n")
    assert after["p/b.py"] == b"from p.a import A\n\n\n\n\n\nprint((-5), ('idle'), A)\n"
    assert after["p/c.py"] == b"def f():\n    pass\n\n    return (-5)\n"
    assert after["p/d.py"] == b"from p import a\n\nprint(('idle'))\n"


def test_a_number_made_of_one_that_others_see_is_its_own_value() -> None:
    before = {"p/a.py": b"PART = 1024\nWHOLE = PART * 16\n", "p/b.py": b'x = "PART"\n'}
    assert constants.inlined(before)["p/a.py"] == b"PART = 1024\n_WHOLE = const(16384)\n"


def test_a_sentence_is_not_put_into_other_modules() -> None:
    """Each would have it in its heap once more."""
    before = {"a.py": b'SAID = "There is no room."\n', "b.py": b"from a import SAID\n"}
    assert constants.inlined(before) == before


@pytest.mark.parametrize(
    "other",
    [b"from a import NAME as b\n", b"import a\n\nprint(a.NAME)\n", b'x = "NAME"\n'],
)
def test_what_another_module_may_use_is_left_alone(other: bytes) -> None:
    assert constants.inlined({"a.py": b"NAME = 1\n", "b.py": other})["a.py"] == b"NAME = 1\n"


@pytest.mark.parametrize("application", ["node", "gateway"])
def test_no_line_of_an_application_moves(application: str) -> None:
    """A crash is told by file and line of the sources."""
    node_type = "pir" if application == "node" else "gateway"
    before = sources.of_application(application, node_type, {})
    after = constants.inlined(before)
    assert sum(source.count(b"= const(") for source in after.values()) > 50
    for name, source in before.items():
        assert len(after[name].splitlines()) == len(source.splitlines())
