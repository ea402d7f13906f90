"""A TCP port that nobody else will take before the one who asked listens on it.

Lives here: the choice alone. It is made below the ports that systems hand out by themselves (from 32768 on Linux, 49152
elsewhere): one of those may be another socket's before Home Assistant, which takes seconds to start, has bound it.
"""

import contextlib
import secrets
import socket

_CHOICE = range(15_000, 32_000)
_TRIES = 200
_given: set[int] = set()


def free_port(wanted: int = 0) -> int:
    """`wanted` if nobody listens there, else a free one that this process was not given yet."""
    for port in (wanted, *(secrets.choice(_CHOICE) for _ in range(_TRIES))):
        if port and port not in _given and _is_free(port):
            _given.add(port)
            return port
    raise OSError("This computer has no free TCP port.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("0.0.0.0", port))  # as Home Assistant does
            return True
    return False
