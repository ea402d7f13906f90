"""What a board says after its restart: its setup key, or why its program ended.

Reading alone, with pyserial: mpremote would interrupt the program. A port that vanishes for a moment, as that of a
board with native USB does, is opened again.
"""

import re
import time
from collections.abc import Iterator

from scripts.deployment.errors import DeployError

SETUP_KEY = re.compile(r"setup key: ((?:[A-Z2-7]{4}-){13}[A-Z2-7])\b")
JOINED = "home network: joined"
NOT_JOINED = "home network: not reached"
ATTEMPTS = 2  # the first one after a power-on may fail
FAILED = "Traceback (most recent call last)"
PAUSE = 0.2
BAUD = 115200


def lines(port: str, seconds: float) -> Iterator[str]:
    """Whole lines as they are said, for that long."""
    import serial  # noqa: PLC0415  comes with mpremote, which --help can do without

    deadline = time.monotonic() + seconds
    line, rest = None, b""
    try:
        while time.monotonic() < deadline:
            try:
                line = line or serial.Serial(port, BAUD, timeout=PAUSE)
                rest += line.read(max(1, line.in_waiting))
            except (OSError, serial.SerialException):
                line = None
                time.sleep(PAUSE)
            *whole, rest = rest.split(b"\n")
            yield from (one.decode(errors="replace").rstrip() for one in whole)
    finally:
        if line is not None:
            line.close()


def wait_for_setup_key(port: str, seconds: float) -> str:
    """Raises DeployError when the gateway's program ends, or says no key in time."""
    for line in _until_failure(port, seconds):
        found = SETUP_KEY.search(line)
        if found:
            return found[1]
    raise DeployError(
        f"The gateway said no setup key within {seconds:.0f} s. Press its reset button and look at its console: 'mpremote "
        f"connect {port} repl'."
    )


def joined_wifi(port: str, seconds: float) -> bool:
    """Whether the gateway says so in time, or within two attempts. Raises DeployError when its program ends."""
    failures = 0
    for line in _until_failure(port, seconds):
        if JOINED in line:
            return True
        failures += NOT_JOINED in line
        if failures == ATTEMPTS:
            return False
    return False


def watch(port: str, seconds: float) -> None:
    """Raises DeployError when the node's program ends within that time."""
    for _ in _until_failure(port, seconds):
        pass


def _until_failure(port: str, seconds: float) -> Iterator[str]:
    """The lines; raises with the exception's own line, the first behind the trace that is not indented."""
    failed = False
    for line in lines(port, seconds):
        if failed and line and not line.startswith(" "):
            raise DeployError(f"The program on the board ended: {line}")
        failed = failed or line.startswith(FAILED)
        yield line
