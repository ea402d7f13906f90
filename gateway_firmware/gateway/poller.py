"""The one conversation with Home Assistant: what is asked next, when, and what follows a failure.

All HTTP happens in this one task, one exchange after the other on one connection: so there is nothing to
lock. A long poll is held only while nothing is distributed; when something is to be said meanwhile, that
connection is dropped and the next one opened. Never gives up, never runs in circles.
"""

import asyncio
import gc

from gateway.home_assistant import HomeAssistant, Refused
from gateway.session import Later

SECOND = 1_000_000
UNKNOWN_PAUSE = 10  # s between openings until Home Assistant has this gateway's key
UNREACHABLE_LONGEST = 10  # s; nobody is there to be disturbed, and it may be back any moment
REFUSED_LONGEST = 60
SHORT_SERIES = 60 * SECOND  # between two shortages of memory that belong together
SHORT_MOST = 6
PLAIN_POLL = 60  # s between two requests where Home Assistant grants no long poll


class Poller:
    def __init__(
        self,
        home_assistant: HomeAssistant,
        blocks: object,
        distributor: object,
        reporter: object,
        clock: object,
    ) -> None:
        self.accepted = False  # whether Home Assistant ever gave a signed answer in this boot
        self.on_revision = None  # called with the revision that each signed answer names
        self._home_assistant = home_assistant
        self._blocks = blocks
        self._distributor = distributor
        self._reporter = reporter
        self._clock = clock
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._revision = None  # of the list the distributor works on; None: ask for it
        self._behind = True  # whether Home Assistant has a newer list
        self._failures = 0
        self._shortages = 0  # of memory, one soon after the other
        self._short_at = 0
        # Whether the last failure was an answer, and came from somebody who has our key.
        self._trouble_of = False, False
        self._trouble = ""

    def wake(self) -> None:
        """Something is to be said or fetched."""
        self._wake.set()

    def start_anew(self) -> None:
        """The home network is back: drop the connection, and wait no longer for the next try."""
        self._home_assistant.session.drop()
        self._hurry.set()

    async def run(self) -> None:
        while True:
            try:
                await self._step()
                self._failures = 0
                self._say("")
            except (Later, Refused) as error:
                await self._wait_after(error)
            except MemoryError as error:
                gc.collect()
                self._count_shortage(error)
                await self._wait_after(error)

    def _count_shortage(self, error: MemoryError) -> None:
        """Raises it again, which restarts the board, when memory stays short: a heap that is torn does not mend
        itself, and after a restart all that is known here is told anew."""
        now = self._clock()
        if now - self._short_at > SHORT_SERIES:
            self._shortages = 0
        self._short_at = now
        self._shortages += 1
        if self._shortages >= SHORT_MOST:
            raise error

    async def _step(self) -> None:
        """The most urgent exchange there is, or a wait for one."""
        now = self._clock()
        wanted = self._blocks.next_wanted()
        if not self._home_assistant.session.standing:
            self._reporter.everything()
            await self._report(now)
        elif self._behind:
            await self.check_for_ota_updates(0, None)
        elif self._reporter.due_in(now, between_polls=True) == 0:
            await self._report(now)
        elif wanted is not None:
            await self._fetch(wanted)
        elif self._distributor.distributing or not self._home_assistant.session.wait:
            await self._rest(self._reporter.due_in(now))
        else:
            await self._long_poll()

    async def _report(self, now: int) -> None:
        try:
            revision, dropped = await self._home_assistant.report(self._reporter.compose(now))
        except Refused:
            self._reporter.told(self._clock())  # saying the same again would be refused again
            raise
        except BaseException:
            self._reporter.lost()
            raise
        self._reporter.told(self._clock())
        self._answered(revision)
        self._distributor.drop(dropped)

    async def check_for_ota_updates(self, wait: int, have: int | None) -> None:
        revision, jobs = await self._home_assistant.pending(wait, have)
        self._distributor.listed(jobs, self._clock())
        jobs = None  # all of it makes room for the offers
        self._distributor.tick(self._clock())
        self._revision = revision  # not before: without memory for it, that list is asked for again
        self._answered(revision)

    async def _fetch(self, wanted: tuple) -> None:
        source, start, size = wanted
        buffer = self._blocks.claim()
        try:
            length = await self._home_assistant.block(source, start, size, buffer)
        except Refused:
            self._blocks.give_up(wanted)
            before = self._revision
            # No job needs that image: our list is not the newest.
            await self.check_for_ota_updates(0, None)
            if self._revision == before:
                raise
            return
        self._blocks.filled(wanted, length)
        self._distributor.block_arrived(self._clock())

    async def _long_poll(self) -> None:
        """Held until the list changes, or until there is something to say."""
        wait = self._home_assistant.session.wait
        self._wake.clear()
        poll = asyncio.create_task(self._poll_then_wake(wait))
        try:
            while not poll.done():
                left = self._reporter.due_in(self._clock())
                if left == 0 or self._blocks.next_wanted() is not None:
                    break
                await self._rest(left)
        finally:
            poll.cancel()  # nothing happens to one that is done
        try:
            error = await poll
        except asyncio.CancelledError:
            return  # its connection is closed; the next request opens another
        if error is not None:
            raise error

    async def _poll_then_wake(self, wait: int) -> Exception | None:
        """What went wrong, if anything: raised by a task, it would be printed before it is awaited."""
        try:
            await self.check_for_ota_updates(wait, self._revision)
            return None
        except (Later, Refused, MemoryError) as error:
            return error
        finally:
            self._wake.set()

    async def _rest(self, microseconds: int) -> None:
        """Until woken, at most so long."""
        await _wait(self._wake, min(microseconds / SECOND, PLAIN_POLL))
        self._wake.clear()

    def _answered(self, revision: int) -> None:
        """A signed answer has said which list is the newest."""
        self.accepted = True
        if self.on_revision is not None:
            self.on_revision(revision)
        self._behind = revision != self._revision
        if not self._behind:
            self._distributor.still_listed(self._clock())

    async def _wait_after(self, error: Exception) -> None:
        self._say(str(error) or type(error).__name__)
        reached = isinstance(error, Refused) or getattr(error, "refused", False)
        # Where its dialog has heard us, Home Assistant opens a session and refuses it until the entry is there: soon.
        known = self._home_assistant.session.opened > 0
        if (reached, known) != self._trouble_of:
            self._trouble_of = reached, known
            self._failures = 0  # what is wrong now has only begun
        if reached and not known:
            pause = UNKNOWN_PAUSE
        else:
            longest = REFUSED_LONGEST if reached else UNREACHABLE_LONGEST
            pause = min(1 << min(self._failures, 6), longest)
        self._failures += 1
        self._hurry.clear()
        await _wait(self._hurry, pause)

    def _say(self, trouble: str) -> None:
        """One line on the console when trouble starts, changes or ends."""
        if trouble != self._trouble:
            print("Home Assistant:", trouble or "connected")
        self._trouble = trouble


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except asyncio.TimeoutError:
        pass
