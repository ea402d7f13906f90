"""What the loader does after an application that ended: tell why, write it down, restart.

Apart from `loader`, which stays in memory as long as the application runs; this is loaded when it has
ended. Like the loader it is the copy in `lib/device`, never updated over the air.
"""

import io
import sys

DELAY_UNKNOWN = 60  # seconds, where the state cannot be read
LONGEST_REASON = 120  # characters, docs/mesh-protocol.md §5.2
LONGEST_PLACE = 50  # of them, for file and line


def recover(root: str, board: object, crash: tuple, sleep: object) -> None:
    """After an application that ended: note `crash` (what it raised or None, whether it was
    imported, the seconds that it ran, whether it lies in the image), wait, reset."""
    failure, imported, ran, in_image = crash
    # What config.json is to blame for says so (device.config): another firmware would end by it too.
    settings = getattr(failure, "of_settings", False) is True
    reason = "The application ended."
    try:
        if failure is not None:
            reason = type(failure).__name__
            print(trace_of(failure))
            reason = describe(failure)
    except Exception:  # noqa: BLE001 - no memory, or it cannot be printed: its name must do
        pass
    print(reason)
    delay = DELAY_UNKNOWN
    try:
        from device.boot_choice import note_crash
        from device.flash_files import FlashFiles
        from device.slot_state import SlotState

        state = SlotState(FlashFiles(root))
        delay = note_crash(state, reason, imported, ran, settings, in_image)
        partitions = board.partitions()
        if partitions is not None:
            from device.image_boot import give_way

            partitions.go_back()
            if in_image:
                give_way(state, partitions, reason, ran)
    except Exception as error:  # noqa: BLE001 - whatever it is, the board restarts
        print("The crash could not be written down:", describe(error))
    for _ in range(delay):
        board.feed()
        sleep(1)
    board.reset()


def describe(error: BaseException) -> str:
    """`ValueError: text (roles/pir.py:12)`, short enough for a status."""
    text = "{}: {}".format(type(error).__name__, error)
    place = ""
    for line in trace_of(error).split("\n"):
        if line.lstrip().startswith('File "'):
            pieces = line.split('"') + [""]
            file = "/".join(pieces[1].split("/")[-2:])
            place = " ({}:{})".format(file, pieces[2].split("line ")[-1].split(",")[0])
    place = place[:LONGEST_PLACE]
    return text[: LONGEST_REASON - len(place)] + place


def trace_of(error: BaseException) -> str:
    text = io.StringIO()
    if hasattr(sys, "print_exception"):
        sys.print_exception(error, text)  # pyright: ignore[reportArgumentType]
    else:
        import traceback

        traceback.print_exception(error, file=text)
    return text.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
