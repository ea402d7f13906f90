"""Over-the-air update, level 0, the taking side: a table of what to do with an announcement, a part, and silence.

What lives here: painlessMesh packages 10, 11 and 12 as a receiver. Not here: flash, the check of the whole image, the
mesh key (the caller asks `level1` first and passes on only what it believes).

Harder than the C++ receiver: no data without an announcement, only from who announced, only the md5 announced, only
the part wanted and only in its right length. Where the announcement says `ahead`, so many parts beyond the one wanted are
taken as well, in any order, and level 1's `need` takes the place of the requests.
"""

import binascii

from painlessmesh.protocol import (
    OTA_REQUEST,
    PART_SIZE,
    PARTS_LIMIT,
    TO_ONE,
    flag,
    lower_hex,
    number,
    text,
    u32,
)

ASK_AGAIN = 3_000_000  # us without the part wanted
PAUSE = 200_000  # us in which no part comes, before we say what we need
GAP_AGAIN = 150_000  # us between two words about the same lost part
TRIES = 10  # then we wait for the next announcement; what we have stays
AHEAD_LIMIT = 64  # parts that may lie beyond the one wanted: what storage loses of them in a restart comes again
STRAY = 36  # characters that base64 of a part may be longer than it has to be

IDLE = 0  # nothing announced, or all there, or given up
BEGUN = 1  # announced; the caller has not said yet where to start
TAKING = 2


