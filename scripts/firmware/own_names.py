"""Names of an application's own functions, classes and attributes, shortened in all of its modules at once.

MicroPython keeps every name in its heap once, in pools that double when they are full. So one short name
stands for many: those that no object and no module has both, such as a method of one class and the
attribute of another. `file:line` and the error stay, by which a crash is told.

`sources` is always a whole application. A name stays that somebody else may mean: one in a string, one
that MicroPython has too (`FOREIGN`), whatever a role mentions, which may be of somebody else's making.
"""

import ast
import asyncio
import binascii
import builtins
import hashlib
import io
import itertools
import json
import keyword
import os
import socket
import struct
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from scripts.firmware import unused
from scripts.firmware.scopes import Module
from scripts.firmware.text import rewritten

# What Python itself has is never ours, and of what MicroPython and its boards have beyond that, the names that are ours
# as well; a test holds them against MicroPython's stubs.
_PYTHON = (*vars(builtins).values(), hashlib.sha256(), asyncio, binascii, io, json, os, socket, struct, sys, time)
_PYTHON += (asyncio.Event, asyncio.StreamReader, asyncio.StreamWriter, asyncio.Task, io.BytesIO, io.StringIO, socket.socket)
FOREIGN = frozenset(
    """
    DIGITS FrameBuffer IDLE MAGIC MARK ORDER UINT32 active block board buffer build commit
    config data feed floor host id idle install main md5 parents parse pending phase port random
    request reset reset_cause scan session sha256 size state status verify
    """.split()
).union(*map(dir, _PYTHON))
_Names = dict[str, Module]


def shortened(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same application, with short names for what nobody else can mean."""
    modules = _modules(sources)
    short = _colours(modules)
    return {
        name: rewritten(text, _edits(modules[name], short)) if name in modules else text
        for name, text in sources.items()
    }


# ---- which names may be others


def free(sources: Mapping[str, bytes]) -> set[str]:
    """Names of an application that `shortened` changes."""
    return _free(_modules(sources))


def defined(sources: Mapping[str, bytes]) -> set[str]:
    """Names that it gives to something of its own."""
    return _defined(_modules(sources))


def _modules(sources: Mapping[str, bytes]) -> _Names:
    return {name: Module(text) for name, text in sources.items() if name.endswith(".py")}


def _free(modules: _Names) -> set[str]:
    """Names that the application defines and that nobody else can mean."""
    kept = unused.ENTRIES | FOREIGN | _module_names(modules)
    kept |= {name for module in modules.values() for name in _constants_of(module)}
    for name, module in modules.items():
        kept |= _mentioned(module.tree)
        if _is_outside(name):
            kept |= {place[2] for place in [*module.attributes, *module.globals]}
            kept |= _globals_of(module)
    kept.update(*(_attributes_of(node) for node in _of_strange_bases(modules)))
    return {name for name in _defined(modules) - kept if not name.startswith("__")}


def _defined(modules: _Names) -> set[str]:
    """Every name that the application gives to something of its own."""
    own: set[str] = set()
    for module in modules.values():
        own |= _globals_of(module)
        own.update(*(_attributes_of(node) for node in ast.walk(module.tree)))
    return own


def _of_strange_bases(modules: _Names) -> Iterator[ast.ClassDef]:
    """Classes that may have more from elsewhere than can be seen."""
    classes = [
        node
        for module in modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
    ]
    known = {node.name for node in classes} | set(dir(builtins))
    known |= {name for module in modules.values() for name in _globals_of(module)}
    for node in classes:
        if any(ast.unparse(base) not in known for base in node.bases):
            yield node


def _is_outside(name: str) -> bool:
    """A role, which may be of somebody's own making, or what is no part of a package."""
    return name.startswith("roles/") or "/" not in name


def _module_names(modules: Iterable[str]) -> set[str]:
    return {step for name in modules for step in name.removesuffix(".py").split("/")}


def _mentioned(tree: ast.Module) -> set[str]:
    """Names that stand in strings or where no edit can reach them."""
    found: set[str] = set()
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in told:
                words = text.split()
                if all(word.isidentifier() for word in words):
                    found.update(words)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                found.update(names)
            case ast.JoinedStr():
                found.update(part.id for part in ast.walk(node) if isinstance(part, ast.Name))
                found.update(
                    part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)
                )
            case ast.alias(asname=str(name)):
                found.add(name)
    return found


