"""What MicroPython does at power-on, for a board made of files: run boot.py, then main.py, then sit at the REPL.

With a cable plugged in (second argument `friendly` or `raw`, the REPL's mode) the REPL answers it; without one it is mute.
The working directory is the board's flash. The fakes are imported once, so that the firmware finds `machine` and its kin
without their folder on sys.path; the path is a board's own from then on.
"""

import sys
import time

import dht  # noqa: F401
import esp32  # noqa: F401
import machine
import network  # noqa: F401
import parts

_IMAGE = parts.exists(parts.BOARD + "/frozen")
if _IMAGE:
    import frozen
if parts.exists(parts.BOARD + "/flash_size"):
    import small_flash  # noqa: F401
_CABLE = sys.argv[2] if len(sys.argv) > 2 else ""
if _CABLE:
    import serial_repl

sys.path[:] = ["", ".frozen", "lib"]


def _run(name: str) -> bool:
    """As pyexec_file does: an exception is printed and the board goes to its REPL."""
    try:
        with open(name) as file:
            source = file.read()
        exec(compile(source, name, "exec"), {"__name__": "__main__"})
        return True
    except SystemExit:
        machine.soft_reset()
    except BaseException as error:  # noqa: BLE001  whatever it is, a board goes to its REPL
        sys.print_exception(error)
    return False


def _sit_at_the_repl() -> None:
    """Nothing else resets the board now: only its watchdog, or somebody with a cable."""
    if _CABLE:
        serial_repl.serve(_CABLE == "raw")
    print(">>> the board sits at its REPL")
    while True:
        time.sleep(1)


if _CABLE:
    serial_repl.started()
# As on a chip: after a soft reset from the raw REPL, main.py is not run.
if _run("boot.py") and _CABLE != "raw":
    if _IMAGE:
        frozen.exchange_path()
    _run("main.py")
_sit_at_the_repl()
