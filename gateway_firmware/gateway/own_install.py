"""The boot in which a version of the gateway that has arrived is checked and unpacked.

Beside the running gateway there is no memory for it. So `own_update` writes an order down and restarts;
here, before anything else is loaded, it is carried out, what came of it is written down, and the board
restarts, still into the old version: nothing is armed here.
"""

from device.board import Board
from device.flash_files import FlashFiles
from device.image import ImageError

# {tag, image, signed, tries} or {tag, flip, tries}; gone once there is a result
ORDER = "update.json"
# {tag, proof, signed}, or {tag, code, reason} when it cannot be
RESULT = "updated.json"
LONGEST = 1024
MOST_TRIES = 3
WATCHDOG_MS = 30_000

UNFINISHED = "The board restarted {} times while it checked the image."


def main() -> None:
    board = Board()
    board.watchdog(WATCHDOG_MS)
    run(FlashFiles(), board.feed)
    board.reset()


def run(files: FlashFiles, feed: object) -> None:
    """Carry out the order, calling `feed()` all the while. Raises OSError when flash takes nothing."""
    from device.incoming import Incoming

    order = files.read_object(ORDER, LONGEST) or {}
    result = {"tag": order.get("tag", "")}
    order["tries"] = order.get("tries", 0) + 1
    incoming = Incoming(files=files)
    try:
        if order["tries"] > MOST_TRIES:
            raise ImageError("space", UNFINISHED.format(MOST_TRIES))
        files.replace_object(ORDER, order)
        result["proof"] = _proof(files, incoming, order, feed)
        result["signed"] = order.get("signed")
    except ImageError as error:
        result["code"], result["reason"] = error.code, error.reason
    files.replace_object(RESULT, result)
    files.remove(ORDER)
    # Only now: as long as there is an order, another boot may have to begin anew.
    incoming.discard()


def _proof(files: FlashFiles, incoming: object, order: dict, feed: object) -> str:
    """What lies in the other slot then, ready to be armed."""
    from device.slots import Slots

    slots = Slots(files=files)
    if order.get("flip"):
        slots.check_flip(order["flip"])
        return order["flip"]
    incoming.begin(order["image"])  # it is all there
    for _ in slots.installing(incoming, "gateway"):
        feed()
    return slots.proof(slots.other)
