"""Private names and arguments, shortened before an application is compiled for a board.

MicroPython keeps every name in its heap once, in pools that double when they are full, so names that
nobody else can see share a few short ones: a private attribute is `_a` in one class and `_a` in
another, an argument is `a` in every function. Line numbers, classes and whatever another module uses
stay, and with them what a crash is told by: file, line and error.

`sources` is always a whole application, since only that shows who else can see a name. Left alone is
whatever a string or a keyword mentions, what is reached through anything but `self`, and what a class
has from a base that is not of the application.
"""

import ast
import builtins
import itertools
import string
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from scripts.firmware import unused

_Edit = tuple[int, int, str, str]  # line from 1, column in bytes, what stands there, what shall
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Scope = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)


def shortened(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same application, with fewer names."""
    trees = {name: ast.parse(text) for name, text in sources.items() if name.endswith(".py")}
    seen = _mentioned(trees.values()) | unused.ENTRIES
    keywords = {
        node.arg
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg
    }
    edits: dict[str, list[_Edit]] = {name: [] for name in trees}
    for family in _families(trees):
        short = _of_family([trees[name] for name in family], seen)
        for name in family:
            edits[name] += _of_attributes(trees[name], sources[name], short)
    for name, tree in trees.items():
        edits[name] += _of_globals(tree, sources[name], seen)
        edits[name] += _of_arguments(tree, keywords)
    return {
        name: _rewritten(text, edits[name]) if name in trees else text
        for name, text in sources.items()
    }


# ---- what must stay


def _mentioned(trees: Iterable[ast.Module]) -> set[str]:
    """Names that somebody may look up: of keywords, in strings, imported, of what is not `self`."""
    found: set[str] = set()
    for node in itertools.chain.from_iterable(map(ast.walk, trees)):
        match node:
            case ast.Constant(value=str(text)):
                found.update(text.split())
            case ast.keyword(arg=str(name)) | ast.alias(name=name):
                found.add(name)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                found.update(names)
            case ast.JoinedStr():  # before Python 3.12 the places of names in it are wrong
                found.update(part.id for part in ast.walk(node) if isinstance(part, ast.Name))
                found.update(
                    part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)
                )
            case ast.Attribute(value=ast.Name(id="self")):
                pass
            case ast.Attribute(attr=name):
                found.add(name)
    return found


# ---- private attributes


def _families(trees: Mapping[str, ast.Module]) -> list[list[str]]:
    """Modules whose classes inherit from each other share their private names."""
    home = {
        node.name: name
        for name, tree in trees.items()
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }
    families = {name: [name] for name in trees}
    for name, tree in trees.items():
        for base in _bases(tree):
            other = home.get(base, name)
            if families[other] is not families[name]:
                families[name] += families[other]
                for member in families[other]:
                    families[member] = families[name]
    return list({id(family): family for family in families.values()}.values())


def _bases(tree: ast.Module) -> list[str]:
    return [
        base.id if isinstance(base, ast.Name) else ast.unparse(base)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
    ]


def _of_family(trees: list[ast.Module], seen: set[str]) -> dict[str, str]:
    """What each private attribute is to be called."""
    classes = {node.name for tree in trees for node in ast.walk(tree) if _is_class(node)}
    bases = {base for tree in trees for base in _bases(tree)}
    if not all(base in classes or hasattr(builtins, base) for base in bases - _aliases(trees)):
        return {}
    used: Counter[str] = Counter()
    own: set[str] = set()
    for node in itertools.chain.from_iterable(map(ast.walk, trees)):
        match node:
            case ast.Attribute(attr=name, ctx=context):
                used[name] += 1
                if isinstance(context, ast.Store):
                    own.add(name)
            case ast.ClassDef(body=body):
                own.update(item.name for item in body if _is_function(item))
                own.update(found.id for found in _of_class(node))
    wanted = [name for name, _ in used.most_common() if _private(name) and name in own - seen]
    free = (f"_{letters}" for letters in _letters() if f"_{letters}" not in own | {*used})
    return dict(zip(sorted(wanted, key=lambda name: (-used[name], name)), free, strict=False))


def _aliases(trees: list[ast.Module]) -> set[str]:
    """Other names that a module gives to a class of its own, `Before = Role`."""
    return {
        target.id
        for tree in trees
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _of_attributes(tree: ast.Module, source: bytes, short: Mapping[str, str]) -> Iterator[_Edit]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in short:
            at = (node.end_col_offset or 0) - len(node.attr)
            yield node.end_lineno or 0, at, node.attr, short[node.attr]
        elif isinstance(node, ast.ClassDef):
            for item in node.body:
                if _is_function(item) and item.name in short:
                    yield _of_definition(item, source, short)
            for found in _of_class(node):
                if found.id in short:
                    yield found.lineno, found.col_offset, found.id, short[found.id]


def _of_class(node: ast.ClassDef) -> list[ast.Name]:
    """Where a class itself has a value, `_due = None`, and where its body mentions that."""
    names = [
        found
        for item in node.body
        if not _is_function(item)
        for found in ast.walk(item)
        if isinstance(found, ast.Name)
    ]
    own = {found.id for found in names if isinstance(found.ctx, ast.Store)}
    return [found for found in names if found.id in own]


# ---- private names of a module


def _of_globals(tree: ast.Module, source: bytes, seen: set[str]) -> Iterator[_Edit]:
    """Functions and tables that only this module uses."""
    names = Counter(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    bound = _bound_inside(tree)
    defined = [item for item in tree.body if _is_function(item)]
    tables = [
        item.targets[0].id
        for item in tree.body
        if isinstance(item, ast.Assign)
        and isinstance(item.targets[0], ast.Name)
        and not _may_be_whole(item.value)
    ]
    kept = seen | bound | unused.ENTRIES
    wanted = [
        name
        for name in [*(item.name for item in defined), *tables]
        if name not in kept and not name.startswith("__")
    ]
    taken = {*names, *bound, *(item.name for item in defined)}
    free = (f"_{letters}" for letters in _letters() if f"_{letters}" not in taken)
    short = dict(zip(dict.fromkeys(wanted), free, strict=False))
    yield from (_of_definition(item, source, short) for item in defined if item.name in short)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in short:
            yield node.lineno, node.col_offset, node.id, short[node.id]


def _may_be_whole(value: ast.expr) -> bool:
    """Whether `constants` may have use for it."""
    number = isinstance(value, ast.Constant) and isinstance(value.value, int)
    return number or isinstance(value, ast.Name | ast.UnaryOp | ast.BinOp)


def _bound_inside(tree: ast.Module) -> set[str]:
    """Names that mean something else in some function or class."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, (*_Scope, ast.ClassDef)):
            found |= _bindings(node)
    return found


# ---- arguments


def _of_arguments(tree: ast.Module, seen: set[str]) -> Iterator[_Edit]:
    for item in ast.iter_child_nodes(tree):
        yield from _below(item, seen, set(), _names(item))


def _below(node: ast.AST, seen: set[str], given: set[str], names: set[str]) -> Iterator[_Edit]:
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


# ---- the text


def _of_definition(
    item: ast.FunctionDef | ast.AsyncFunctionDef, source: bytes, short: Mapping[str, str]
) -> _Edit:
    line = source.splitlines()[item.lineno - 1]
    return item.lineno, line.index(item.name.encode(), item.col_offset), item.name, short[item.name]


def _rewritten(source: bytes, edits: Iterable[_Edit]) -> bytes:
    lines = source.splitlines(keepends=True)
    by_line: defaultdict[int, set[tuple[int, str, str]]] = defaultdict(set)
    for number, column, old, new in edits:
        by_line[number].add((column, old, new))
    for number, changes in by_line.items():
        line = lines[number - 1]
        for column, old, new in sorted(changes, reverse=True):
            if line[column : column + len(old)] != old.encode():
                raise ValueError(f"line {number}: {old} does not stand at {column}")
            line = line[:column] + new.encode() + line[column + len(old) :]
        lines[number - 1] = line
    return b"".join(lines)


def _letters() -> Iterator[str]:
    """a, b, … z, aa, ab, …"""
    for length in itertools.count(1):
        yield from map("".join, itertools.product(string.ascii_lowercase, repeat=length))


def _private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def _is_class(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef)
