"""Mesh time: the arithmetic of one exchange and the timer that decides when to ask. Knows no packages and no links.

Mesh time is an unsigned 32-bit count of microseconds that wraps every 71.6 minutes.
"""

GOOD = 5000  # us; an offset below it ends the round
AGAIN = 200_000  # us between exchanges of one round
BEFORE_FIRST = 10_000_000  # us between rounds until one was good
ROUND = 60_000_000  # us between rounds afterwards
ROUNDS_LIMIT = (
    10  # exchanges in one round; a peer that never gets close must not be asked five times a second
)

# What `msg.type` says.
ASK_ME = 0
ASK = 1
ANSWER = 2
RESTART = -1


def uint32(value: int) -> int:
    return value & 0xFFFFFFFF


def int32(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - 0x100000000 if value & 0x80000000 else value


def offset(t0: int, t1: int, t2: int, t3: int) -> int:
    """What to add to our time: asked at t0 and answered at t3 by our clock, read at t1 and sent at t2 by theirs.

    The library's outlier filter (nothing counts when the trip took 85 times longer than the peer needed to answer) is
    left out on purpose: it makes a node ask a fast peer five times a second for ever.
    """
    found = int32(t1 - t0) // 2 + int32(t2 - t3) // 2
    return found // 4 if 4 < abs(found) < 500 else found


def stamps(read_at: int, round_trip: int, repeats: int) -> tuple:
    """(t1, t2) for an answer given at mesh time `read_at`.

    Nodes from 1.5.1 on throw an answer away when t2 - t1 is less than 1/85 of the round trip, and ask again in 200 ms.
    So the pair is stated 2 ms apart, further for long trips and for a peer that keeps asking, and lies evenly around the
    true time: the sum, which alone enters the offset, stays right. `repeats`: times it asked again at once.
    """
    half = max(1000, round_trip // 80) << min(repeats, 6)
    return uint32(read_at - half), uint32(read_at + half)


def adopts(mine: int, theirs: int, my_id: int, peer_id: int) -> bool:
    """Whether we take the peer's time: the larger side of the link rules, then the larger id."""
    return theirs > mine or (theirs == mine and my_id < peer_id)


class TimeSync:
    """When to ask over one link, and which answer belongs to which question."""

    def __init__(self) -> None:
        self.due = None  # us on the local clock, None before the first node sync
        self.repeats = (
            0  # times in a row the peer asked again within a second: our answers do not satisfy it
        )
        self._asked_at = None  # t0 of the question under way, mesh time
        self._exchanges = 0  # of this round
        self._moved = False  # by this round
        self._interval = BEFORE_FIRST
        self._peer_asked = None

    def start(self, now: int, dialled: bool) -> None:
        self.due = now if dialled else now + BEFORE_FIRST

    def asks(self, now: int) -> None:
        """We open an exchange; when nothing comes of it, the next one follows after the interval."""
        self.due = now + self._interval

    def ask(self, mesh_now: int) -> None:
        self._asked_at = mesh_now

    def forget(self) -> None:
        """Our time has jumped: the answer under way says nothing any more."""
        self._asked_at = None

    def peer_asks(self, now: int) -> None:
        """The peer takes our time: nothing to do until the next round."""
        again = self._peer_asked is not None and now - self._peer_asked < 1_000_000
        self.repeats = self.repeats + 1 if again else 0
        self._peer_asked = now
        self.due = now + ROUND

    def answered(self, t0: int, t1: int, t2: int, mesh_now: int, now: int) -> int:
        """What to add to our time (0 when nobody asked this); sets the timer."""
        if t0 != self._asked_at:
            return 0
        self._asked_at = None
        found = offset(t0, t1, t2, mesh_now)
        self._exchanges += 1
        self._moved = self._moved or found != 0
        if abs(found) < GOOD:
            self._interval = ROUND
        elif self._exchanges < ROUNDS_LIMIT:
            self.due = now + AGAIN
            return found
        self._exchanges = 0
        self.due = now + self._interval
        return found

    def settled(self) -> bool:
        """True once when a round that moved our time has ended: the other neighbours should hear of it."""
        over = self._moved and self._exchanges == 0
        if over:
            self._moved = False
        return over
