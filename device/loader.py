"""What runs at every boot before everything else: picks the slot, starts it, cleans up after it.

`boot.py` calls `choose`, `main.py` calls `run`; both are never updated over the air, and neither is
this file's copy in `lib/device`, which is the one they import. The slots carry copies too, and
those are what the application imports, because `run` forgets the factory's modules first; hence
the imports inside functions here, which keep nothing of them in memory.

A board without a finger on it has only two ways on: the application runs, or the board restarts.
So whatever is raised ends in a reset, and whatever hangs ends in one by the watchdog, which runs from
the first line on: with an hour for a person who presses Ctrl-C in the first two seconds and is left at
the REPL, with thirty seconds from then on.
"""

import gc
import sys
import time

CABLE_SECONDS = 2  # how long Ctrl-C leads to the REPL before the watchdog becomes strict
WATCHDOG_MS = 30000
REPL_WATCHDOG_MS = 3600000  # a watchdog cannot be stopped; an hour is enough for a person
FROZEN = ".frozen/app"  # where an image keeps its application: by no other path it is imported
FACTORY_PATH = []  # sys.path as it was before the slot came first
LOADING = 2048  # bytes between collections: code that is loaded must not lie among garbage
OURS = ("device", "painlessmesh", "node", "gateway", "roles")


def choose(root: str = "", board: object = None) -> str:
    """Count this boot, pick the slot and put it first on the path. Never raises."""
    slot, partitions = "a", None
    if hasattr(gc, "threshold"):  # CPython's counts something else
        gc.threshold(LOADING)  # pyright: ignore[reportAttributeAccessIssue]
    try:
        board = board or factory_board()
        board.watchdog(REPL_WATCHDOG_MS)
        from device.boot_choice import pick
        from device.flash_files import FlashFiles
        from device.slot_state import SlotState

        state = SlotState(FlashFiles(root))
        slot = state.active
        partitions = board.partitions()
        if partitions is not None:
            from device.image_boot import settle

            settle(state, board.reset_cause(), partitions, board.reset)
        in_image = partitions is not None and application_in_image()
        slot = pick(state, board.reset_cause(), partitions is not None, None, in_image)
    except Exception as error:  # noqa: BLE001 - whatever it is, the boot goes on
        from device.crash import describe

        # boot.py must end well: after an exception in it, main.py is not run and nothing resets.
        print("The boot could not be counted:", describe(error))
    FACTORY_PATH[:] = sys.path
    if partitions is not None and application_in_image():
        sys.path.insert(0, FROZEN)
    else:
        sys.path.insert(0, root + "/" + slot if root else slot)
    return slot


def application_in_image() -> bool:
    """Whether the running image holds an application."""
    sys.path.insert(0, FROZEN)
    try:
        __import__("image_manifest")
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it holds none that could run
        return False
    finally:
        sys.path.remove(FROZEN)
    return True


def run(module: str, root: str = "", board: object = None, sleep: object = time.sleep) -> None:
    """Run `module.main()` from the slot; ends in a reset, or at the REPL after Ctrl-C."""
    sleep(CABLE_SECONDS)
    (board or factory_board()).watchdog(WATCHDOG_MS)
    forget_modules()
    started = seconds()
    folder, imported, failure = sys.path[0], False, None
    try:
        main = __import__(module, None, None, ("main",)).main
        imported = True
        main()
    except KeyboardInterrupt:
        use_factory_modules()
        (board or factory_board()).watchdog(REPL_WATCHDOG_MS)
        raise
    except BaseException as error:  # noqa: BLE001 - whatever it is, the board restarts
        # SystemExit too: it would be a soft reset, after which the bootloader's trial goes on.
        failure = error
    main = None  # what it holds is all of the memory, if that is why it ended
    use_factory_modules()
    from device.crash import recover

    ran = seconds() - started
    crash = (failure, imported, ran, folder, folder == FROZEN)
    recover(root, board or factory_board(), crash, sleep)


def factory_board() -> object:
    from device.board import Board

    return Board()


def forget_modules(packages: tuple = OURS) -> None:
    """Let the next import of ours read the path again, and free what was loaded before."""
    for name in list(sys.modules):
        if name.split(".")[0] in packages:
            del sys.modules[name]
    gc.collect()


def use_factory_modules() -> None:
    """Away with the slot and everything loaded from it: it cannot be trusted to reset the board.
    With asyncio go the tasks of the application, and the memory that they hold."""
    sys.path[:] = FACTORY_PATH or sys.path
    forget_modules(OURS + ("asyncio",))


def seconds() -> int:
    """A clock that setting the time does not move."""
    ticks = getattr(time, "ticks_ms", None)
    if ticks is not None:
        return ticks() // 1000
    return int(time.monotonic())  # pyright: ignore[reportAttributeAccessIssue] - CPython only
