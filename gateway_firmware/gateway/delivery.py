"""One job as the gateway works on it, and one delivery: the way of its image to one node.

Pure bookkeeping: what the node says moves the state, what changed is news for the reporter. Who is
offered what, and when, is `distributor`; which part goes out next is `serving`.
"""

from painlessmesh.ota_sender import UNIT, Offer

# progress[].status of docs/gateway-api.md §5; NEW is not told, Home Assistant calls it pending.
NEW, OFFERED, DOWNLOADING, VERIFYING = "", "offered", "downloading", "verifying"
RESTARTING, FAILED = "restarting", "failed"

# Where Home Assistant has an image, below gateway/.
PLAIN = "firmware/{}/download"
DEFLATED = PLAIN + "?encoding=deflate"

BEFORE_COMMIT = (NEW, OFFERED, DOWNLOADING, VERIFYING)
LONGEST_SENTENCE = 200
MOST_TARGETS = 24  # in one pending list

# A node's phase, while it speaks of this image -> what that means for the delivery.
STATE_OF_PHASE = {
    "downloading": DOWNLOADING,
    "verifying": VERIFYING,
    "ready": VERIFYING,
    "restarting": RESTARTING,
}


class Job:
    """`fields` are those of the pending list, checked by `home_assistant`."""

    def __init__(self, fields: dict) -> None:
        self.id = fields["id"]
        self.token = fields["token"]
        self.md5 = fields["md5"]
        self.sha256 = fields["sha256"]
        self.proof = fields.get("proof")
        self.size = fields["size"]
        # Bytes of the deflated image, where that is what goes over the mesh.
        self.deflate = fields.get("deflate") or None
        self._firmware_id = fields["firmware_id"]
        self.kind = fields["kind"]
        self.version = fields["version"]
        self.flip = fields.get("mode") == "flip"  # to what the node has in its other slot; no image
        self.sign(fields)
        self.stock = fields["runtime"] != "micropython"
        size = 1 if self.flip else self.carried
        self.offer = Offer(fields["role"], fields["hardware"], self.md5, size, fields["force"])

    @property
    def source(self) -> str:
        """Where Home Assistant has what goes over the mesh, below gateway/."""
        return (DEFLATED if self.deflate else PLAIN).format(self._firmware_id)

    @property
    def carried(self) -> int:
        """Bytes that go over the mesh."""
        return self.deflate or self.size

    def sign(self, fields: dict) -> None:
        """Another list may bring another signature: signing was turned on, or has another key."""
        self.counter = fields.get("counter") or None
        self.floor = fields.get("floor")
        self.sig = fields.get("sig") or None

    def signed_keys(self) -> tuple:
        """What an announcement to one of our nodes says beside painlessMesh's keys."""
        return (
            ("size", self.size),
            ("sha256", self.sha256),
            ("kind", self.kind),
            ("version", self.version),
            ("deflate", self.deflate),
            ("counter", self.counter),
            ("floor", self.floor),
            ("sig", self.sig),
        )


