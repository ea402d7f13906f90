"""How late an event loop is: a timer that asks every 10 ms when it is really woken.

Lives here: the probe, which runs inside the process that is measured, and needs nothing but asyncio.
"""

import asyncio
import time

BEAT = 0.01  # s


class LoopProbe:
    """`samples` are the milliseconds by which each beat came late, since the last `take`."""

    def __init__(self) -> None:
        self.samples: list[float] = []

    async def run(self) -> None:
        while True:
            due = time.monotonic() + BEAT
            await asyncio.sleep(BEAT)
            self.samples.append((time.monotonic() - due) * 1000)

    def take(self) -> list[float]:
        taken, self.samples = self.samples, []
        return taken
