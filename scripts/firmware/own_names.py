"""Which names of an application are its own: those that nobody else can mean by the same word.

A name stays that somebody else may mean: one in a string, one that MicroPython has too (`FOREIGN`), whatever a
role mentions, which may be of somebody else's making, and what a class has whose base is not of the application.
"""

import ast
import asyncio
import binascii
import builtins
import hashlib
import io
import json
import os
import socket
import struct
import sys
import time
from collections.abc import Iterable, Iterator, Mapping

from scripts.firmware import unused
from scripts.firmware.scopes import Module

Modules = Mapping[str, Module]

# What Python itself has is never ours, and of what MicroPython and its boards have beyond that, the names that are ours
# as well; a test holds them against MicroPython's stubs.
_PYTHON: tuple[object, ...] = (
    *vars(builtins).values(),
    *(asyncio, binascii, io, json, os, socket, struct, sys, time, hashlib.sha256()),
    *(asyncio.Event, asyncio.StreamReader, asyncio.StreamWriter, asyncio.Task),
    *(io.BytesIO, io.StringIO, socket.socket),
)
FOREIGN = frozenset(
    """
    DIGITS FrameBuffer IDLE MAGIC MARK ORDER UINT32 active block board buffer build commit
    config data feed floor host id idle install main md5 parents parse pending phase port push random
    request reset reset_cause scan session sha256 size state status verify
    """.split()  # noqa: SIM905 - a list of them would be one to a line
).union(*map(dir, _PYTHON))


def modules_of(sources: Mapping[str, bytes]) -> dict[str, Module]:
    return {name: Module(text) for name, text in sources.items() if name.endswith(".py")}


def free(modules: Modules) -> set[str]:
    """Names that the application defines and that nobody else can mean."""
    kept = unused.ENTRIES | FOREIGN | _module_names(modules)
    kept |= {name for module in modules.values() for name in _constants_of(module)}
    for name, module in modules.items():
        kept |= _mentioned(module.tree)
        if _is_outside(name):
            kept |= {place[2] for place in module.places} | globals_of(module)
    kept.update(*(attributes_of(node) for node in _of_strange_bases(modules)))
    return {name for name in defined(modules) - kept if not name.startswith("__")}


def defined(modules: Modules) -> set[str]:
    """Every name that the application gives to something of its own."""
    own: set[str] = set()
    for module in modules.values():
        own |= globals_of(module)
        own.update(*(attributes_of(node) for node in ast.walk(module.tree)))
    return own


def _of_strange_bases(modules: Modules) -> Iterator[ast.ClassDef]:
    """Classes that may have more from elsewhere than can be seen."""
    classes = [
        node
        for module in modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
    ]
    known = {node.name for node in classes} | set(dir(builtins))
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


def globals_of(module: Module) -> set[str]:
    """Names that the module itself has."""
    found: set[str] = set()
    for statement in module.tree.body:
        match statement:
            case (
                ast.ClassDef(name=name)
                | ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
            ):
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


def attributes_of(node: ast.AST) -> set[str]:
    """Names that objects of this class have, if it is one, by its own doing."""
    if not isinstance(node, ast.ClassDef):
        return set()
    found: set[str] = set()
    for item in node.body:
        match item:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.Assign(targets=targets):
                named = [one for target in targets for one in ast.walk(target)]
                found.update(one.id for one in named if isinstance(one, ast.Name))
    for part in ast.walk(node):
        match part:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                found.add(name)
    return found