class Delivery:
    """The attempt to bring one job's image to one node. Times are microseconds, kept in UNITs.

    There may be many: what is here takes heap in none of them before it is something else, and beyond twelve attributes
    one of them takes half as much again.
    """

    state = NEW
    part = 0
    ready = False  # the node waits for the commit
    may_commit = True  # else Home Assistant lets others restart before it
    held = False  # its job is paused: nothing goes to the node, and it keeps what it has
    news = False
    target = None  # painlessmesh's view of the node, while it is offered the image
    node_boot = None  # of the last status
    sent_at = 0  # of the last part, in UNITs
    resent = 0  # parts that went out again
    furthest = 0  # first part that never went out
    silent = 0  # offers in a row that a C++ node, there all the time, left unanswered
    _waits = False  # whether an offer to a C++ node is unanswered
    waiting: tuple = ()  # requests of the sender whose block or link is not free yet
    old_error = False  # the node spoke of an error with this image before it was offered
    _offered_at = None  # first time
    _boot = None  # boot number at the commit
    _sentence = _code = ""

    def __init__(self, job: Job, node_id: int, attempt: int, now: int) -> None:
        self.job = job
        self.node_id = node_id
        self.attempt = attempt
        self.alive(now)
        self.act_in(0, now)

    @property
    def tag(self) -> str:
        """What the node records at the commit, and says again in `last`."""
        return "{}-{}".format(self.job.token, self.attempt)

    def alive(self, now: int) -> None:
        """A sign of life in this matter, or a reason why there is none."""
        self._alive_at = now >> UNIT

    def silent_for(self, now: int) -> int:
        """Microseconds since the last one."""
        return (now >> UNIT) - self._alive_at << UNIT

    def act_in(self, gap: int, now: int) -> None:
        """To be announced or committed next, `gap` us from now."""
        self._act_at = (now + gap) >> UNIT

    def may_act(self, now: int) -> bool:
        return now >> UNIT >= self._act_at

    def told_of_it(self, now: int) -> None:
        """An offer goes out to the node; the first one counts."""
        if self._offered_at is None:
            self._offered_at = now >> UNIT

    def known_for(self, now: int) -> int | None:
        """Microseconds since the first offer; None before it."""
        return None if self._offered_at is None else (now >> UNIT) - self._offered_at << UNIT

    def move(self, state: str, now: int, part: int = 0) -> None:
        """The delivery is in that state now, that far; anything new is news."""
        if (state, part) != (self.state, self.part):
            self.state, self.part = state, part
            self.alive(now)
            self.news = True

    def offered(self) -> None:
        """Once more to a C++ node; the offer before it has been left unanswered."""
        if self._waits:
            self.silent += 1
            self.news = True
        self._waits = True

    def answered(self) -> None:
        """The C++ node asks for parts, or has gone, so that nothing follows from its silence."""
        if self._waits or self.silent:
            self.silent, self._waits = 0, False

    def fail(self, code: str, sentence: str, now: int) -> None:
        self._code, self._sentence = code[:20], sentence[:LONGEST_SENTENCE]
        self.move(FAILED, now, self.part)

    def heard(self, status: dict, now: int) -> None:
        """A status of this node; both are in order, so a later one supersedes an earlier one."""
        last, error = _object(status, "last"), _object(status, "error")
        boot = status.get("boot", 0)
        phase = status.get("phase")
        if phase != "ready" and self.ready:
            self.ready = False
        if self.state == FAILED:
            return
        if last.get("tag") == self.tag and phase != "restarting":
            self.restarting(boot - 1, now)  # the commit was heard, and this is a later boot
        elif status.get("md5") == self.job.md5 and phase in STATE_OF_PHASE:
            self._forget_error()
            self._in_phase(phase, status, now)
        elif error.get("md5") == self.job.md5:
            self._stumbled(error, now)
        elif self.state in (DOWNLOADING, VERIFYING):
            self._forget_error()
            self.move(OFFERED, now)  # it has given up or lost the image: offer it again
            self.act_in(0, now)
        elif status.get("proof") == self.job.proof:
            self.alive(now)  # it runs that image, as Home Assistant is about to see

    def _in_phase(self, phase: str, status: dict, now: int) -> None:
        state = STATE_OF_PHASE[phase]
        if state == RESTARTING:
            self.restarting(status.get("boot", 0), now)
        elif self.state != RESTARTING:
            if phase == "ready" and not self.ready:
                self.ready = True
                self.act_in(0, now)  # commit at once
            part = status.get("part", 0) if state == DOWNLOADING else self.job.offer.parts
            if part >= self.part or state != self.state:
                self.move(state, now, part)

    def restarting(self, boot: int, now: int) -> None:
        """The image is committed, in that boot."""
        if self._boot is None:
            self._boot = boot
        self.move(RESTARTING, now, self.job.offer.parts)

    def _stumbled(self, error: dict, now: int) -> None:
        # A node says its last error until it begins anew. One that was there before the offer may be
        # an older attempt's; it counts when the node still says it after it must have heard of this.
        known = self.known_for(now)
        if known is None:
            self.old_error = True
        elif not self.old_error or known > STALE_ERROR:
            self.fail(str(error.get("code", "")), str(error.get("reason", "")), now)

    def _forget_error(self) -> None:
        if self.old_error:
            self.old_error = False

    # ---- for the reporter

    def entry(self) -> dict:
        """Its entry in a report; follow it up with `told` or `lost`."""
        self.news = False
        entry = {
            "id": self.job.id,
            "token": self.job.token,
            "node_id": str(self.node_id),
            "attempt": self.attempt,
            "status": self.state,
            "current_part": self.part,
            "total_parts": self.job.offer.parts,
        }
        if self.state == FAILED:
            entry["error_message"], entry["reason"] = self._sentence, self._code
        if self._boot is not None:
            entry["boot"] = self._boot
        if self.resent:
            entry["resent"] = self.resent
        if self.silent:
            entry["silent"] = self.silent
        return entry

    def told(self) -> None:
        pass

    def lost(self) -> None:
        self.news = True


STALE_ERROR = 5_000_000  # us; a node answers an announcement at once


def _object(status: dict, name: str) -> dict:
    found = status.get(name)
    return found if isinstance(found, dict) else {}
