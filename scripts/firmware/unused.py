"""Functions that nothing in an application calls, left out before it is compiled for a board.

The protocol's library and the board's door to its hardware serve gateway and node and every role;
each application uses a part of them and would hold the rest in its heap, 200 bytes a function.
Blank lines stay in their place, for a crash is told by line numbers. Left in is whatever any name,
attribute, keyword or string of the application could mean.
"""

import ast
import re
from collections.abc import Iterator, Mapping

# What is called from outside: by the loader, by boot.py and main.py, by MicroPython's streams.
ENTRIES = {"main", "choose", "run", "read", "readinto", "write", "ioctl", "close", "of_settings"}
# What docs/hardware.md tells an owner to type at a board's prompt.
ENTRIES |= {"forget_modules", "Slots", "adopt"}

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def removed(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same application without them; `sources` must be all of it."""
    left = dict(sources)
    while True:
        trees = {name: ast.parse(text) for name, text in left.items() if name.endswith(".py")}
        used = ENTRIES.union(*map(_words, trees.values()))
        idle = {name: list(_idle(tree, used)) for name, tree in trees.items()}
        if not any(idle.values()):
            return left
        for name, functions in idle.items():
            left[name] = _without(left[name], functions)


def _idle(tree: ast.Module, used: set[str]) -> Iterator[_Function]:
    """Unused functions of a module and of its classes, but never all that a class consists of."""
    for holder in [tree, *(item for item in tree.body if isinstance(item, ast.ClassDef))]:
        found = [
            item
            for item in holder.body
            if isinstance(item, _Function) and item.name not in used and item.name[:2] != "__"
        ]
        if len(found) < len(holder.body):
            yield from found


def _words(tree: ast.Module) -> set[str]:
    """Everything by which the module could mean a function, but for the definitions themselves."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
                found.add(name)
            case ast.alias(name=name):
                found.update(name.split("."))
            case ast.Constant(value=str(text)) if " " not in text:
                found.update(re.findall(r"\w+", text))
    return found


def _without(source: bytes, functions: list[_Function]) -> bytes:
    lines = source.splitlines(keepends=True)
    for function in functions:
        first = min([function.lineno, *(one.lineno for one in function.decorator_list)])
        for number in range(first, (function.end_lineno or 0) + 1):
            lines[number - 1] = b"\n"
    return b"".join(lines)
