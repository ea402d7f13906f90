"""Names of an application, shortened before it is compiled for a board: arguments here, all others by `shared_names`.

An argument is `a` in every function. Left alone is what a keyword or an f-string mentions.
"""

import ast
import itertools
import string
from collections.abc import Iterator, Mapping

from scripts.firmware import shared_names
from scripts.firmware.text import Edit, rewritten

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Scope = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)


def shortened(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same application, with fewer names."""
    named = shared_names.shortened(sources)
    trees = {name: ast.parse(text) for name, text in named.items() if name.endswith(".py")}
    keywords = {
        node.arg
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg
    }
    return {
        name: text if name not in trees else rewritten(text, _edits(trees[name], keywords))
        for name, text in named.items()
    }


def _edits(tree: ast.Module, seen: set[str]) -> Iterator[Edit]:
    for item in ast.iter_child_nodes(tree):
        yield from _below(item, seen, set(), _names(item))


def _below(node: ast.AST, seen: set[str], given: set[str], names: set[str]) -> Iterator[Edit]:
    """Every function in this tree; `given` are the short names that mean something around it."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        short = _short_arguments(node, seen, given | names)
        for place in _places(node, short):
            yield (*place, short[place[2]])
        given = given | set(short.values())
    for child in ast.iter_child_nodes(node):
        yield from _below(child, seen, given, names)


def _short_arguments(function: _Function, seen: set[str], taken: set[str]) -> dict[str, str]:
    inside: set[str] = set()
    for node in _inner(function):
        if isinstance(node, (*_Scope, ast.ClassDef)):
            inside |= _bindings(node)
        inside |= _fixed(node)
    wanted = [
        argument.arg
        for argument in function.args.args
        if argument.arg != "self" and argument.arg not in seen | inside
    ]
    free = (letters for letters in _letters() if letters not in taken)
    return dict(zip(wanted, free, strict=False))


def _places(function: _Function, short: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    for argument in function.args.args:
        if argument.arg in short:
            yield argument.lineno, argument.col_offset, argument.arg
    for node in _inner(function):
        if isinstance(node, ast.Name) and node.id in short:
            yield node.lineno, node.col_offset, node.id


def _inner(function: _Function) -> Iterator[ast.AST]:
    body = [function.body] if isinstance(function, ast.Lambda) else function.body
    return itertools.chain.from_iterable(map(ast.walk, body))


def _bindings(scope: ast.AST) -> set[str]:
    """Names that a function, class or comprehension gives a meaning of its own."""
    found = {node.arg for node in ast.walk(scope) if isinstance(node, ast.arg)}
    for node in ast.walk(scope):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                found.add(name)
            case ast.ExceptHandler(name=str(name)) | ast.alias(asname=str(name)):
                found.add(name)
            case ast.alias(name=name):
                found.add(name.partition(".")[0])
    return found


def _fixed(node: ast.AST) -> set[str]:
    """Names in a node that are not a place of their own in the text."""
    match node:
        case ast.ExceptHandler(name=str(name)) | ast.alias(asname=str(name)):
            return {name}
        case ast.alias(name=name):
            return {name}
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return set(names)
        case ast.JoinedStr():  # before Python 3.12 the places of names in it are wrong
            return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return set()


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | _bindings(tree)


def _letters() -> Iterator[str]:
    """a, b, … z, aa, ab, …"""
    for length in itertools.count(1):
        yield from map("".join, itertools.product(string.ascii_lowercase, repeat=length))
