"""Where in a module a name stands that others can see: attributes of objects, names of the module itself.

A name that is local to a function is none of these, and neither is one in an f-string, whose places are wrong
before Python 3.12.
"""

import ast
from collections.abc import Iterable, Iterator

Place = tuple[int, int, str]  # line from 1, column in bytes, the name that stands there
_Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Module:
    """`places` are those of attributes and of names of the module, `named` the latter alone, without imports;
    `local_imports` are those of what a function imports."""

    def __init__(self, source: bytes) -> None:
        self.tree = ast.parse(source)
        self.places: list[Place] = []
        self.named: list[Place] = []
        self.globals: set[str] = set()
        self.local_imports: list[Place] = []
        self._lines = source.splitlines()
        for statement in self.tree.body:
            self._visit(statement, [], None)

    def _visit(self, node: ast.AST, around: list[set[str]], own: set[str] | None) -> None:
        """`around` is what the functions around it bind, `own` what a class does whose body this is in."""
        match node:
            case ast.JoinedStr():
                return
            case ast.ClassDef():
                self._class(node, around, own)
                return
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                self._function(node, around, own)
                return
            case ast.Attribute():
                at = (node.end_col_offset or 0) - len(node.attr)
                self.places.append((node.end_lineno or 0, at, node.attr))
            case ast.Name():
                self._name((node.lineno, node.col_offset, node.id), around, own)
            case ast.ImportFrom():
                self._import(node, around)
        if isinstance(node, _COMPREHENSIONS):
            around = [*around, bindings([part.target for part in node.generators])]
        for child in ast.iter_child_nodes(node):
            self._visit(child, around, own)

    def _class(self, node: ast.ClassDef, around: list[set[str]], own: set[str] | None) -> None:
        self._name(self._defined_at(node), around, own)
        for outside in [*node.decorator_list, *node.bases]:
            self._visit(outside, around, own)
        inside = bindings(node.body)
        for statement in node.body:
            self._visit(statement, around, inside)

    def _function(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        around: list[set[str]],
        own: set[str] | None,
    ) -> None:
        outside: list[ast.expr] = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
        body: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else [*node.body]
        if not isinstance(node, ast.Lambda):
            self._name(self._defined_at(node), around, own)
            outside += node.decorator_list
        for expression in outside:
            self._visit(expression, around, own)
        given = {found.arg for found in ast.walk(node.args) if isinstance(found, ast.arg)}
        for statement in body:
            self._visit(statement, [*around, bindings(body) | given], None)

    def _import(self, node: ast.ImportFrom, around: list[set[str]]) -> None:
        for alias in node.names:
            place = (alias.lineno, alias.col_offset, alias.name)
            if around and alias.asname is None:
                self.local_imports.append(place)
            else:
                self.places.append(place)
                self.globals.add(alias.name)

    def _name(self, place: Place, around: list[set[str]], own: set[str] | None) -> None:
        name = place[2]
        if own is not None and name in own:
            self.places.append(place)
        elif not any(name in names for names in around):
            self.places.append(place)
            self.named.append(place)
            self.globals.add(name)

    def _defined_at(self, node: _Definition) -> Place:
        line = self._lines[node.lineno - 1]
        return node.lineno, line.index(node.name.encode(), node.col_offset + len("def")), node.name


def bindings(body: Iterable[ast.AST]) -> set[str]:
    """Names that these statements bind in their own scope, without what the functions in them do."""
    return set(_bound(body))


def _bound(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name
                continue
            case (
                ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp()
            ):
                continue
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.ExceptHandler(name=str(name)) | ast.alias(asname=str(name)):
                yield name
            case ast.alias(name=name):
                yield name.partition(".")[0]
        yield from _bound(ast.iter_child_nodes(node))
