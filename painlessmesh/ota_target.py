"""One node that takes an image: which parts are on their way to it, and how many may be. Knows no packages.

A window of parts is sent ahead of the node's requests, each of which says "I have all before this one". The window grows
by one part when a whole window has arrived and is halved by a loss.
"""

FIRST_WINDOW = 2
WINDOW = 16  # most parts in flight to one of our nodes
STOCK_WINDOW = 8  # to a C++ node: its receive path on an ESP32 is fragile

REPEAT_AFTER = (
    1_000_000,
    2_000_000,
    3_000_000,
)  # us without progress; the last one again and again
LAST_AGAIN = 6_000_000  # us before a C++ node gets the last part again: had it taken it, it would have restarted
REPEATS_LIMIT = 10  # without progress; then it is the node's turn to ask
FIRST_TRIP = 100_000  # us; assumed from a part to the request for the next one, until measured


class Target:
    """`base` is the part that the node asked for last, so it has all before it; -1 before its first request."""

    ahead = 0  # parts that it takes out of order

    def __init__(self, node_id: int, offer: object, stock: bool, longest: int) -> None:
        self.node_id = node_id
        self.offer = offer
        self.stock = stock
        self.base = -1
        self.window = min(FIRST_WINDOW, longest)
        self.announce_each = (
            False  # before every part: nodes of 1.4.1 to 1.4.3 forget the offer after each one
        )
        self.sent_again = 0  # parts, in the whole transfer
        self.repeats = 0  # in a row without progress
        self.broadcasted = False  # as in its last request
        self.compressed = None
        self._longest = longest
        self._next = 0  # part to send next
        self._sent = []  # when each part from base to _next - 1 went out
        self._furthest = 0  # first part that was never sent
        self._reach = 0  # first part that a repeat does not touch
        self._moved_at = 0  # of the last progress or repeat
        self._trip = FIRST_TRIP
        self._grown = 0  # parts acknowledged since the window grew
        self._since_stall = 0  # parts acknowledged
        self._short_stalls = 0  # in a row, with exactly one part before each

    @property
    def stalled(self) -> bool:
        """It was sent the same part again and again without an answer."""
        return self.repeats >= REPEATS_LIMIT

    def asked(self, part: int, now: int) -> None:
        """The node asks for `part`."""
        if part == self.base:
            self._asked_again(now)
            return
        if self.base < part <= self._next and self.base >= 0:
            self._progress(part, now)
        else:
            self._next = part
            self._sent = []
        self.base = part
        self.repeats = self._reach = 0
        self._moved_at = now

    def take(self, now: int) -> int | None:
        """The part to send now, if there is one; from then on it is on its way."""
        if self.base < 0 or self.stalled or self._next >= self._end():
            return None
        part = self._next
        self._next += 1
        self._sent.append(now)
        if len(self._sent) == 1:
            self._moved_at = now
        if part < self._furthest:
            self.sent_again += 1
        self._furthest = max(self._furthest, part + 1)
        return part

    def tick(self, now: int) -> None:
        """Goes back to the first part not acknowledged when nothing has moved for too long; not with a window of 1."""
        if not self._sent or self.stalled or self._longest == 1:
            return
        if now - self._moved_at >= self._patience():
            self.repeats += 1
            self._notice_short_stall()
            self._go_back(now)
            # A C++ node that has all of these, and whose requests were lost, ignores them: only a part that it has
            # not had makes it speak before its 30 s are over.
            if self.stock and not self._reach and self._is_silent():
                self._reach = self._furthest + 1

    def announces(self) -> bool:
        """Whether the announcement goes before the part just taken. A newer C++ node just asks once more for it."""
        return self.stock and (self.announce_each or (self.repeats > 0 and len(self._sent) == 1))

    def _asked_again(self, now: int) -> None:
        # Stop-and-wait answers every request. With parts on their way, a request for the first of them means that it
        # was lost, unless it cannot have arrived yet. A C++ node also asks twice when it is told of the offer again.
        if not self._sent:
            self.repeats = 0
        elif self._longest == 1:
            self._next = self.base
            self._sent = []
        elif self.stalled or self._is_late(now):
            self.repeats = 0
            self._go_back(now)

    def _is_late(self, now: int) -> bool:
        if self.stock:
            return now - self._moved_at >= REPEAT_AFTER[0]
        return now - self._sent[0] >= self._trip * 3 // 4

    def _progress(self, part: int, now: int) -> None:
        arrived = part - self.base
        self._trip = (7 * self._trip + now - self._sent[arrived - 1]) // 8
        self._sent = self._sent[arrived:]
        self._since_stall += arrived
        self._grown += arrived
        if self._grown >= self.window:
            self._grown = 0
            self.window = min(self.window + 1, self._longest)

    def _go_back(self, now: int) -> None:
        self._next = self.base
        self._sent = []
        self._moved_at = now
        self._grown = 0
        self.window = max(self.window // 2, min(FIRST_WINDOW, self._longest))

    def _notice_short_stall(self) -> None:
        if self._since_stall:
            self._short_stalls = self._short_stalls + 1 if self._since_stall == 1 else 0
        self._since_stall = 0
        self.announce_each = self.announce_each or (self.stock and self._short_stalls >= 2)

    def _end(self) -> int:
        """First part that must not be sent yet."""
        parts = self.offer.parts
        if self.stock and self._furthest == parts and self.base < parts - 1:
            parts -= 1  # a C++ node that got the last one is about to restart
        reach = min(self._reach, self.base + self._longest)
        return min(max(self.base + self.window, reach), parts)

    def _is_silent(self) -> bool:
        return self.repeats > 1 or self._furthest - self.base <= FIRST_WINDOW

    def _patience(self) -> int:
        """Microseconds without progress before a part is sent again."""
        if self.stock and self.base == self.offer.parts - 1:
            return LAST_AGAIN
        return REPEAT_AFTER[min(self.repeats, len(REPEAT_AFTER) - 1)]
