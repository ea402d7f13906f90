"""scripts/firmware/names.py: which names a board is spared, and what is left alone."""

import ast
import builtins
import re
import subprocess

import pytest

from scripts.firmware import compiler, names, own_names, sources

USER = {"user.py": b"from m import A, f\n"}
MICROPYTHON = compiler.REPOSITORY / ".tools/bin/micropython"


def test_names_of_all_classes_share_a_few() -> None:
    before = {
        "p/a.py": b"class A:\n    def __init__(self, mesh):\n        self._mesh = mesh\n",
        "p/b.py": b"class B:\n    def put(self, item):\n        self._held = self._of(item)\n\n"
        b"    def _of(self, item):\n        return item\n",
    }
    after = names.shortened(before)
    assert after["p/a.py"] == b"class a:\n    def __init__(self, a):\n        self.a = a\n"
    assert after["p/b.py"] == (
        b"class a:\n    def c(self, a):\n        self.b = self.a(a)\n\n"
        b"    def a(self, a):\n        return a\n"
    )


def test_a_class_and_its_base_in_another_module_keep_apart_what_each_has() -> None:
    before = {
        "p/first.py": b"class A:\n    def __init__(self):\n        self.one = 1\n",
        "p/second.py": b"from p.first import A\n\n\nclass B(A):\n    def two(self):\n"
        b"        self.three = self.one\n",
    }
    after = names.shortened(before)
    assert after["p/first.py"].endswith(b"        self.a = 1\n")
    assert after["p/second.py"].endswith(
        b"class b(a):\n    def c(self):\n        self.b = self.a\n"
    )


def test_a_module_that_takes_a_name_from_another_calls_it_the_same() -> None:
    before = {
        "p/first.py": b"PAUSES = (1, 2)\n\n\ndef longest(pauses):\n    return max(pauses)\n",
        "p/second.py": b"from p import first\nfrom p.first import PAUSES, longest\n\n"
        b"print(longest(PAUSES), first.longest)\n",
        "p/third.py": b"def f():\n    from p.first import longest\n\n    return longest\n",
    }
    after = names.shortened(before)
    assert after["p/first.py"] == b"b = (1, 2)\n\n\ndef a(a):\n    return max(a)\n"
    assert after["p/second.py"] == (
        b"from p import first\nfrom p.first import b, a\n\nprint(a(b), first.a)\n"
    )
    assert after["p/third.py"].endswith(
        b"    from p.first import a as longest\n\n    return longest\n"
    )


def test_a_value_of_the_class_itself_is_named_as_those_of_its_objects() -> None:
    before = b"class A:\n    due = late = None\n\n    def tick(self):\n        self.due = 1\n"
    after = names.shortened({"p/m.py": before})["p/m.py"]
    assert after == b"class a:\n    a = b = None\n\n    def c(self):\n        self.a = 1\n"


def test_what_is_set_from_outside_shares_its_name_with_nothing() -> None:
    """Nobody sees of what class the object is."""
    before = {
        "p/first.py": b"class A:\n    def __init__(self):\n        self.room = None\n",
        "p/second.py": b"class B:\n    def __init__(self, one):\n        one.room = self.more = 1\n",
    }
    after = names.shortened(before)
    assert after["p/first.py"].endswith(b"self.a = None\n")
    assert b"a.a = self.b = 1" in after["p/second.py"]


def test_what_a_role_knows_keeps_its_name() -> None:
    """It may be of somebody's own making, and call what MicroPython has beyond what we know."""
    before = {
        "node/app.py": b"class State:\n    def show(self):\n        pass\n\n    def hide(self):\n        pass\n",
        "roles/mine.py": b"class Role:\n    def duty(self):\n        self.state.show()\n",
    }
    after = names.shortened(before)
    assert after["roles/mine.py"] == before["roles/mine.py"]
    assert b"def show(self)" in after["node/app.py"]
    assert b"hide" not in after["node/app.py"]


def test_an_argument_means_the_same_inside_and_hides_nothing() -> None:
    before = b"a = 5\n\n\ndef f(size, b):\n    return [lambda most: size + a + most for _ in b]\n"
    after = names.shortened({"m.py": before, **USER})["m.py"]
    assert after == b"a = 5\n\n\ndef f(c, d):\n    return [lambda e: c + a + e for _ in d]\n"


@pytest.mark.parametrize("source", [b"def main():\n    pass\n", b"_SIZE = const(1 << 4)\n"])
def test_what_is_called_from_outside_or_is_a_number_keeps_its_name(source: bytes) -> None:
    assert names.shortened({"p/m.py": source})["p/m.py"] == source


@pytest.mark.parametrize(
    "source",
    [
        b"class A:\n    def f(self):\n        return self._of_the_base\n",
        b"class A(other.Base):\n    def f(self):\n        self._x1 = 1\n",
        b'class A:\n    def f(self):\n        self._x1 = 1\n        getattr(self, "_x1")\n',
        b"def f(size):\n    return size\n\n\nf(size=1)\n",
        b"def f(*size, **more):\n    return size\n",
        b"def f(*, size):\n    return size\n",
        b"def f(size):\n    def g(size):\n        return size\n\n    return g(size=1)\n",
        b'def f(size):\n    return f"{size} bytes"\n',
        b"def f(found):\n    try:\n        pass\n    except ValueError as found:\n        pass\n",
    ],
)
def test_what_somebody_else_may_mean_is_left_alone(source: bytes) -> None:
    assert names.shortened({"p/m.py": source, **USER})["p/m.py"] == source


APPLICATIONS = (("node", "pir"), ("gateway", "gateway"))


def known_to_micropython() -> set[str]:
    """Every name that a module or a class of the stubs has."""
    known = {name for one in vars(builtins).values() for name in dir(one)}
    for path in (compiler.REPOSITORY / ".tools/typings").rglob("*.pyi"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    known.add(name)
                case ast.ClassDef(name=name) | ast.Name(id=name, ctx=ast.Store()):
                    known.add(name)
    return known


def test_no_name_is_changed_that_micropython_has_as_well() -> None:
    """Else `file.size` would be asked for by the name that our own `size` has got: `FOREIGN` is to hold it."""
    known = known_to_micropython()
    assert len(known) > 3000
    ours = {
        f"{package}/{path.name}": path.read_bytes()
        for package, folder in sources.FOLDERS.items()
        for path in (sources.REPOSITORY / folder).glob("*.py")
    }
    found = own_names.defined(own_names.modules_of(ours)) & known - own_names.FOREIGN
    assert {name for name in found if not name.startswith("_")} == set()


def test_what_an_owner_types_is_there_under_its_name() -> None:
    typed = (compiler.REPOSITORY / "docs/hardware.md").read_text()
    lines = re.findall(r"^ *(?:>>> )?(from device.*)$", typed, re.MULTILINE)
    words = {word for line in lines for word in re.findall(r"\w+", line)}
    assert {"Slots", "adopt", "loader", "forget_modules"} <= words
    for application, node_type in APPLICATIONS:
        found = sources.of_application(application, node_type, {})
        assert not own_names.free(own_names.modules_of(found)) & words
    assert not own_names.free(own_names.modules_of(sources.of_factory())) & words


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
    short = names.shortened({"p/m.py": source})["p/m.py"]
    assert b"scale" not in short.replace(b"scaled", b"")
    assert b"Sum" not in short
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