def _globals_of(module: Module) -> set[str]:
    """Names that the module itself has."""
    found: set[str] = set()
    for statement in module.tree.body:
        match statement:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.Assign(targets=targets):
                named = [one for target in targets for one in ast.walk(target)]
                found.update(one.id for one in named if isinstance(one, ast.Name))
    return found


def _constants_of(module: Module) -> set[str]:
    """What the compiler puts in the place of its name, `_NAME = const(5)`."""
    return {
        place.id
        for statement in module.tree.body
        if isinstance(statement, ast.Assign) and ast.unparse(statement.value).startswith("const(")
        for place in statement.targets
        if isinstance(place, ast.Name)
    }


def _attributes_of(node: ast.AST) -> set[str]:
    """Names that objects of this class have, if it is one, by its own doing."""
    if not isinstance(node, ast.ClassDef):
        return set()
    found = {item.name for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)}
    for part in ast.walk(node):
        match part:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                found.add(name)
    for item in node.body:
        if isinstance(item, ast.Assign):
            found.update(one.id for target in item.targets for one in ast.walk(target) if isinstance(one, ast.Name))
    return found


# ---- what they are called


def _colours(modules: _Names) -> dict[str, str]:
    """A short name for each, two of which are the same only where nothing has both."""
    free = _free(modules)
    groups = [*_of_modules(modules), *_of_families(modules)]
    lonely = {
        place.attr
        for module in modules.values()
        for place in ast.walk(module.tree)
        if isinstance(place, ast.Attribute)
        and isinstance(place.ctx, ast.Store)
        and not (isinstance(place.value, ast.Name) and place.value.id == "self")
    }
    uses = Counter(
        place[2]
        for module in modules.values()
        for place in [*module.attributes, *module.globals]
        if place[2] in free
    )
    apart: defaultdict[str, set[str]] = defaultdict(set)
    for group in groups:
        for name in group & free:
            apart[name] |= group
    taken = {name for module in modules.values() for name in _all_names(module)}
    letters = [word for word in itertools.islice(_letters(), 2000) if word not in taken]
    short: dict[str, str] = {}
    for name in sorted(free & uses.keys(), key=lambda name: (-uses[name], name)):
        if name in lonely:
            near = set(short.values())
        else:
            near = {short[other] for other in apart[name] if other in short}
            near |= {short[other] for other in lonely if other in short}
        short[name] = next(word for word in letters if word not in near)
    return short


def _of_modules(modules: _Names) -> Iterable[set[str]]:
    for module in modules.values():
        yield _globals_of(module) | {place[2] for place in module.globals}


def _of_families(modules: _Names) -> Iterable[set[str]]:
    """What the objects of a class and of all that inherit from each other have."""
    own: dict[str, set[str]] = {}
    near: dict[str, set[str]] = {}
    for module in modules.values():
        aliases = {}
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                own[node.name] = own.get(node.name, set()) | _attributes_of(node)
                bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
                near.setdefault(node.name, set()).update(bases)
    seen: set[str] = set()
    for name in own:
        if name in seen:
            continue
        family, waiting = set(), [name]
        while waiting:
            one = waiting.pop()
            if one in family:
                continue
            family.add(one)
            waiting += [*near.get(one, ()), *(other for other in near if one in near[other])]
        seen |= family
        yield set().union(*(own.get(one, set()) for one in family))


def _all_names(module: Module) -> set[str]:
    found = set()
    for node in ast.walk(module.tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
                found.add(name)
            case ast.alias(name=name):
                found.update(name.split("."))
    return found


# ---- the text


def _edits(module: Module, short: Mapping[str, str]):
    for line, at, name in [*module.attributes, *module.globals]:
        if name in short:
            yield line, at, name, short[name]
    for line, at, name in module.local_imports:
        if name in short:
            yield line, at, name, f"{short[name]} as {name}"


def _letters():
    for length in itertools.count(1):
        for letters in itertools.product("abcdefghijklmnopqrstuvwxyz", repeat=length):
            word = "".join(letters)
            if not keyword.iskeyword(word):
                yield word