class Receiver:
    """Takes one image at a time. Every call returns a list of events for the caller, in order:

    ("begin", package)        an announcement for us: open or resume storage, then `start(part, now)`
    ("request", pairs)        send this package
    ("need", body)            send this body as a level 1 `need`
    ("part", number, bytes)   store it; parts come whole, and in order unless the announcement says `ahead`
    ("complete",)             the last part has been handed out
    ("gave_up",)              nobody answers; `part` stays
    """

    def __init__(self, node_id: int, role: str, hardware: str) -> None:
        self.node_id = node_id
        self.role = role
        self.hardware = hardware
        self.root = False  # in the original's broadcast mode only the root asks
        self.part_size = (
            PART_SIZE  # bytes; not on the wire: a C++ sender may have been given another
        )
        self.installed = ""  # md5 of what runs: not taken again unless forced
        self.md5 = ""  # of the image under way, or given up
        self.part = 0  # next part wanted
        self.parts = 0
        self._state = IDLE
        self._size = 0  # bytes that come in the parts, 0 when not announced
        self._announcer = 0
        self._echo = (None, None, None)  # forced, broadcasted, compressed of the announcement
        self._listens = False  # to somebody else's parts, asking only when they stop
        self._due = 0
        self._tries = 0
        self._gap_at = None  # when we last said that the part wanted was lost
        self._ahead = 0  # how many parts beyond the one wanted are taken too
        self._there = 0  # bit i: part + i has come; bit 0 is never set for long
        self._seen = 0  # first part of which nothing has come, nor of any later one
        self._untold = 0  # parts that came since our last need

    @property
    def busy(self) -> bool:
        return self._state != IDLE

    def announce(self, package: dict, now: int, first: int | None = None) -> list:
        """An announcement. With `first`, the part to go on at, no `start` is needed.

        Another announcer may take over only when the present one has left a request unanswered.
        """
        announcer = u32(package, "from")
        if not self._for_us(package) or not announcer:
            return []
        if self._state == TAKING:
            if announcer != self._announcer and self._tries < 2:
                return []
            if package["md5"] == self.md5 and number(package, "noPart", 0) == self.parts:
                self._announcer = announcer
                self._as_announced(package)
                return self._reminded(now)
        self._begin(package, announcer)
        return [("begin", package)] + ([] if first is None else self.start(first, now))

    def start(self, part: int, now: int) -> list:
        """Where to go on; equal to the number of parts when all are there."""
        self.part = self._seen = part
        self._there = 0
        return self._go_on(now, True)

    def data(self, package: dict, now: int) -> list:
        """A part."""
        if not self._is_ours(package):
            return []
        part = number(package, "partNo", -1)
        beyond = part - self.part
        if not 0 <= beyond <= self._ahead or part >= self.parts or self._there >> beyond & 1:
            return self._gap(now) if beyond > 0 or self._ahead else []
        payload = _payload(package, self.part_size)
        if not self._right_length(part, len(payload)):
            return []
        odd = part != self._seen  # a hole before it, or one that it fills
        self._seen = max(self._seen, part + 1)
        self._there |= 1 << beyond
        while self._there & 1:
            self._there >>= 1
            self.part += 1
        self._untold += 1
        # The gateway hears at once of a loss, and where it waits for nobody else, also when it is made good.
        enough = self._untold >= (24 if self._listens else 4)
        odd = odd and (part + 1 == self._seen or not self._listens)
        return [("part", part, payload)] + self._go_on(now, enough or odd)

    def tick(self, now: int) -> list:
        """Asks again after 3 s without the part wanted, ten times."""
        if self._state == BEGUN:
            return self.start(0, now)
        if self._state == IDLE or now < self._due:
            return []
        if self._tries >= TRIES:
            self._state = IDLE
            return [("gave_up",)]
        return self._ask(now)

    def cancel(self) -> None:
        """Forgets the image: it was bad, was cancelled or could not be stored."""
        self._state = IDLE
        self.md5 = ""
        self.part = self.parts = 0

    def _go_on(self, now: int, tell: bool) -> list:
        """After a part or a start: ask or tell when it is time, end when all is there."""
        self._tries = 0
        if self.part >= self.parts:
            self._state = IDLE
            return (self._ask(now) if self._ahead else []) + [("complete",)]
        self._state = TAKING
        self._due = now + ASK_AGAIN
        if self._ahead:
            if tell:
                return self._ask(now)
            self._due = now + PAUSE
            return []
        self._gap_at = None
        return [] if self._listens else self._ask(now)

    def _for_us(self, package: dict) -> bool:
        md5 = text(package, "md5", 32)
        if (
            package.get("role") != self.role
            or package.get("hardware") != self.hardware
            or not lower_hex(md5, 32)
        ):
            return False
        if not 1 <= number(package, "noPart", 0) <= PARTS_LIMIT:
            return False
        return md5 != self.installed or flag(package, "forced")

    def _begin(self, package: dict, announcer: int) -> None:
        self._announcer = announcer
        self.md5 = package["md5"]
        self.parts = number(package, "noPart", 0)
        self.part = 0
        self._size = u32(package, "deflate") or u32(package, "size")
        self._as_announced(package)
        self._echo = _echo(package)
        self._state = BEGUN

    def _as_announced(self, package: dict) -> None:
        """How the parts will come; another announcement of the same image may say that anew."""
        self._listens = flag(package, "broadcasted") and not self.root
        self._ahead = min(u32(package, "ahead"), AHEAD_LIMIT)

    def _reminded(self, now: int) -> list:
        # Our request may have been lost, or the gateway has restarted. A part on its way costs one request too many.
        self._tries = 0
        return self._ask(now) if self._due - now < ASK_AGAIN - 500_000 else []

    def _gap(self, now: int) -> list:
        """A later part: the one wanted was lost. Said at once, to spare the sender its timer, but not for each part."""
        if self._gap_at is not None and now - self._gap_at < GAP_AGAIN:
            return []
        self._gap_at = now
        return self._ask(now)

    def _ask(self, now: int) -> list:
        self._due = now + ASK_AGAIN
        self._tries += 1
        if self._ahead:
            self._untold = 0
            missing = (
                ((1 << self._seen - self.part) - 1) & ~self._there if self._seen > self.part else 0
            )
            need = (self.md5[:8], self.part, self._seen, missing)
            return [("need", '{"md5":"%s","part":%d,"seen":%d,"missing":"%x"}' % need)]
        forced, broadcasted, compressed = self._echo
        request = (
            ("from", self.node_id),
            ("routing", TO_ONE),
            ("type", OTA_REQUEST),
            ("md5", self.md5),
            ("hardware", self.hardware),
            ("role", self.role),
            ("forced", forced),
            ("noPart", self.parts),
            ("broadcasted", False if self._listens else broadcasted),
            ("compressed", compressed),
            ("dest", self._announcer),
            ("partNo", self.part),
        )
        return [("request", request)]

    def _is_ours(self, package: dict) -> bool:
        return (
            self._state == TAKING
            and u32(package, "from") == self._announcer
            and package.get("md5") == self.md5
            and package.get("role") == self.role
            and package.get("hardware") == self.hardware
            and number(package, "noPart", 0) == self.parts
        )

    def _right_length(self, part: int, length: int) -> bool:
        if part + 1 < self.parts:
            return length == self.part_size
        if self._size:
            return length == self._size - part * self.part_size
        return 0 < length <= self.part_size


def _echo(package: dict) -> tuple:
    """(forced, broadcasted, compressed): what a request repeats; None where the announcement has none."""
    broadcasted = package.get("broadcasted")
    return (
        True if flag(package, "forced") else None,
        None if broadcasted is None else flag(package, "broadcasted"),
        True if flag(package, "compressed") else None,
    )


def _payload(package: dict, part_size: int) -> bytes:
    """The bytes of a part; empty when it is none. Takes the URL alphabet and missing padding, as C++ nodes do."""
    encoded = text(package, "data", part_size * 4 // 3 + STRAY)
    if "-" in encoded or "_" in encoded:
        encoded = encoded.replace("-", "+").replace("_", "/")
    encoded = encoded.rstrip()
    if len(encoded) % 4:
        encoded += "=" * (4 - len(encoded) % 4)
    try:
        return binascii.a2b_base64(encoded)
    except ValueError:
        return b""
