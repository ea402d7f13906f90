"""One of our nodes that takes parts in any order: which are on their way to it, which were lost. Knows no packages.

The gateway's side of level 1's `need` (docs/mesh-protocol.md, 5.4). Links keep the order of what they carry, so a part is
lost when one that was sent later is there and it is not; it alone is sent again. How many are on their way is ruled by
how long answers take: longer than they must means that queues have filled, in which others' messages wait as well, and
the window gives way before a queue overflows. A loss says less, and costs one part of the window. Used like a `Target`, by
the same Sender.
"""

from array import array

from painlessmesh.ota_sender import UNIT

AHEAD = 32  # parts in flight; what a node says it takes beyond the one it wants
AHEAD_OF_ALL = 64  # the same where parts go to everybody, and the nodes' words are fewer
AHEAD_LIMIT = 64  # what a node takes at most
FIRST_WINDOW = 8  # a node speaks after every fourth part
LEAST_WINDOW = 4
# Callers' times are microseconds; in here they are UNITs.
QUEUED = 60  # that an answer may take beyond twice the shortest one seen
QUEUE_LIMIT = 780  # that an answer may take at most: what is on its way then cannot be called back
# Without a word before something is sent again: a node speaks 200 ms after its last part, and its word must come here by a
# way that may have queues. Before any trip was measured, TCP's first patience of a second (RFC 6298).
SILENCE = 293
FIRST_SILENCE = 976
SILENCE_LIMIT = 2930
LONE_WORD = 195  # until a node speaks of a part that came alone
REPEATS_LIMIT = 10  # without a word; then it is the node's turn to speak

ORDER_LIMIT = 30_000  # sendings that two bytes can tell apart
ORDERS_BACK = 28_000  # of these, forgotten at once: what is on its way is younger
THERE, LOST = 0, -1  # in the place of one


