"""What a node says of itself: the body of a `status` (docs/mesh-protocol.md §5.2).

Only facts that others own are put in order here; nothing is decided and nothing is sent.
"""

from painlessmesh.protocol import encode

PROTOCOL = 1
NAME_MAX = 30
REASON_MAX = 120
DAMAGED_MAX = 60


class Identity:
    """What cannot change before the next boot."""

    def __init__(self, board: object, config: dict, slots: object) -> None:
        """Reads the whole running slot: its proof is what is in flash at this boot."""
        self.board = board
        self.slots = slots
        self.type = config["node_type"]
        self.name = plain(config["name"], NAME_MAX)
        self.version = (slots.manifest() or {}).get("version", "unknown")
        self.proof = slots.proof()
        self.reset = board.reset_cause()
        self.started = board.now_us()

    def seconds_up(self) -> int:
        return (self.board.now_us() - self.started) // 1000000


def body(identity: Identity, side: object, updater: object) -> str:
    """The status as JSON text, keys in the order of the documentation. `side` is a
    level1.NodeSide."""
    board, slots = identity.board, identity.slots
    other, last, error = slots.other_image, slots.last, updater.error
    busy = updater.md5 is not None
    pairs = (
        ("protocol", PROTOCOL),
        ("type", identity.type),
        ("name", identity.name),
        ("hardware", board.hardware),
        ("chip", board.chip),
        ("kind", slots.kind),
        ("version", identity.version),
        ("proof", identity.proof),
        ("slot", slots.running[-1]),
        ("other", other and (("proof", other["proof"]), ("version", other["version"]))),
        ("boot", slots.boot),
        ("reset", identity.reset),
        ("nonce", side.nonce),
        ("heard", side.heard),
        ("phase", updater.phase),
        ("md5", updater.md5),
        ("part", updater.part if busy else None),
        ("parts", updater.parts if busy else None),
        ("last", last and _last(last)),
        ("error", error and _error(error)),
        ("heap", board.heap_free()),
        ("flash", updater.flash_free()),
        ("rssi", board.rssi()),
        ("up", identity.seconds_up()),
        ("mpy", board.mpy_version()[:10]),
        ("signing", updater.signing is not None),
        ("key", updater.signing and updater.signing.key_id),
        ("floor", updater.signing and updater.signing.floor),
        ("images", updater.images or None),
        ("deflate", True),
        ("damaged", slots.damaged and plain(slots.damaged, DAMAGED_MAX)),
    )
    return encode(pairs)[:-1].decode()


def _last(last: dict) -> tuple:
    return (
        ("tag", last["tag"]),
        ("proof", last["proof"]),
        ("outcome", last["outcome"]),
        ("reason", plain(last["reason"], REASON_MAX)),
    )


def _error(error: dict) -> tuple:
    return (
        ("md5", error["md5"]),
        ("code", error["code"]),
        ("reason", plain(error["reason"], REASON_MAX)),
    )


def plain(text: str, longest: int) -> str:
    """Without control characters: the writer passes them on, and Home Assistant's parser is
    strict. An exception's text may hold anything."""
    return "".join([c if c >= " " else " " for c in text[:longest]])
