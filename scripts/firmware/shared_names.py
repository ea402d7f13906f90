"""One short name for many of an application's own functions, classes and attributes, in all of its modules at once.

MicroPython keeps every name in its heap once, in pools that double when they are full. So names share a short one
that no object and no module has both, such as a method of one class and an attribute of another. File, line and
error stay, by which a crash is told. Which names are the application's own is `own_names`'.
"""

import ast
import itertools
import keyword
import string
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from scripts.firmware import own_names
from scripts.firmware.own_names import Modules
from scripts.firmware.scopes import Module
from scripts.firmware.text import Edit, rewritten


def shortened(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same application; `sources` must be all of it."""
    modules = own_names.modules_of(sources)
    short = _colours(modules)
    return {
        name: rewritten(text, _edits(modules[name], short)) if name in modules else text
        for name, text in sources.items()
    }


def _colours(modules: Modules) -> dict[str, str]:
    """A short name for each, two of which are the same only where nothing has both."""
    free = own_names.free(modules)
    apart: defaultdict[str, set[str]] = defaultdict(set)
    for group in [*_of_modules(modules), *_of_families(modules)]:
        for name in group & free:
            apart[name] |= group
    lonely = _set_from_outside(modules)
    uses = Counter(place[2] for module in modules.values() for place in module.places)
    words = _words({name for module in modules.values() for name in _all_names(module)})
    short: dict[str, str] = {}
    for name in sorted(free & uses.keys(), key=lambda name: (-uses[name], name)):
        near = set(short) if name in lonely else apart[name] | lonely
        taken = {short[other] for other in near if other in short}
        short[name] = next(word for word in words if word not in taken)
    return short


def _set_from_outside(modules: Modules) -> set[str]:
    """Attributes of objects of which nobody sees what class they have; they share their names with nothing."""
    return {
        place.attr
        for module in modules.values()
        for place in ast.walk(module.tree)
        if isinstance(place, ast.Attribute)
        and isinstance(place.ctx, ast.Store)
        and not (isinstance(place.value, ast.Name) and place.value.id == "self")
    }


def _of_modules(modules: Modules) -> Iterator[set[str]]:
    for module in modules.values():
        yield own_names.globals_of(module) | module.globals


def _of_families(modules: Modules) -> Iterator[set[str]]:
    """What the objects of a class and of all that inherit from each other have."""
    own: dict[str, set[str]] = {}
    near: dict[str, set[str]] = {}
    for module in modules.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                own[node.name] = own.get(node.name, set()) | own_names.attributes_of(node)
                bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
                near.setdefault(node.name, set()).update(bases)
    left = set(own)
    while left:
        family = _relatives(min(left), near)
        left -= family
        yield set().union(*(own.get(one, set()) for one in family))


def _relatives(name: str, near: Mapping[str, set[str]]) -> set[str]:
    """The class, its bases, theirs, and all that have one of them."""
    family: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in family:
            family.add(one)
            waiting += [*near.get(one, ()), *(other for other in near if one in near[other])]
    return family


def _all_names(module: Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(module.tree):
        match node:
            case (
                ast.Name(id=name)
                | ast.Attribute(attr=name)
                | ast.arg(arg=name)
                | ast.keyword(arg=str(name))
            ):
                found.add(name)
            case ast.alias(name=name):
                found.update(name.split("."))
    return found


# ---- the text


def _edits(module: Module, short: Mapping[str, str]) -> Iterator[Edit]:
    for line, at, name in module.places:
        if name in short:
            yield line, at, name, short[name]
    for line, at, name in module.local_imports:
        if name in short:
            yield line, at, name, f"{short[name]} as {name}"


def _words(taken: set[str]) -> list[str]:
    """a, b, … z, aa, ab, …, without what means something already."""
    lengths = (itertools.product(string.ascii_lowercase, repeat=length) for length in (1, 2, 3))
    words = map("".join, itertools.chain.from_iterable(lengths))
    return [word for word in words if word not in taken and not keyword.iskeyword(word)]
