"""Many gateways at once: some hold a poll open, some take an image block by block. Bounded in number and in time.

The same load for whoever serves it; what a poll and a block are is the caller's.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

WAIT = 10  # s that a poll is held open; the product's is 50, so this is five times its rate
# s between two blocks of one gateway: 16 kB/s, what a gateway passes on into its mesh
PACE = 0.25

Ask = Callable[[], Awaitable[None]]


@dataclass
class Load:
    """What came of it, in milliseconds."""

    polls: list[float] = field(default_factory=list)
    """By how much later than asked for a poll was answered."""
    ranges: list[float] = field(default_factory=list)
    """From asking for a block until it was there."""

    async def run(self, pollers: list[Ask], takers: list[Ask], seconds: float) -> None:
        """Keep it up for so long; the gateways do not begin all in the same moment."""
        end = time.monotonic() + seconds
        async with asyncio.timeout(seconds + 3 * WAIT), asyncio.TaskGroup() as group:
            for number, ask in enumerate(pollers):
                begin = WAIT * number / len(pollers)
                group.create_task(_again(ask, self.polls, begin, end, held=WAIT))
            for number, ask in enumerate(takers):
                begin = PACE * number / len(takers)
                group.create_task(_again(ask, self.ranges, begin, end, pause=PACE))


async def _again(
    ask: Ask, took: list[float], begin: float, end: float, held: float = 0, pause: float = 0
) -> None:
    await asyncio.sleep(begin)
    while time.monotonic() < end:
        start = time.monotonic()
        await ask()
        spent = time.monotonic() - start
        took.append((spent - held) * 1000)
        await asyncio.sleep(max(0, pause - spent))


def percentile(samples: list[float], share: float) -> float:
    """The value that this share of the samples does not exceed."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
