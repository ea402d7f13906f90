"""Type-checks the device code with pyright, against the stubs of MicroPython on an ESP32.

Here lives the one thing that pyright cannot be told in its settings. Device code is annotated with builtins alone, so
what is handed in from outside (a board, a mesh, a clock) is an `object`, and what is handed in later (a callback, a
link) begins as `None`; the tests are what check the use of both. Complaints about those two are left out; wrong calls
of `machine` or `network`, of MicroPython's library and of our own code are not.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

PYRIGHT = Path(sys.executable).with_name("pyright")
NOT_KNOWN_HERE = re.compile(r'"object\*?"|\bobject \||\| object\b|type "object|\bNone\b')


def complaints() -> list[dict]:
    """What pyright has to say, without what it says of an `object` or a `None`."""
    # Its wrapper would look for a newer pyright at each start.
    environment = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    run = subprocess.run(
        [PYRIGHT, "--outputjson"], capture_output=True, text=True, env=environment, check=False
    )
    try:
        found = json.loads(run.stdout)["generalDiagnostics"]
    except ValueError:
        sys.exit(f"pyright did not answer: {run.stderr or run.stdout}")
    return [one for one in found if not NOT_KNOWN_HERE.search(one["message"])]


def main() -> int:
    """Print one line each; return the exit code."""
    found = complaints()
    for one in found:
        path = Path(one["file"]).relative_to(Path.cwd())
        start = one["range"]["start"]
        message = one["message"].replace("\n", "\n    ")
        print(
            f"{path}:{start['line'] + 1}:{start['character'] + 1}: {message} ({one.get('rule', one['severity'])})"
        )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
