"""Which files of the repository make up an application.

The firmware's own package goes in whole, with the one role it plays; of `device/` and
`painlessmesh/` only the modules that are imported from there, followed import by import.
"""

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]

FOLDERS = {
    "device": "device",
    "gateway": "gateway_firmware/gateway",
    "node": "node_firmware/node",
    "painlessmesh": "painlessmesh",
    "roles": "node_firmware/roles",
}
FIRMWARE = {"gateway": "gateway_firmware", "node": "node_firmware"}


class SourceError(Exception):
    """The sources do not make this firmware; the text says what is missing or wrong."""


def of_application(
    application: str, node_type: str, replaced: Mapping[str, bytes], root: Path = REPOSITORY
) -> dict[str, bytes]:
    """Sources of the application `node` or `gateway`, by their name in a slot."""
    starts = [*names_in(application, root), *(name for name in replaced if is_module(name))]
    if application == "node":
        starts.append(f"roles/{node_type}.py")
    found = with_imports(starts, replaced, root)
    found.update({name: content for name, content in replaced.items() if not is_module(name)})
    return found


def of_factory(root: Path = REPOSITORY) -> dict[str, bytes]:
    """Sources of the loader and the board that lie in `lib/` and are never updated over the air."""
    return with_imports(["device/loader.py", "device/board.py"], {}, root)


def names_in(package: str, root: Path) -> list[str]:
    """Every module of a package, by its name in a slot."""
    return [f"{package}/{path.name}" for path in (root / FOLDERS[package]).glob("*.py")]


def with_imports(
    starts: Iterable[str], replaced: Mapping[str, bytes], root: Path
) -> dict[str, bytes]:
    """The sources of these modules and of all of ours that they import."""
    found: dict[str, bytes] = {}
    waiting = list(starts)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = replaced[name] if name in replaced else read(name, root)
        waiting.append(f"{name.partition('/')[0]}/__init__.py")
        for module in at_home(imports(name, found[name]), root):
            candidate = module.replace(".", "/") + ".py"
            if candidate in replaced or path_of(candidate, root).is_file():
                waiting.append(candidate)
    return found


def imports(name: str, source: bytes) -> set[str]:
    """Dotted names of ours that a source imports, wherever in it."""
    try:
        parsed = ast.parse(source, name)
    except SyntaxError as error:
        raise SourceError(f"{name}, line {error.lineno}: {error.msg}.") from error
    found = set()
    for statement in ast.walk(parsed):
        if isinstance(statement, ast.Import):
            found.update(alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            package = name.partition("/")[0] if statement.level else ""
            module = ".".join(part for part in (package, statement.module) if part)
            found.add(module)
            found.update(f"{module}.{alias.name}" for alias in statement.names)
    return {module for module in found if module.partition(".")[0] in FOLDERS and "." in module}


def at_home(modules: Iterable[str], root: Path) -> set[str]:
    """The same, and for a name that painlessmesh loads when it is first used, the module it is in."""
    source = read("painlessmesh/__init__.py", root)
    homes = next(
        (
            ast.literal_eval(statement.value)
            for statement in ast.parse(source).body
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "_HOME"
        ),
        {},
    )
    found = set(modules)
    found.update(
        f"painlessmesh.{homes[name.partition('.')[2]]}"
        for name in modules
        if name.partition(".")[2] in homes
    )
    return found


def is_module(name: str) -> bool:
    return name.endswith(".py") and name.partition("/")[0] in FOLDERS


def path_of(name: str, root: Path) -> Path:
    package, _, rest = name.partition("/")
    return root / FOLDERS[package] / rest


def read(name: str, root: Path) -> bytes:
    try:
        return path_of(name, root).read_bytes()
    except FileNotFoundError:
        raise SourceError(f"There is no {path_of(name, root).relative_to(root)}.") from None
