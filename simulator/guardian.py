"""Ends what a dead parent left behind: process groups named on standard input, when that input ends.

A parent that is killed cannot clean up; the end of this pipe is the one thing that still happens then, on every system.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path


class Guardian:
    """The parent's end. Groups are handed over as soon as they start and taken back once they have ended."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", str(Path(__file__))],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def guard(self, group: int) -> None:
        self._say(f"+{group}")

    def release(self, group: int) -> None:
        self._say(f"-{group}")

    def close(self) -> None:
        """Ends the guardian, and with it whatever is still guarded."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        self._process.wait(10)

    def _say(self, line: str) -> None:
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()


def _watch() -> None:
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        change = groups.add if line[0] == "+" else groups.discard
        change(int(line[1:]))
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    _watch()
