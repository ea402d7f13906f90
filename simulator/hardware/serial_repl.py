"""The REPL on a board's serial line: what a cable, and so mpremote, meets when no program runs.

The protocol is that of shared/runtime/pyexec.c in MicroPython 1.26: a friendly REPL, the raw one behind Ctrl-A with its
paste mode behind Ctrl-E A Ctrl-A, Ctrl-D to execute or, on an empty line, for a soft reset. Code that arrives is really
executed, in this process. The cable itself and Ctrl-C, which are hardware, are serial_board.py's.

What a program asks to know which chip it is on (`sys.platform` and its kin) stands in the file `identity`.
"""

import sys

import machine
import parts

_WINDOW = 256  # bytes that may be on the way in paste mode
_CONTROL_A, _CONTROL_B, _CONTROL_C, _CONTROL_D, _CONTROL_E = (
    b"\x01",
    b"\x02",
    b"\x03",
    b"\x04",
    b"\x05",
)
_RAW = "raw REPL; CTRL-B to exit\r\n>"
_DEFAULT_IDENTITY = {
    "platform": "esp32",
    "machine": "Generic ESP32 module with ESP32",
    "version": [1, 26, 1],
    "partitions": None,
    "bootloader": None,
}


class _Named:
    """An object of other values over an existing one."""

    def __init__(self, under: object, values: dict) -> None:
        self._under = under
        for name, value in values.items():
            setattr(self, name, value)

    def __getattr__(self, name: str) -> object:
        return getattr(self._under, name)


class _Chip:
    """`esp`, of which a survey reads the flash that belongs to no partition."""

    bootloader = b""

    @staticmethod
    def flash_read(offset: int, window: bytearray) -> None:
        text = bytes(0x3700) + _Chip.bootloader + bytes(64)  # lies somewhere in the middle of it
        content = text[offset : offset + len(window)]
        window[:] = content + bytes(len(window) - len(content))


class _Partition:
    """One row of the partition table, where a board has another one than the stock build's."""

    RUNNING = 1
    TYPE_APP = 0
    TYPE_DATA = 1
    rows: list = []

    def __init__(self, row: "list | int") -> None:
        self._row = self.rows[0] if isinstance(row, int) else row

    def info(self) -> tuple:
        return tuple(self._row)

    @staticmethod
    def find(type: int = 0, subtype: int = 255, label: "str | None" = None) -> list:
        return [
            _Partition(row)
            for row in _Partition.rows
            if row[0] == type and subtype in (255, row[1]) and label in (None, row[4])
        ]


def serve(raw: bool) -> None:
    """Answer the line until the processor stops. Never returns."""
    _become_the_chip()
    known: dict = {"__name__": "__main__"}
    while True:
        _say_that("reading")
        if raw:
            _serve_raw(known)
        else:
            _serve_friendly()
        raw = not raw


def started() -> None:
    """From here on Ctrl-C reaches the program."""
    _say_that("running")


def _serve_friendly() -> None:
    """As far as a machine needs it; nothing is executed here. Returns at Ctrl-A."""
    print("\r\nMicroPython on a board made of files\r\n>>> ", end="")
    while True:
        byte = sys.stdin.buffer.read(1)
        if byte == _CONTROL_A:
            return
        if byte == _CONTROL_D:
            _soft_reset("friendly")
        if byte in (b"\r", _CONTROL_C):
            print("\r\n>>> ", end="")


def _serve_raw(known: dict) -> None:
    """Returns at Ctrl-B."""
    print(_RAW, end="")
    line = b""
    while True:
        byte = sys.stdin.buffer.read(1)
        if byte == _CONTROL_B:
            return
        if byte == _CONTROL_A:
            print(_RAW, end="")
            line = b""
        elif byte == _CONTROL_C:
            line = b""
        elif byte == _CONTROL_E and not line:
            pasted = _paste()
            if pasted is not None:
                _execute(pasted, known)
        elif byte == _CONTROL_D:
            if not line:
                _soft_reset("raw")
            print("OK", end="")
            _execute(line, known)
            line = b""
        else:
            line += byte


def _paste() -> "bytes | None":
    """Raw paste mode: windows of bytes, each one acknowledged."""
    if sys.stdin.buffer.read(2) != b"A\x01":
        print("R\x00", end="")
        return None
    if parts.exists(parts.BOARD + "/no_paste_mode"):
        print("R\x00", end="")
        return None
    print("R\x01" + chr(_WINDOW & 255) + chr(_WINDOW >> 8) + "\x01", end="")
    pasted = b""
    while True:
        byte = sys.stdin.buffer.read(1)
        if byte == _CONTROL_D:
            print("\x04", end="")
            return pasted
        if byte == _CONTROL_C:
            return b""
        pasted += byte
        if len(pasted) % _WINDOW == 0:
            print("\x01", end="")


def _execute(source: bytes, known: dict) -> None:
    _say_that("running")
    error = None
    try:
        exec(compile(source.decode(), "<stdin>", "exec"), known)
    except BaseException as raised:  # noqa: BLE001  told to whoever holds the cable, as on a board
        error = raised
    _say_that("reading")
    print("\x04", end="")
    if error is not None:
        sys.print_exception(error)
    print("\x04>", end="")


def _soft_reset(mode: str) -> None:
    print("\r\nMPY: soft reboot\r\n", end="")
    parts.write(parts.BOARD + "/after_reset", mode)
    machine.soft_reset()


def _say_that(state: str) -> None:
    """`running` or `reading`: whether Ctrl-C is a signal now or a character."""
    parts.write(parts.BOARD + "/repl", state)


def _become_the_chip() -> None:
    identity = dict(_DEFAULT_IDENTITY)
    identity.update(parts.read_json(parts.BOARD + "/identity"))
    version = tuple(identity["version"])
    implementation = _Named(
        sys.implementation, {"_machine": identity["machine"], "version": version + ("",)}
    )
    sys.modules["sys"] = _Named(
        sys, {"platform": identity["platform"], "implementation": implementation}
    )
    if identity["partitions"]:
        import esp32

        _Partition.rows = identity["partitions"]
        esp32.Partition = _Partition
    elif identity["platform"] != "esp32":
        sys.modules.pop("esp32", None)
    if identity["bootloader"]:
        _Chip.bootloader = identity["bootloader"].encode()
        sys.modules["esp"] = _Chip
