"""What MicroPython does at power-on, for a board made of files: run boot.py, then main.py, then sit at the REPL.

Started by the bootloader with the board's flash folder as the working directory. The fakes of the hardware are imported
once, so that the firmware finds `machine` and its kin without their folder on sys.path; the path is a board's own.
"""

import sys
import time

_HARDWARE = sys.argv[1]

sys.path[:] = [_HARDWARE, ".frozen"]
import dht  # noqa: E402, F401
import esp32  # noqa: E402, F401
import machine  # noqa: E402
import network  # noqa: E402, F401

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
    print(">>> the board sits at its REPL")
    while True:
        time.sleep(1)


if _run("boot.py"):
    _run("main.py")
_sit_at_the_repl()
