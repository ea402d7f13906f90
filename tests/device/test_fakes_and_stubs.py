"""The fakes of the ESP32's modules promise nothing that the stubs of the real ones do not: names, constants, signatures.

That firmware calls the real ones as they are is pyright's affair (scripts/lint); here the fakes are held to the same stubs.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
MODULES = ("network", "machine", "esp32", "dht")
Signature = tuple[int, frozenset[str], bool, bool]  # most positional, by name, *args, **named


def tree(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text()).body


def public(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Its definitions, also those under an `if`."""
    for node in body:
        if isinstance(node, ast.If):
            yield from public(node.body)
            yield from public(node.orelse)
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            if not node.name.startswith("_") or node.name == "__init__":
                yield node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            yield node


def signature(function: ast.FunctionDef) -> Signature:
    said = function.args
    both = [argument.arg for argument in said.args if argument.arg not in ("self", "cls")]
    only = [argument.arg for argument in said.posonlyargs if argument.arg not in ("self", "cls")]
    named = frozenset(both) | {argument.arg for argument in said.kwonlyargs}
    return len(only) + len(both), named, said.vararg is not None, said.kwarg is not None


def functions(body: list[ast.stmt], above: str = "") -> dict[str, list[Signature]]:
    """{"WLAN.connect": its overloads}."""
    found: dict[str, list[Signature]] = {}
    for node in public(body):
        if isinstance(node, ast.FunctionDef):
            found.setdefault(above + node.name, []).append(signature(node))
        elif isinstance(node, ast.ClassDef):
            for name, overloads in functions(node.body, above + node.name + ".").items():
                found.setdefault(name, []).extend(overloads)
            for base in node.bases:  # what a stub inherits within its module
                inherited = [
                    other
                    for other in body
                    if isinstance(other, ast.ClassDef) and other.name == getattr(base, "id", "")
                ]
                for other in inherited:
                    for name, overloads in functions(other.body, above + node.name + ".").items():
                        found.setdefault(name, overloads)
    return found


def constants(
    body: list[ast.stmt], above: str = "", known: dict[str, int | None] | None = None
) -> dict[str, int | None]:
    """{"WLAN.IF_AP": 1}; None where a stub does not say its value."""
    found: dict[str, int | None] = {}
    known = found if known is None else known
    for node in public(body):
        if isinstance(node, ast.ClassDef):
            found |= constants(node.body, above + node.name + ".", known)
            continue
        if isinstance(node, ast.FunctionDef):
            continue
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        if isinstance(target, ast.Name) and target.id.isupper() and not target.id.startswith("_"):
            value = node.value
            number = value.value if isinstance(value, ast.Constant) else None
            if isinstance(value, ast.Name):  # another name for one of the module's own
                number = known[value.id]
            found[above + target.id] = number if isinstance(number, int) else None
    return found


def wider_than(fake: Signature, real: list[Signature]) -> str:
    """What the fake takes and no overload of the real one does; "" when nothing."""
    most, named, some, any_name = fake
    if most > max(99 if overload[2] else overload[0] for overload in real):
        return "more arguments by position"
    if (some or any_name) and not any(
        overload[2] or overload[3] or overload[0] for overload in real
    ):
        return "any arguments"
    by_position = set().union(*[overload[1] for overload in real])
    only_named = named if most == 0 else frozenset()
    unknown = only_named - by_position
    if unknown and not any(overload[3] for overload in real):
        return f"{sorted(unknown)} by name"
    return ""


def fake_of(module: str) -> list[ast.stmt]:
    return tree(REPOSITORY / "simulator/hardware" / f"{module}.py")


def stub_of(module: str) -> list[ast.stmt]:
    return tree(REPOSITORY / ".tools/typings" / f"{module}.pyi")


@pytest.mark.parametrize("module", MODULES)
def test_a_fake_has_no_function_and_takes_no_argument_that_the_real_one_lacks(module: str) -> None:
    real = functions(stub_of(module))
    found = functions(fake_of(module))
    assert found
    for name, overloads in found.items():
        assert name in real, f"{module}.{name} is not in the stubs"
        for overload in overloads:
            assert wider_than(overload, real[name]) == "", f"{module}.{name}"


@pytest.mark.parametrize("module", MODULES[:3])
def test_a_fakes_constants_have_the_values_of_the_real_ones(module: str) -> None:
    real, found = constants(stub_of(module)), constants(fake_of(module))
    assert found
    for name, value in found.items():
        assert name in real, f"{module}.{name} is not in the stubs"
        assert real[name] in (None, value), f"{module}.{name}"


def test_a_fake_that_takes_more_than_the_real_one_is_noticed() -> None:
    real = functions(ast.parse("def reset(code: int, /) -> None: ...").body)["reset"]
    for fake in ("def reset(code, hard): ...", "def reset(*, hard): ..."):
        assert wider_than(functions(ast.parse(fake).body)["reset"][0], real)
    assert not wider_than(functions(ast.parse("def reset(code): ...").body)["reset"][0], real)
