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
FAILED = "Traceback (most recent call last)"
AFTERMATH_SECONDS = 1.5  # in which an exception is printed to its end
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
    """Whether the gateway says so within that time. Raises DeployError when its program ends."""
    return any(JOINED in line for line in _until_failure(port, seconds))


def watch(port: str, seconds: float) -> None:
    """Raises DeployError when the node's program ends within that time."""
    for _ in _until_failure(port, seconds):
        pass


def _until_failure(port: str, seconds: float) -> Iterator[str]:
    listening = lines(port, seconds)
    for line in listening:
        if line.startswith(FAILED):
            listening.close()
            said = [one for one in lines(port, AFTERMATH_SECONDS) if one.strip()]
            raise DeployError(f"The program on the board ended: {said[-1] if said else line}")
        yield line
