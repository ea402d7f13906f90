"""Modules that an application holds as long as it runs, made one before they are compiled for a board.

Each module of its own costs a board about 400 bytes, and every name that it takes from another one 16 more, in both.
What is loaded for a moment, or has to be loaded earlier than the rest, stays a module, and so does whatever cannot be
read for certain. What was one keeps its lines side by side with the others; a `.lines` file beside the whole says
which they are, for a crash is told by file and line. Names that would mean two things there get the name of their
module as well.
"""

import ast
from collections.abc import Iterator, Mapping

from scripts.firmware.resident import Parsed, residents
from scripts.firmware.sources import SourceError
from scripts.firmware.text import Edit, rewritten

HEADS = (("gateway/app.py", "gateway/gateway.py"), ("node/app.py", "node/app.py"))
"""of each application: what the loader starts, and the module that becomes one with all that it imports"""

_Meaning = tuple[
    str, str
]  # the module that has it, "" for what is not ours, and the name that it has there


def merged(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same application; `sources` must be all of it."""
    for entry, head in HEADS:
        if entry in sources and head in sources:
            return _Merger(sources, entry, head).result()
    return dict(sources)


class _Merger:
    def __init__(self, sources: Mapping[str, bytes], entry: str, head: str) -> None:
        self._sources = sources
        self._parsed = {
            name: Parsed(name, text, sources)
            for name, text in sources.items()
            if name.endswith(".py")
        }
        self._head = head
        self._order = residents(self._parsed, entry, head)
        self._final = self._final_names()
        self._expect_fixed_names()

    def result(self) -> dict[str, bytes]:
        one, index = b"", ""
        for name in self._order:
            line = len(one.splitlines()) + 1
            index += f"{line} {name}\n"
            one += self._changed(name).rstrip(b"\n") + b"\n"
        left = {
            name: self._changed(name) if name in self._parsed else text
            for name, text in self._sources.items()
            if name not in self._order
        }
        lines = self._head.removesuffix(".py") + ".lines"
        return left | {self._head: one, lines: index.encode()}

    # ---- what a name means

    def _meaning(self, module: Parsed, name: str) -> _Meaning:
        if name in module.taken:
            home, there = module.taken[name]
            if home in self._order and there:
                return self._meaning(self._parsed[home], there)
            return home, there
        return (module.name, name) if name in module.own else ("", name)

    def _final_names(self) -> dict[_Meaning, str]:
        """Of what the merged modules have: its own name, unless another of them means something else by that."""
        meant: dict[str, set[_Meaning]] = {}
        for name in self._order:
            module = self._parsed[name]
            for word in module.words:
                meant.setdefault(word, set()).add(self._meaning(module, word))
        return {
            (name, word): word
            if len(meant.get(word, ())) < 2 or name == self._head
            else f"{word}_of_{name.removesuffix('.py').replace('/', '_')}"
            for name in self._order
            for word in self._parsed[name].own
        }

    def _expect_fixed_names(self) -> None:
        """Raises SourceError for a name in an f-string that would have to be another one."""
        for module in map(self._parsed.__getitem__, self._order):
            for word in module.fixed() & (module.own | module.taken.keys()):
                meaning = self._meaning(module, word)
                if self._final.get(meaning, meaning[1] and word) != word:
                    raise SourceError(
                        f"{module.name} has {word} in an f-string: give it a name that no other module has."
                    )

    # ---- the text

    def _changed(self, name: str) -> bytes:
        module = self._parsed[name]
        edits = [*self._imports(module)]
        if name in self._order:
            edits += [*self._names(module), *self._attributes(module)]
        return rewritten(self._sources[name], edits)

    def _names(self, module: Parsed) -> Iterator[Edit]:
        for line, at, word in module.places:
            final = self._final.get(self._meaning(module, word), word)
            if final != word:
                yield line, at, word, final

    def _attributes(self, module: Parsed) -> Iterator[Edit]:
        """`layout.contains`, where `layout` is in here as well."""
        for node, home in module.through_modules():
            if home in self._order:
                found = self._meaning(self._parsed[home], node.attr)
                old = ast.get_source_segment(self._sources[module.name].decode(), node) or ""
                yield node.lineno, node.col_offset, old, self._final[found]

    def _imports(self, module: Parsed) -> Iterator[Edit]:
        """Imports of what is in here: none are left in here, and elsewhere they are from the whole."""
        for statement in module.imports:
            homes = {
                alias.asname or alias.name: module.target(statement, alias)
                for alias in statement.names
            }
            if not any(home in self._order for home, _ in homes.values()):
                continue
            inside = module.name in self._order
            left = [] if inside else [*self._from_whole(homes)]
            others = [
                alias
                for alias in statement.names
                if homes[alias.asname or alias.name][0] not in self._order
            ]
            new = [f"from {_dotted(self._head)} import {', '.join(left)}"] if left else []
            new += (
                [f"from {statement.module} import {', '.join(map(ast.unparse, others))}"]
                if others
                else []
            )
            yield from module.instead_of(statement, "; ".join(new) or "pass")

    def _from_whole(self, homes: Mapping[str, _Meaning]) -> Iterator[str]:
        for name, (home, there) in homes.items():
            if home in self._order:
                final = self._final[self._meaning(self._parsed[home], there)]
                yield final if final == name else f"{final} as {name}"


def _dotted(name: str) -> str:
    return name.removesuffix(".py").replace("/", ".")
