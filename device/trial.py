"""The first boot of a new image: what it must show, by when, and what each failure means.

Pure: no clock, no flash, no radio. The application tells what happened and asks for the verdict;
`slots` carries it out. An image that fails by itself is refused; a mesh or gateway that is away is
nobody's fault, and the trial is tried again later.
"""

DEADLINE = 120_000_000  # microseconds: joining takes up to 60 s in a deep tree, a hello 30 s more
STEADY = 15_000_000  # microseconds: what crashes or hangs within these has not passed

CONFIRMED = "confirmed"
RETRY = "retry"
REFUSED = "refused"

# What must happen, in the order in which it is missed, and the verdict when it has not in time.
NODE_NEEDS = (
    ("joined", RETRY, "No mesh was joined within {} s."),
    ("hello", RETRY, "The gateway did not answer within {} s."),
    ("self_test", REFUSED, "The self-test did not end within {} s."),
    ("steady", REFUSED, "The firmware did not run steadily within {} s."),
)
GATEWAY_NEEDS = (
    ("router", RETRY, "The home network was not joined within {} s."),
    ("home_assistant", RETRY, "Home Assistant did not answer within {} s."),
    ("self_test", REFUSED, "The self-test did not end within {} s."),
    ("steady", REFUSED, "The firmware did not run steadily within {} s."),
)


class Trial:
    """One trial. `verdict` is None while it runs, then `confirmed`, `retry` or `refused`."""

    def __init__(self, now: int, needs: tuple = NODE_NEEDS, deadline: int = DEADLINE) -> None:
        self.verdict = None
        self.reason = ""
        self._needs = needs
        self._seen = []
        self._started = now
        self._deadline = deadline

    def saw(self, need: str) -> str | None:
        """One of the needs was met; answers the verdict."""
        if need not in self._seen:
            self._seen.append(need)
        if self.verdict is None and not self._missing():
            self.verdict = CONFIRMED
        return self.verdict

    def failed(self, reason: str) -> str | None:
        """The self-test said no, and why; answers the verdict. A verdict never changes."""
        if self.verdict is None:
            self.verdict, self.reason = REFUSED, reason
        return self.verdict

    def tick(self, now: int) -> str | None:
        """Look at the clock; answers the verdict."""
        missing = self._missing()
        if self.verdict is None and missing and now - self._started >= self._deadline:
            _need, self.verdict, reason = missing[0]
            self.reason = reason.format(self._deadline // 1_000_000)
        return self.verdict

    def _missing(self) -> list:
        return [row for row in self._needs if row[0] not in self._seen]
