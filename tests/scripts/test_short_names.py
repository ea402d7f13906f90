"""scripts/firmware/names.py: which names a board is spared, and what is left alone."""

import subprocess

import pytest

from scripts.firmware import compiler, names, sources

USER = {"user.py": b"from m import A, f\n"}
MICROPYTHON = compiler.REPOSITORY / ".tools/bin/micropython"


def test_private_names_and_arguments_of_all_classes_share_a_few() -> None:
    before = {
        "a.py": b"class A:\n    def __init__(self, mesh):\n        self._mesh = mesh\n",
        "b.py": b"class B:\n    def put(self, item):\n        self._held = self._of(item)\n\n"
        b"    def _of(self, item):\n        return item\n",
    }
    after = names.shortened(before)
    assert after["a.py"] == b"class A:\n    def __init__(self, a):\n        self._a = a\n"
    assert after["b.py"] == (
        b"class B:\n    def put(self, a):\n        self._a = self._b(a)\n\n"
        b"    def _b(self, a):\n        return a\n"
    )


def test_a_class_and_its_base_in_another_module_keep_apart_what_each_has() -> None:
    before = {
        "a.py": b"class A:\n    def __init__(self):\n        self._one = 1\n",
        "b.py": b"from a import A\n\n\nclass B(A):\n    def two(self):\n"
        b"        self._two = self._one\n",
    }
    after = names.shortened(before)
    assert after["a.py"].endswith(b"        self._a = 1\n")
    assert after["b.py"].endswith(b"        self._b = self._a\n")


def test_a_value_of_the_class_itself_is_named_as_those_of_its_objects() -> None:
    before = b"class A:\n    _due = _late = None\n\n    def tick(self):\n        self._due = 1\n"
    after = names.shortened({"m.py": before})["m.py"]
    assert after == b"class A:\n    _a = _late = None\n\n    def tick(self):\n        self._a = 1\n"


def test_an_argument_means_the_same_inside_and_hides_nothing() -> None:
    before = b"a = 5\n\n\ndef f(size, b):\n    return [lambda most: size + a + most for _ in b]\n"
    after = names.shortened({"m.py": before, **USER})["m.py"]
    assert after == b"a = 5\n\n\ndef f(c, d):\n    return [lambda e: c + a + e for _ in d]\n"


def test_a_function_that_only_its_module_knows_is_named_shortly() -> None:
    before = b"def parse(x):\n    return x\n\n\ndef f():\n    return parse(1)\n"
    after = names.shortened({"m.py": before, **USER})["m.py"]
    assert after == b"def _a(a):\n    return a\n\n\ndef f():\n    return _a(1)\n"


def test_a_table_that_only_its_module_knows_is_named_shortly() -> None:
    before = b"PAUSES = (1, 2)\n\n\ndef f():\n    return PAUSES\n"
    after = names.shortened({"m.py": before, **USER})["m.py"]
    assert after == b"_a = (1, 2)\n\n\ndef f():\n    return _a\n"


@pytest.mark.parametrize("source", [b"def main():\n    pass\n", b"SIZE = 1 << 4\n", b"A = B = 1\n"])
def test_what_is_called_from_outside_or_is_a_number_keeps_its_name(source: bytes) -> None:
    assert names.shortened({"m.py": source})["m.py"] == source


@pytest.mark.parametrize(
    "source",
    [
        b"class A:\n    def f(self):\n        return self._of_the_base\n",
        b"class A(other.Base):\n    def f(self):\n        self._x1 = 1\n",
        b'class A:\n    def f(self):\n        self._x1 = 1\n        getattr(self, "_x1")\n',
        b"class A:\n    def f(self):\n        self._x1 = other._x1\n",
        b"class A:\n    def __init__(self):\n        self.public = 1\n",
        b"def f(size):\n    return size\n\n\nf(size=1)\n",
        b"def f(*size, **more):\n    return size\n",
        b"def f(*, size):\n    return size\n",
        b"def f(size):\n    def g(size):\n        return size\n\n    return g(size=1)\n",
        b'def f(size):\n    return f"{size} bytes"\n',
        b"def f(found):\n    try:\n        pass\n    except ValueError as found:\n        pass\n",
    ],
)
def test_what_somebody_else_may_mean_is_left_alone(source: bytes) -> None:
    assert names.shortened({"m.py": source, **USER})["m.py"] == source


@pytest.mark.parametrize("other", [b"from m import _find\n", b"import m\n\nm._find()\n"])
def test_what_another_module_uses_keeps_its_name(other: bytes) -> None:
    source = b"def _find():\n    pass\n"
    assert names.shortened({"m.py": source, "other.py": other})["m.py"] == source


def test_both_kinds_of_python_do_the_same_with_short_names() -> None:
    source = b"""
class Base:
    def __init__(self, first):
        self._first = first

    def _sum(self, more):
        return self._first + more


class Sum(Base):
    def of(self, numbers, scale=2):
        def scaled(number):
            return number * scale + self._first

        return self._sum(sum([scaled(number) for number in numbers]))


print(Sum(3).of([1, 2, 3]))
"""
    short = names.shortened({"m.py": source})["m.py"]
    assert b"scale" not in short.replace(b"scaled", b"")
    run = subprocess.run([MICROPYTHON, "-c", short], capture_output=True, text=True, check=True)
    assert run.stdout == "24\n"


@pytest.mark.parametrize("application", ["node", "gateway"])
def test_no_line_of_an_application_moves(application: str) -> None:
    """A crash is told by file and line of the sources."""
    node_type = "pir" if application == "node" else "gateway"
    before = sources.of_application(application, node_type, {})
    after = names.shortened(before)
    assert sum(len(text) for text in before.values()) - sum(map(len, after.values())) > 10000
    for name, source in before.items():
        assert [len(line) > 0 for line in after[name].splitlines()] == [
            len(line) > 0 for line in source.splitlines()
        ]
