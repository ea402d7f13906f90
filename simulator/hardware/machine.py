"""`machine` of the ESP32 port: pins, watchdog, reset and its cause, as files that the world outside can see and change.

Signatures and constants are those of ports/esp32 (MicroPython 1.26). Only what firmware on this board uses is here.
"""

import os
import time

import parts

# ports/esp32/modmachine.c: machine.reset() and a panic both come back as HARD_RESET.
PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5
_CAUSES = {
    "power_on": PWRON_RESET,
    "hard": HARD_RESET,
    "watchdog": WDT_RESET,
    "deep_sleep": DEEPSLEEP_RESET,
    "soft": SOFT_RESET,
}


def reset_cause() -> int:
    return _CAUSES.get(parts.read(parts.BOARD + "/reset_cause"), 0)


def reset() -> None:
    _stop("hard")


def soft_reset() -> None:
    _stop("soft")


def deepsleep(time_ms: int = 0) -> None:
    parts.write(parts.BOARD + "/sleep_ms", str(time_ms))
    _stop("deep_sleep")


def _stop(cause: str) -> None:
    """The processor stops here: nothing is raised, flushed or cleaned up, as on the chip."""
    parts.write(parts.BOARD + "/reset", cause)
    os.system("kill -9 $PPID")
    while True:
        time.sleep(1)


def unique_id() -> bytes:
    return parts.mac()


def freq(hertz: int = 160000000) -> int:
    return hertz


def idle() -> None:
    pass


class WDT:
    """The task watchdog: once started it cannot be stopped; the supervisor looks at the age of its file."""

    # Feeding more often than this need not touch the disk.
    _COARSE_MS = 100

    def __init__(self, *, id: int = 0, timeout: int = 5000) -> None:
        if timeout < 1:
            raise ValueError("WDT timeout too short")
        self._timeout = timeout
        self._start()

    def _start(self) -> None:
        self._fed = time.ticks_ms()
        parts.write(parts.BOARD + "/wdt", str(self._timeout))

    def feed(self) -> None:
        if time.ticks_diff(time.ticks_ms(), self._fed) >= self._COARSE_MS:
            self._start()


class Pin:
    """One GPIO as the file pins/<number>: `0` or `1`, written by whoever drives the line."""

    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_DOWN = 1
    PULL_UP = 2
    IRQ_RISING = 1
    IRQ_FALLING = 2

    def __init__(
        self, id: int, mode: int = -1, pull: int = -1, *, value: "int | None" = None
    ) -> None:
        if not 0 <= id <= 48:
            raise ValueError("invalid pin")
        self.id = id
        self._path = parts.BOARD + "/pins/" + str(id)
        self._pull = -1
        self._driven: "int | None" = None
        self.init(mode, pull, value=value)

    def init(self, mode: int = -1, pull: "int | None" = -1, *, value: "int | None" = None) -> None:
        if pull != -1:
            self._pull = pull
        if value is not None:
            self.value(value)

    def value(self, level: "int | None" = None) -> "int | None":
        if level is None:
            text = parts.read(self._path)
            return int(text) if text else int(self._pull == self.PULL_UP)
        level = 1 if level else 0
        if level != self._driven:
            self._driven = level
            parts.write(self._path, str(level))
        return None

    def __call__(self, level: "int | None" = None) -> "int | None":
        return self.value(level)

    def on(self) -> None:
        self.value(1)

    def off(self) -> None:
        self.value(0)


class RTC:
    """Memory that outlives a reset, not a power cut (the supervisor empties it then)."""

    def memory(self, content: "bytes | None" = None) -> "bytes | None":
        path = parts.BOARD + "/rtc"
        if content is not None:
            parts.write(path, bytes(content).hex())
            return None
        return bytes.fromhex(parts.read(path) or "")
