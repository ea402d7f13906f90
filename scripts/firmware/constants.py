"""Whole numbers with a name, put in the place of the name before a module is compiled for a board.

MicroPython keeps every name in its heap, in pools that double when they are full: one name too many
costs 14 KB in one piece. `_NAME = const(5)` leaves nothing of a name behind, but would be a strange
sight in the sources; so this is done to the text on its way to mpy-cross. Line numbers stay, for a
crash is told with them.

Only what nobody else can see is touched: a name that no other module, no string and no second
assignment of the application mentions.
"""

import ast
import io
import tokenize
from collections.abc import Mapping

_WHOLE = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.LShift, ast.BitOr)

_Edit = tuple[int, int, bytes]  # line from 1, column in bytes, what goes in there


def inlined(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same application; `sources` must be all of it."""
    words = {name: _words(source) for name, source in sources.items() if name.endswith(".py")}
    return {
        name: _rewritten(source, _own(name, source, words)) if name in words else source
        for name, source in sources.items()
    }


def _own(name: str, source: bytes, words: Mapping[str, set[str]]) -> dict[str, ast.Assign]:
    """The statements whose names only this module knows, by name and in order."""
    tree = ast.parse(source)
    stored = [
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    ]
    hidden = _mentioned(tree).union(*(found for other, found in words.items() if other != name))
    found: dict[str, ast.Assign] = {}
    for statement in tree.body:
        target = _target(statement)
        alone = target and stored.count(target) == 1 and target not in hidden
        if alone and _is_whole(statement.value, found):
            found[target] = statement
    return found


def _target(statement: ast.stmt) -> str:
    """NAME of a one-line `NAME = …`; "" of everything else."""
    if not isinstance(statement, ast.Assign) or statement.lineno != statement.end_lineno:
        return ""
    target = statement.targets[0]
    single = len(statement.targets) == 1 and isinstance(target, ast.Name)
    return target.id if single and target.id.isupper() else ""


def _is_whole(value: ast.expr, known: Mapping[str, ast.Assign]) -> bool:
    match value:
        case ast.Constant(value=int()):
            return True
        case ast.Name(id=name):
            return name in known
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _is_whole(operand, known)
        case ast.BinOp(left=left, op=operator, right=right):
            both = _is_whole(left, known) and _is_whole(right, known)
            return isinstance(operator, _WHOLE) and both
    return False


def _mentioned(tree: ast.Module) -> set[str]:
    """Names that stand for something else as well: attributes, arguments, globals, strings."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
                found.add(name)
            case ast.Global(names=names):
                found.update(names)
            case ast.Constant(value=str(text)):
                found.add(text)
            case ast.JoinedStr():  # one token before Python 3.12
                found.update(part.id for part in ast.walk(node) if isinstance(part, ast.Name))
    return found


def _words(source: bytes) -> set[str]:
    """Every name in a module, and every string, which may be one."""
    found = {token.string for token in _tokens(source) if token.type == tokenize.NAME}
    return found | {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _tokens(source: bytes) -> list[tokenize.TokenInfo]:
    return list(tokenize.tokenize(io.BytesIO(source).readline))


def _rewritten(source: bytes, own: Mapping[str, ast.Assign]) -> bytes:
    lines = source.splitlines(keepends=True)
    # From the end, so that the places before stay; of two at one place, `const(` goes in last.
    for number, column, text in sorted(_edits(source, lines, own), key=_place, reverse=True):
        line = lines[number - 1]
        lines[number - 1] = line[:column] + text + line[column:]
    return b"".join(lines)


def _edits(source: bytes, lines: list[bytes], own: Mapping[str, ast.Assign]) -> list[_Edit]:
    edits: list[_Edit] = []
    for statement in own.values():
        value = statement.value
        edits.append((value.lineno, value.col_offset, b"const("))
        edits.append((value.lineno, value.end_col_offset or 0, b")"))
    for token in _tokens(source):
        if token.type == tokenize.NAME and token.string in own:
            line, column = token.start
            edits.append((line, len(lines[line - 1].decode()[:column].encode()), b"_"))
    return edits


def _place(edit: _Edit) -> tuple[int, int, bool]:
    return edit[0], edit[1], edit[2] != b"const("
