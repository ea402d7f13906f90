"""Which runs there are: who is killed, at which point of whose job. A table; nothing here runs."""

import random
from dataclasses import dataclass

VICTIMS = ("home assistant", "gateway", "node")
OWN, STOCK = "own", "stock"
POINTS = {
    OWN: (
        "created", "offered", "first part", "quarter", "half", "last part", "verifying", "commit", "restarting", "trial",
    ),
    # A C++ node says nothing of checking and trying; it leaves, comes back and has to stay.
    STOCK: (
        "created", "offered", "first part", "quarter", "half", "three quarters", "last part", "left", "back", "settling",
    ),
}  # fmt: skip
SHARES = {"first part": 0.0, "quarter": 0.25, "half": 0.5, "three quarters": 0.75, "last part": 1.0}
"""how much of the image is on its way at those points"""

SMALL, LARGE = 48 * 1024, 2 * 1024 * 1024
WINDOW_PARTS, MORE_PARTS = 16, 4
"""what may be sent again of a small image: one window and four parts"""


@dataclass(frozen=True)
class Run:
    kind: str
    victim: str
    point: str
    padding: int = SMALL

    def most_again(self, parts: int) -> int | None:
        """How many parts may be sent twice; None for a C++ node, which forgets what it had."""
        if self.kind == STOCK:
            return None
        return parts // 100 if self.padding == LARGE else WINDOW_PARTS + MORE_PARTS


def small() -> list[Run]:
    """The 60 runs, in an order in which none waits for many of its kind."""
    return [
        Run(kind, victim, point)
        for victim in VICTIMS
        for pair in zip(POINTS[OWN], POINTS[STOCK], strict=True)
        for kind, point in zip((OWN, STOCK), pair, strict=True)
    ]


def large() -> list[Run]:
    return [Run(OWN, victim, "half", LARGE) for victim in VICTIMS]


def share(commit: str, count: int) -> list[Run]:
    """So many of the 60, other ones for another commit."""
    return random.Random(commit).sample(small(), count)  # noqa: S311  to choose, not to protect
