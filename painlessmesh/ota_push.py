"""One image to everybody at once: each link carries each part once, and what a node has missed goes to it alone.

What lives here: which part goes out next, and how far ahead of the slowest node. What each node has is in its
`AheadTarget`, which hears of the parts that went out and repairs them. Knows no packages.

The original's broadcast mode lets one node, the root, ask for all; with a gateway that is the root itself nobody asks, and
a node that misses a part hangs. So the gateway pushes, and each node says from time to time what it needs. A C++ node
cannot say it; one that misses a part asks for it in the name that the parts carry as `dest`. That is ours, and the answer
goes to everybody again: whoever is at another part ignores it.
"""

from painlessmesh.ota_ahead import QUEUED
from painlessmesh.ota_sender import UNIT
from painlessmesh.protocol import number

WINDOW = 32  # parts on their way to the slowest node, to begin with
LEAST = 28  # a node speaks after 24 parts
MOST = 36  # more would not fit into the queues of a relay that has more neighbours than we have
LAST_AGAIN = 6_000_000  # us between repeats of the last part to C++ nodes: who misses any other one asks for it then
LAST_REPEATS = 3
ANSWER_AGAIN = 100_000  # us; many C++ nodes that miss the same part get one answer
KEPT = 64  # parts, of which the node that is furthest behind may speak
LEFT_BEHIND = 3  # words that a node owes us before the others stop waiting for it


class ToAll:
    """One part for everybody, as the Sender's `data_package` wants it."""

    announce = False
    compressed = None
    to_all = True

    def __init__(
        self, offer: object, part: int, node_id: int | None = None, repair: bool = False
    ) -> None:
        self.offer = offer
        self.part = part
        self.node_id = node_id  # `dest`, which C++ nodes take for their own name
        self.broadcasted = not repair


class Push:
    """The pushing of one offer. `targets` are AheadTargets, all announced to with `broadcasted`.

    With `own_id`, C++ nodes of 1.5.4 or newer take it as well, after a broadcast announcement. They say nothing while all
    is well: without targets, the pace is the caller's.
    """

    def __init__(self, offer: object, targets: list, own_id: int | None = None) -> None:
        self.offer = offer
        self._own_id = own_id
        self._answered = {}  # part: when it was last repeated for a C++ node
        self.targets = targets
        self.window = WINDOW
        self.part = -1  # next one; -1 until somebody has asked
        # Of the last parts, in UNITs. As a dict they took 1.2 KB in one piece, for each image.
        self._sent_at = [0] * KEPT
        self._ended = None  # (when the last part went out last, how often it was repeated)
        self._best_trip = 0
        self._judged = 0  # part at which the window was last changed
        for target in targets:
            target.limit = 0

    def add(self, target: object) -> None:
        """A node that joins while the image is on its way."""
        target.limit = max(self.part, 0)
        self.targets.append(target)

    def begin(self) -> bool:
        """Starts at the first part that somebody needs; whether there was somebody."""
        bases = [target.base for target in self.targets if target.base >= 0]
        self.part = min(bases) if bases else (-1 if self.targets else 0)
        return self.part >= 0

    def asked(self, package: dict, now: int) -> "ToAll | None":
        """A request in our own name, of a C++ node that misses a part: what to send to everybody again."""
        part = number(package, "partNo", -1)
        offer = self.offer
        for key, value in (("md5", offer.md5), ("role", offer.role), ("hardware", offer.hardware)):
            if package.get(key) != value:
                return None
        if (
            not 0 <= part < self.part
            or now - self._answered.get(part, -ANSWER_AGAIN) < ANSWER_AGAIN
        ):
            return None
        self._answered = {part: now}
        return ToAll(offer, part, self._own_id, True)

    def heard(self, target: object, now: int) -> None:
        """A node has said what it needs: what its answer tells of the queues on the way."""
        last = target.seen - 1
        is_kept = max(0, self.part - KEPT) <= last < self.part
        sent_at = self._sent_at[last % KEPT] if is_kept else 0
        if not sent_at:
            return  # before it all began, or long ago
        trip = (now >> UNIT) - sent_at
        self._best_trip = min(self._best_trip or trip, trip)
        if self.part - self._judged < self.window // 2:
            return
        self._judged = self.part
        if trip > 2 * self._best_trip + QUEUED:
            self.window = max(self.window - self.window // 4, LEAST)
        else:
            self.window = min(self.window + 8, MOST)

    @property
    def due(self) -> bool:
        """Whether a part that nobody has been sent may go out now."""
        return 0 <= self.part < self._end()

    def take(self, now: int) -> "ToAll | None":
        """What to send to everybody now, if there is something."""
        if self.part >= self.offer.parts:
            return self._last_again(now)
        if not self.due:
            return None
        part = self.part
        self.part += 1
        self._sent_at[part % KEPT] = now >> UNIT
        for target in self.targets:
            target.limit = self.part
            if target.base >= 0 and target.next_part == part:
                target.pass_on(now)
        return ToAll(self.offer, part, self._own_id)

    def _last_again(self, now: int) -> "ToAll | None":
        at, repeats = self._ended or (now, 0)
        due = self._own_id and repeats < LAST_REPEATS and now - at >= LAST_AGAIN
        self._ended = (now, repeats + 1) if due else (at, repeats)
        return ToAll(self.offer, self.offer.parts - 1, self._own_id) if due else None

    def _end(self) -> int:
        """The first part that must not go out yet: links and relays hold `window`, and a node takes `ahead` of its gaps.

        Who joined late or does not answer is not waited for, and catches up alone.
        """
        end = self.offer.parts
        for target in self.targets:
            if target.repeats < LEFT_BEHIND and target.base >= max(0, self.part - target.ahead):
                end = min(end, target.seen + self.window, target.base + target.ahead)
        return end
