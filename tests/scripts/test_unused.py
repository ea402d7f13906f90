"""scripts/firmware/unused.py: which functions a board is spared, and which stay."""

import ast

import pytest

from scripts.firmware import sources, unused


def test_what_nobody_calls_leaves_blank_lines() -> None:
    before = {
        "a.py": b"class A:\n    def used(self):\n        pass\n\n    @property\n    def idle(self):\n"
        b"        return helper()\n\n\ndef helper():\n    pass\n\n\ndef main():\n    A().used()\n"
    }
    after = unused.removed(before)["a.py"]
    expected = b"class A:\n    def used(self):\n        pass\n\n\n\n\n\n\n\n\n\n\ndef main():\n    A().used()\n"
    assert after == expected


@pytest.mark.parametrize(
    "other",
    [
        b"import a\n\na.found()\n",
        b"from a import found\n",
        b'getattr(a, "found")\n',
        b"x(found=1)\n",
        b"y.found\n",
    ],
)
def test_what_another_module_may_mean_stays(other: bytes) -> None:
    before = {"a.py": b"x = 1\n\n\ndef found():\n    pass\n", "b.py": other}
    assert unused.removed(before) == before


def test_what_python_and_the_loader_call_stays() -> None:
    before = {"a.py": b"x = 1\n\n\ndef main():\n    pass\n\n\ndef __getattr__(name):\n    pass\n"}
    assert unused.removed(before) == before


@pytest.mark.parametrize("application", ["node", "gateway"])
def test_an_application_keeps_its_lines_and_all_that_it_calls(application: str) -> None:
    node_type = "pir" if application == "node" else "gateway"
    before = sources.of_application(application, node_type, {})
    after = unused.removed(before)
    assert after != before
    for name, source in after.items():
        assert len(source.splitlines()) == len(before[name].splitlines())
    imported = {
        alias.name
        for source in after.values()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    gone = {
        node.name
        for source in before.values()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    } - {
        node.name
        for source in after.values()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert len(gone) > 10
    assert not gone & imported
