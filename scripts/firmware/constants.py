"""Numbers and short words with a name, put in the place of the name before a module is compiled for a board.

MicroPython keeps every name in its heap, in pools that double when they are full, and every module pays for
what it has and what it imports. `_NAME = const(5)` leaves nothing of a name behind, but would be a strange
sight in the sources; so this is done to the text on its way to mpy-cross, and a module that imports NAME gets
the value itself. Line numbers stay, for a crash is told with them.

Only what nobody else can see is touched: a name that no string, no unknown object and no second assignment
of the application mentions.
"""

import ast
import operator
from collections.abc import Iterable, Iterator, Mapping

from scripts.firmware.text import Edit, rewritten

_WHOLE = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.LShift: operator.lshift,
    ast.BitOr: operator.or_,
}
# Characters; about up to here MicroPython keeps a string once, however many modules have it.
_LONGEST_WORD = 12

_Value = int | str | bytes
_Found = dict[str, tuple[ast.Assign, _Value]]  # by name, in order


def inlined(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same application; `sources` must be all of it."""
    modules = {name: _Module(name, text) for name, text in sources.items() if name.endswith(".py")}
    homes = {module.dotted: module for module in modules.values()}
    for module in modules.values():
        module.find_imports(homes)
    for module in modules.values():
        module.give_up_what_others_see(modules.values())
    return {
        name: rewritten(text, modules[name].edits()) if name in modules else text
        for name, text in sources.items()
    }


class _Module:
    def __init__(self, name: str, source: bytes) -> None:
        self.dotted = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        self.tree = ast.parse(source)
        self.imported: dict[str, _Module] = {}  # constants, and where each is from
        self.modules: dict[str, _Module] = {}  # by the name that they have here
        self._lines = source.splitlines()
        self.attributes = [node for node in ast.walk(self.tree) if isinstance(node, ast.Attribute)]
        self._hidden = set(_hidden(self.tree))
        self.texts = {
            node.value
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        self._stored = [
            node.id
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
        ]
        self.own: _Found = {}
        for statement in self.tree.body:
            if isinstance(statement, ast.Assign) and self._is_fit(_target(statement), statement):
                value = _value(statement.value, self.own)
                if value is not None:
                    self.own[_target(statement)] = (statement, value)

    def _is_fit(self, target: str, statement: ast.Assign) -> bool:
        early = target in self._used_before(
            statement.lineno
        )  # the compiler knows it from its line on
        alone = self._stored.count(target) == 1 and target not in self._hidden
        number = not isinstance(statement.value, ast.Constant) or isinstance(
            statement.value.value, int
        )
        return bool(target) and alone and not early and (number or target in self._loaded())

    def _loaded(self) -> set[str]:
        """Names that are used. A text that is not stands there to be found, such as the mark of an image."""
        return {
            node.id
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        }

    def _used_before(self, line: int) -> set[str]:
        return {
            node.id
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Name) and node.lineno < line
        }

    # ---- who else sees what

    def find_imports(self, homes: Mapping[str, "_Module"]) -> None:
        for statement, alias in self._aliases():
            home = homes.get(statement.module or "")
            name = alias.asname or alias.name
            if f"{statement.module}.{alias.name}" in homes:
                self.modules[name] = homes[f"{statement.module}.{alias.name}"]
            elif home and alias.name in home.own:
                usable = not alias.asname and name not in self._hidden and name not in self._stored
                if usable and _is_short(home.own[name][1]):
                    self.imported[name] = home
                else:
                    del home.own[alias.name]

    def give_up_what_others_see(self, everybody: "Iterable[_Module]") -> None:
        for other in everybody:
            for name in self.own.keys() & other.texts:
                del self.own[name]
            for node in other.attributes:
                if (node.attr in self.own and other.home_of(node) is not self) or (
                    node.attr in self.own and not _is_short(self.own[node.attr][1])
                ):
                    del self.own[node.attr]

    def home_of(self, node: ast.Attribute) -> "_Module | None":
        """The module whose constant this is, `ntp.ASK`."""
        if not isinstance(node.value, ast.Name) or not isinstance(node.ctx, ast.Load):
            return None
        return self.modules.get(node.value.id)

    def _aliases(self) -> Iterator[tuple[ast.ImportFrom, ast.alias]]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom):
                yield from ((node, alias) for alias in node.names)

    # ---- the text

    def edits(self) -> Iterator[Edit]:
        taken = {
            name: home.own[name][1] for name, home in self.imported.items() if name in home.own
        }
        for node in ast.walk(self.tree):
            match node:
                case ast.Name(id=name) if name in self.own:
                    yield node.lineno, node.col_offset, name, f"_{name}"
                case ast.Name(id=name) if name in taken:
                    yield node.lineno, node.col_offset, name, f"({taken[name]!r})"
                case ast.Attribute(attr=name):
                    home = self.home_of(node)
                    if home and name in home.own:
                        whole = ast.get_source_segment(b"\n".join(self._lines).decode(), node)
                        yield node.lineno, node.col_offset, whole or "", f"({home.own[name][1]!r})"
                case ast.ImportFrom() if {alias.name for alias in node.names} & taken.keys():
                    yield from self._without(node, taken)
        for statement, found in self.own.values():
            value = statement.value
            line = self._lines[value.lineno - 1]
            old = line[value.col_offset : value.end_col_offset].decode()
            new = self._in_here(old, value, found)
            yield value.lineno, value.col_offset, old, f"const({new})"

    def _in_here(self, old: str, value: ast.expr, found: _Value) -> str:
        """A value whose own constants are named as they are now; the plain one where they are none any more."""
        names = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
        if names - self.own.keys():
            return repr(found)
        return ast.unparse(_Renamed(self.own).visit(ast.parse(old.strip(), mode="eval").body))

    def _without(self, node: ast.ImportFrom, taken: Mapping[str, _Value]) -> Iterator[Edit]:
        """The import of what is left of it, on its first line."""
        left = [
            f"{alias.name} as {alias.asname}" if alias.asname else alias.name
            for alias in node.names
            if alias.name not in taken
        ]
        first, last = node.lineno, node.end_lineno or node.lineno
        new = f"from {node.module} import {', '.join(left)}" if left else "pass"
        for number in range(first, last + 1):
            line = self._lines[number - 1]
            start = node.col_offset if number == first else 0
            end = node.end_col_offset if number == last else len(line)
            yield number, start, line[start:end].decode(), new if number == first else ""


class _Renamed(ast.NodeTransformer):
    def __init__(self, own: _Found) -> None:
        self._own = own

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(f"_{node.id}" if node.id in self._own else node.id, node.ctx)


def _target(statement: ast.Assign) -> str:
    """NAME of a one-line `NAME = …`; "" of everything else."""
    target = statement.targets[0]
    if statement.lineno != statement.end_lineno or len(statement.targets) > 1:
        return ""
    return target.id if isinstance(target, ast.Name) and target.id.isupper() else ""


def _value(value: ast.expr, known: _Found) -> _Value | None:
    """What it is, None when that is nothing for a compiler."""
    match value:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() | str() | bytes() as found):
            return found
    return _whole(value, known)


def _whole(value: ast.expr, known: _Found) -> int | None:
    match value:
        case ast.Constant(value=int(found)):
            return found
        case ast.Name(id=name) if name in known:
            named = known[name][1]
            return named if isinstance(named, int) else None
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            number = _whole(operand, known)
            return None if number is None else -number
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _WHOLE:
            first, second = _whole(left, known), _whole(right, known)
            if first is not None and second is not None:
                return int(_WHOLE[type(sign)](first, second))
    return None


def _is_short(value: _Value) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and len(value) <= _LONGEST_WORD)


def _hidden(tree: ast.Module) -> Iterator[str]:
    """Names that stand for something else as well: arguments, globals, strings, in strings."""
    for node in ast.walk(tree):
        match node:
            case ast.arg(arg=name) | ast.keyword(arg=str(name)):
                yield name
            case ast.Global(names=names):
                yield from names
            case ast.Constant(value=str(text)):
                yield text
            case ast.JoinedStr():  # the places of names in it are wrong before Python 3.12
                yield from (part.id for part in ast.walk(node) if isinstance(part, ast.Name))
                yield from (part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute))
