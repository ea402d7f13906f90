"""Where in a module a name stands that others can see: attributes of objects, names of the module itself.

A name that is local to a function is none of these, and neither is one in an f-string, whose places are wrong
before Python 3.12.
"""

import ast
from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Place = tuple[int, int, str]  # line from 1, column in bytes, the name that stands there


class Module:
    """`attributes` and `globals` are places; `bound` is what each local import binds, in its place."""

    def __init__(self, source: bytes) -> None:
        self.tree = ast.parse(source)
        self.attributes: list[Place] = []
        self.globals: list[Place] = []
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
                self._define(node, around, own)
                for outside in [*node.decorator_list, *node.bases]:
                    self._visit(outside, around, own)
                inside = bindings(node.body)
                for statement in node.body:
                    self._visit(statement, around, inside)
                return
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                self._function(node, around, own)
                return
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                targets = bindings([part.target for part in node.generators])
                for child in ast.iter_child_nodes(node):
                    self._visit(child, [*around, targets], own)
                return
            case ast.Attribute():
                at = (node.end_col_offset or 0) - len(node.attr)
                self.attributes.append((node.end_lineno or 0, at, node.attr))
            case ast.Name():
                self._name(node.id, node.lineno, node.col_offset, around, own)
            case ast.ImportFrom():
                for alias in node.names:
                    place = (alias.lineno, alias.col_offset, alias.name)
                    local = around and alias.asname is None
                    (self.local_imports if local else self.globals).append(place)
        for child in ast.iter_child_nodes(node):
            self._visit(child, around, own)

    def _function(self, node: Function, around: list[set[str]], own: set[str] | None) -> None:
        if not isinstance(node, ast.Lambda):
            self._define(node, around, own)
            for outside in node.decorator_list:
                self._visit(outside, around, own)
        for default in [*node.args.defaults, *filter(None, node.args.kw_defaults)]:
            self._visit(default, around, own)
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        inside = bindings(body) | {found.arg for found in ast.walk(node.args) if _is_arg(found)}
        for statement in body:
            self._visit(statement, [*around, inside], None)

    def _define(
        self,
        node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
        around: list[set[str]],
        own: set[str] | None,
    ) -> None:
        line = self._lines[node.lineno - 1]
        column = line.index(node.name.encode(), node.col_offset + len("class" if _is_class(node) else "def"))
        self._name(node.name, node.lineno, column, around, own)

    def _name(
        self, name: str, line: int, column: int, around: list[set[str]], own: set[str] | None
    ) -> None:
        if own is not None and name in own:
            self.attributes.append((line, column, name))
        elif not any(name in names for names in around):
            self.globals.append((line, column, name))


def bindings(body: list[ast.stmt] | list[ast.expr]) -> set[str]:
    """Names that these statements bind in their own scope, without what the functions in them do."""
    return set(_bound(body))


def _bound(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name
                continue
            case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                continue
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.ExceptHandler(name=str(name)) | ast.alias(asname=str(name)):
                yield name
            case ast.alias(name=name):
                yield name.partition(".")[0]
        yield from _bound(list(ast.iter_child_nodes(node)))


def _is_arg(node: ast.AST) -> bool:
    return isinstance(node, ast.arg)


def _is_class(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef)
