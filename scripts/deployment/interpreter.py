"""Which Python runs the deployment: the one that mpremote is installed for.

mpremote is started as a module and brings pyserial, with which the console is read. Where it was installed
by pipx, or by scripts/setup, its own Python is another one: then that one takes over.
"""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from scripts.deployment.errors import DeployError

TAKEN_OVER = "MESH_OTA_TAKEN_OVER"
MISSING = (
    "mpremote is needed. In a clone, scripts/setup --deploy gets it; elsewhere: "
    "'python3 -m pip install mpremote', or 'pipx install mpremote'."
)


def with_mpremote(own_tools: Path) -> None:
    """Go on if this Python has mpremote, else start again with one that has. Raises DeployError."""
    if importlib.util.find_spec("mpremote") and importlib.util.find_spec("serial"):
        return
    found = python_of(own_tools / "mpremote") or python_of(shutil.which("mpremote"))
    if found is None or TAKEN_OVER in os.environ:
        raise DeployError(MISSING)
    os.environ[TAKEN_OVER] = "1"
    os.execv(found, [found, *sys.argv])  # noqa: S606  the Python that the user installed mpremote for


def python_of(program: Path | str | None) -> str | None:
    """The interpreter that a Python program names in its first line, or that lies beside it."""
    if program is None or not Path(program).is_file():
        return None
    with open(program, "rb") as file:
        first = file.readline(512).decode(errors="replace").strip()
    named = Path(first.removeprefix("#!").strip())
    beside = (
        Path(program).resolve().with_name("python3")
    )  # a long path does not fit into the first line
    for python in (named, beside):
        if first.startswith("#!") and python.name.startswith("python") and python.is_file():
            return str(python)
    return None