class AheadTarget:
    """`base` is the first part that the node has not; -1 before its first need.

    There may be twenty on a board: what is here takes heap in none of them before it is something else, and beyond
    seventeen attributes one of them takes a third more.
    """

    stock = False
    broadcasted = False
    compressed = None
    ahead = AHEAD_LIMIT
    repeats = 0  # in a row without a word
    seen = 0  # as it said last
    window = FIRST_WINDOW  # parts; not touched while parts come with what goes to everybody
    _grown = 0  # parts that have arrived since the window was looked at
    _shrunk_at = 0  # order of the last sending when the window shrank
    _timed = None  # (order, when) of the sending that measures the trip
    _trip = 0
    _varies = 0  # how far trips are from the usual one
    _best_trip = 0

    def __init__(self, node_id: int, offer: object, ahead: int = AHEAD) -> None:
        self.node_id = node_id
        self.offer = offer
        if ahead < AHEAD_LIMIT:
            self.ahead = ahead
        self.base = -1
        if ahead < FIRST_WINDOW:
            self.window = ahead
        # Of base to next_part - 1: the how-manyth sending that was, or THERE, or LOST.
        self._orders = array("h")
        self._order = 0
        self._arrived = 0  # highest order known to have arrived
        self._heard_at = 0
        self._sent_at = 0  # last sending
        # Where parts go to everybody: the first that is not this node's alone.
        self.limit = offer.parts

    @property
    def stalled(self) -> bool:
        return self.repeats >= REPEATS_LIMIT

    @property
    def needs(self) -> bool:
        """Whether lost parts wait for `take`."""
        # MicroPython's arrays know no `in`; LOST is the least that may stand there.
        return len(self._orders) > 0 and min(self._orders) == LOST

    def told(self, part: int, seen: int, missing: int, now: int) -> None:
        """A need: the node has all before `part`, and before `seen` all but those whose bit (counted from `part`) is set."""
        now >>= UNIT
        if self.base < 0 or part < self.base:
            self._begin(part)  # it begins, or begins anew
        # What we do not know of: it was sent before we began anew, or to everybody.
        while self.next_part < seen:
            self._orders.append(self._sending(now))
        before = self._arrived
        new = self._there_now(part, seen, missing, now)
        self._heard_at = now
        self.seen = seen
        if self.repeats and (new or self._arrived > before):
            self.repeats = 0
        self._measure(now)
        if now - self._sent_at > (self._patience() if self._trip else SILENCE_LIMIT):
            # By now it would have come: nothing is on its way any more.
            self._arrived = self._order + 1
            self._timed = None
        lost = self._lost()
        if self.next_part < self.limit:
            if lost and self._arrived > self._shrunk_at:
                self._shrink(1)
            self._grow(new)

    def take(self, now: int) -> int | None:
        """The part to send now, if there is one; lost ones first."""
        if self.base < 0 or self.stalled:
            return None
        now >>= UNIT
        if self.needs:
            return self._first_lost(now)
        part = self.next_part
        if part >= min(self.base + self.window, self.limit):
            return None
        self._orders.append(self._sending(now))
        return part

    def _first_lost(self, now: int) -> int:
        at = 0
        while self._orders[at] != LOST:
            at += 1
        self._orders[at] = self._sending(now)
        return self.base + at

    def pass_on(self, now: int) -> None:
        """The next part goes out to the node with what goes to everybody."""
        self._orders.append(self._sending(now >> UNIT))

    def tick(self, now: int) -> None:
        """Sends the first part not known to be there again when nothing was heard for too long."""
        if self.base < 0 or self.stalled or not self._orders or self.needs:
            return
        now >>= UNIT
        if now - self._heard_at < min(self._patience() << min(self.repeats, 3), SILENCE_LIMIT):
            return
        self._heard_at = now
        self.repeats += 1
        self._timed = None
        self._orders[0] = LOST

    @property
    def sent_again(self) -> int:
        """Parts that went out beyond once each, of a transfer from part 0 on with fewer than ORDER_LIMIT sendings."""
        return self._order - max(0, self.next_part)

    def announces(self) -> bool:
        return False

    @property
    def next_part(self) -> int:
        """The first one that never went out to it."""
        return self.base + len(self._orders)

    def _begin(self, part: int) -> None:
        self.base = part
        self._orders = array("h")
        self._arrived = self._order
        self.repeats = 0

    def _sending(self, now: int) -> int:
        if self._order >= ORDER_LIMIT:
            self._count_anew()
        self._order += 1
        self._sent_at = now
        if len(self._orders) == 0:
            self._heard_at = now
        if self._timed is None:
            self._timed = (self._order, now)
        return self._order

    def _count_anew(self) -> None:
        """The numbers of sendings stay in their order, and small enough."""
        for index, order in enumerate(self._orders):
            if order > 0:
                self._orders[index] = max(1, order - ORDERS_BACK)
        self._order -= ORDERS_BACK
        self._arrived = max(0, self._arrived - ORDERS_BACK)
        self._shrunk_at = max(0, self._shrunk_at - ORDERS_BACK)
        self._timed = None

    def _there_now(self, part: int, seen: int, missing: int, now: int) -> int:
        """Note what is there; answers how many parts that are new."""
        new = 0
        asked = 0  # the sending of the part that went out again because nothing was heard
        for at in range(self.base, min(seen, self.next_part)):
            order = self._orders[at - self.base]
            if order and (at < part or not missing >> (at - part) & 1):
                new += 1
                if self.repeats and at == self.base:
                    asked = order
                else:
                    self._arrived = max(self._arrived, order)
                self._orders[at - self.base] = THERE
        # Of a part sent again into silence either may have come: the one that was thought lost, when a slow link has
        # carried others with it, or when this word is sooner here than a trip takes. Then all behind it is on its way.
        if new == 1 and now - self._sent_at >= max(self._best_trip, LONE_WORD):
            self._arrived = max(self._arrived, asked)
        self._orders = self._orders[part - self.base :]
        self.base = part
        return new

    def _lost(self) -> bool:
        """Whether parts were lost that were not known as lost; they wait for `take` from now on."""
        found = False
        for index, order in enumerate(self._orders):
            if 0 < order < self._arrived:
                self._orders[index] = LOST
                found = True
        return found

    def _patience(self) -> int:
        """After so long what was sent has arrived or is lost."""
        if not self._trip:
            return FIRST_SILENCE
        patience = SILENCE * self.ahead // AHEAD + self._trip + 4 * self._varies
        return min(patience, SILENCE_LIMIT)

    def _measure(self, now: int) -> None:
        if self._timed and self._arrived >= self._timed[0]:
            trip = max(1, now - self._timed[1])
            self._timed = None
            if not self._trip:
                self._trip = self._best_trip = trip
                self._varies = trip // 2  # as TCP begins (RFC 6298, 2.2)
            self._varies = (3 * self._varies + abs(trip - self._trip)) // 4
            self._trip = (3 * self._trip + trip) // 4
            self._best_trip = min(self._best_trip, trip)

    def _grow(self, new: int) -> None:
        self._grown += new
        if self._grown < self.window:
            return
        self._grown = 0
        if self._trip > min(2 * self._best_trip + QUEUED, QUEUE_LIMIT):
            self._shrink(self.window // 4 + 1)
        else:
            self.window = min(self.window + self.window // 4 + 1, self.ahead)

    def _shrink(self, by: int) -> None:
        self._shrunk_at = self._order
        self.window = max(self.window - by, min(LEAST_WINDOW, self.ahead))
