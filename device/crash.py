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
    imported, the seconds that it ran, the folder it ran from, whether that is in the image), wait, reset."""
    failure, imported, ran, folder, in_image = crash
    # What config.json is to blame for says so (device.config): another firmware would end by it too.
    settings = getattr(failure, "of_settings", False) is True
    reason = "The application ended."
    try:
        if failure is not None:
            reason = type(failure).__name__
            print(trace_of(failure, folder))
            reason = describe(failure, folder)
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


def describe(error: BaseException, folder: str = "") -> str:
    """`ValueError: text (roles/pir.py:12)`, short enough for a status."""
    text = "{}: {}".format(type(error).__name__, error)
    place = ""
    for line in trace_of(error, folder).split("\n"):
        if line.lstrip().startswith('File "'):
            pieces = line.split('"') + [""]
            file = "/".join(pieces[1].split("/")[-2:])
            place = " ({}:{})".format(file, pieces[2].split("line ")[-1].split(",")[0])
    place = place[:LONGEST_PLACE]
    return text[: LONGEST_REASON - len(place)] + place


def trace_of(error: BaseException, folder: str) -> str:
    """As the interpreter tells it, but with the files and lines of the sources."""
    text = io.StringIO()
    if hasattr(sys, "print_exception"):
        sys.print_exception(error, text)  # pyright: ignore[reportArgumentType]
    else:
        import traceback

        traceback.print_exception(error, file=text)
    trace = text.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    return "\n".join([in_sources(line, folder) for line in trace.split("\n")])


def in_sources(line: str, folder: str) -> str:
    """A line of a trace where several modules were made one for a board: a `.lines` file in the folder says on
    which line of the whole each of them begins (scripts/firmware/merged.py)."""
    pieces = line.split('"')
    if len(pieces) != 3 or not pieces[1].endswith(".py"):
        return line
    before, _, rest = pieces[2].partition("line ")
    digits, comma, rest = rest.partition(",")
    name, first = pieces[1], 1
    path = name[:-3] + ".lines"
    # A source is named with its folder, what was compiled as it is called in the slot.
    if path[0] != "/" and not path.startswith(folder + "/"):
        path = folder + "/" + path
    try:
        number = int(digits)
        with open(path) as index:
            for row in index:
                begins, module = row.split()
                if int(begins) > number:
                    break
                name, first = module, int(begins)
    except (OSError, ValueError):
        return line  # a module by itself
    place = "{}line {}{}{}".format(before, number - first + 1, comma, rest)
    return '"'.join((pieces[0], name, place))
