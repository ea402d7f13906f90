"""Which modules of an application are in memory as long as it runs, and can be read for certain.

In memory from the start of the application's head to its end is what the head imports where a module begins, and what
that imports there. Not so: what a function imports or a string names, for it is loaded, or let go, at a time of its own;
what was loaded before the head; what a module that stays one imports while the head is still loading.
"""

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping

from scripts.firmware.scopes import Module, Place, bindings
from scripts.firmware.text import Edit

Target = tuple[
    str, str
]  # the file that it is from, "" for none of ours, and its name there, "" for the module itself


class Parsed:
    """A module, what it takes from others, and what it has of its own."""

    def __init__(self, name: str, source: bytes, sources: Mapping[str, bytes]) -> None:
        self.name = name
        self._sources = sources
        self._lines = source.splitlines()
        scopes = Module(source)
        self._tree = scopes.tree
        self.places: list[Place] = scopes.named
        self.imports = [node for node in ast.walk(self._tree) if isinstance(node, ast.ImportFrom)]
        at_top = [node for node in self.imports if node in self._tree.body]
        self.taken = {
            alias.asname or alias.name: self.target(node, alias)
            for node in at_top
            for alias in node.names
        }
        self.own = bindings(self._tree.body) - self.taken.keys() - set(self._whole_modules())
        self.words = {place[2] for place in self.places} | self.own | self.taken.keys()
        self.tops = {home for home, _ in self.taken.values() if home}
        self.late = {
            self.target(node, alias)[0]
            for node in self.imports
            if node not in at_top
            for alias in node.names
        } - {""}

    def target(self, statement: ast.ImportFrom, alias: ast.alias) -> Target:
        module = statement.module or ""
        if module == "painlessmesh" and alias.name in self._homes():
            return f"painlessmesh/{self._homes()[alias.name]}.py", alias.name
        for name, there in ((f"{module}.{alias.name}", ""), (module, alias.name)):
            file = name.replace(".", "/") + ".py"
            if file in self._sources:
                return file, there
        return "", f"{module}.{alias.name}"

    def _homes(self) -> dict[str, str]:
        """What painlessmesh loads when it is first used, and the module it is in."""
        for statement in ast.parse(self._sources.get("painlessmesh/__init__.py", b"")).body:
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "_HOME":
                return dict(ast.literal_eval(statement.value))
        return {}

    def _whole_modules(self) -> Iterator[str]:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Import):
                yield from (alias.asname or alias.name for alias in node.names)

    def named_modules(self) -> set[str]:
        """Files that it imports whole, or names in a string."""
        texts = [
            node.value
            for node in ast.walk(self._tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        files = {name.replace(".", "/") + ".py" for name in [*texts, *self._whole_modules()]}
        return files & self._sources.keys()

    def through_modules(self) -> Iterator[tuple[ast.Attribute, str]]:
        """`layout.contains` and the like, with the file of the module."""
        for node in ast.walk(self._tree):
            match node:
                case ast.Attribute(value=ast.Name(id=name)) if (
                    self.taken.get(name, ("", name))[1] == ""
                ):
                    yield node, self.taken[name][0]

    def fixed(self) -> set[str]:
        """Names in f-strings, whose places are wrong before Python 3.12."""
        strings = (node for node in ast.walk(self._tree) if isinstance(node, ast.JoinedStr))
        inside = (node for string in strings for node in ast.walk(string))
        return {node.id for node in inside if isinstance(node, ast.Name)}

    @property
    def is_plain(self) -> bool:
        """Whether nothing hangs on its being a module of its own."""
        names = {node.id for node in ast.walk(self._tree) if isinstance(node, ast.Name)}
        has_global = any(isinstance(node, ast.Global) for node in ast.walk(self._tree))
        return not has_global and not names & {"__name__", "__file__", "globals", "locals"}

    def instead_of(self, statement: ast.ImportFrom, new: str) -> Iterator[Edit]:
        """The statement's text changed to that, on its first line."""
        first, last = statement.lineno, statement.end_lineno or statement.lineno
        for number in range(first, last + 1):
            line = self._lines[number - 1]
            start = statement.col_offset if number == first else 0
            end = statement.end_col_offset if number == last else len(line)
            yield number, start, line[start:end].decode(), new if number == first else ""


def residents(modules: Mapping[str, Parsed], entry: str, head: str) -> list[str]:
    """Each after those that it imports, the head last."""
    out = _apart(modules, head)
    if entry != head:
        before = _reached(entry, lambda name: (modules[name].tops | modules[name].late) - {head})
        out |= set(before)
    return _together(modules, head, out)


def _together(modules: Mapping[str, Parsed], head: str, out: set[str]) -> list[str]:
    """What the head needs and may be one with it: not what a module of `out` imports that is loaded on the way,
    for by then the whole is not there yet."""
    found = _reached(head, lambda name: modules[name].tops - out)
    beside = {name for one in found for name in modules[one].tops & out}
    needed = {name for one in beside for name in _reached(one, lambda other: modules[other].tops)}
    too_early = needed & set(found) - {head}
    return _together(modules, head, out | too_early) if too_early else found


def _apart(modules: Mapping[str, Parsed], head: str) -> set[str]:
    """Modules that stay one, for what they are or for how somebody gets at them."""
    out: set[str] = set()
    for name, module in modules.items():
        out |= module.late | module.named_modules()
        if name.endswith("/__init__.py") or "/" not in name or not module.is_plain:
            out.add(name)
    return out - {head}


def _reached(start: str, onwards: Callable[[str], Iterable[str]]) -> list[str]:
    """Everything that is reached from there, each after what is reached from it."""
    found: list[str] = []
    seen = {start}

    def visit(name: str) -> None:
        for other in sorted(onwards(name)):
            if other not in seen:
                seen.add(other)
                visit(other)
        found.append(name)

    visit(start)
    return found
