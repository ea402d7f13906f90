"""The ledger: all jobs and their rows, and the one place where a row or job changes its state.

Why it changes is decided elsewhere (`creation`, `reports`, `judgement`, `deadlines`); which changes are allowed
stands in `states`. Each change leaves an event behind.
"""

import secrets
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..const import MAX_ATTEMPTS
from .job import Job, NodeRow
from .sentences import sentence
from .states import NodeStatus, may_follow

# Ended jobs that are kept at all; some 2 kB each with a few nodes.
ENDED_MAX = 500


@dataclass(frozen=True, slots=True)
class RowMoved:
    """A row went from one state to another."""

    job_id: int
    node_id: str
    gateway_id: str
    before: NodeStatus
    after: NodeStatus


@dataclass(frozen=True, slots=True)
class RowProgressed:
    """A row has more parts, or another reason to wait."""

    job_id: int
    node_id: str
    gateway_id: str


@dataclass(frozen=True, slots=True)
class JobChanged:
    """A job was made, changed or has ended."""

    job_id: int


type Event = RowMoved | RowProgressed | JobChanged


class Ledger:
    """Jobs by id. `revision` is the greatest that any gateway's list ever had."""

    def __init__(self, draw_token: Callable[[], str] = lambda: secrets.token_hex(8)) -> None:
        """Start empty; `draw_token` gives 16 hex characters."""
        self.jobs: dict[int, Job] = {}
        self.next_id = 1
        self.revision = 0
        self.events: list[Event] = []
        self.ended: Callable[[Job, NodeRow, datetime], None] = lambda _job, _row, _now: None
        """Is told of each row that has just ended, before the job may end with it."""
        self.localize: Callable[[datetime], datetime] = lambda now: now
        """Turns a time into that of the house."""
        self._draw_token = draw_token
        self._open: dict[int, Job] = {}
        self._history: dict[int, dict[str, Any]] = {}

    def stored(self) -> dict[str, Any]:
        """Return everything, for the store."""
        jobs = [job.stored() if job.open else self._kept(job) for job in self.jobs.values()]
        return {"next_id": self.next_id, "revision": self.revision, "jobs": jobs}

    def _kept(self, job: Job) -> dict[str, Any]:
        """Return an ended job, which nothing changes any more, without writing its rows out each time."""
        if job.id not in self._history:
            self._history[job.id] = job.stored()
        return self._history[job.id]

    def restore(self, stored: dict[str, Any]) -> None:
        """Take up where `stored` ended."""
        self.next_id, self.revision = stored["next_id"], stored["revision"]
        self.jobs = {job.id: job for job in map(Job.restored, stored["jobs"])}
        self._open = {job.id: job for job in self.jobs.values() if job.open}

    @property
    def open_jobs(self) -> list[Job]:
        """The jobs that still need something, oldest first."""
        return list(self._open.values())

    def open_rows(self, gateway_id: str | None = None) -> Iterator[tuple[Job, NodeRow]]:
        """Every row (of one gateway) that has not ended, oldest job first."""
        for job in self.open_jobs:
            for row in list(job.nodes.values()):
                if gateway_id in (None, row.gateway_id) and not row.final:
                    yield job, row

    def rows_of(self, node_id: str) -> list[tuple[Job, NodeRow]]:
        """Return the open rows of one node, oldest job first."""
        found = ((job, job.nodes.get(node_id)) for job in self.open_jobs)
        return [(job, row) for job, row in found if row is not None and not row.final]

    def draw(self) -> tuple[int, str]:
        """Return the id and token of a new job; an id is never given out twice."""
        job_id, self.next_id = self.next_id, self.next_id + 1
        return job_id, self._draw_token()

    def add(self, job: Job) -> None:
        """Take a new job in."""
        self.jobs[job.id] = self._open[job.id] = job
        self.events.append(JobChanged(job.id))

    def clock(self, moment: datetime) -> str:
        """Return a time as the house's clock shows it, for a sentence."""
        return self.localize(moment).strftime("%Y-%m-%d %H:%M")

    def changed(self, job: Job) -> None:
        """Note that the job itself changed."""
        self.events.append(JobChanged(job.id))

    def move(
        self,
        job: Job,
        row: NodeRow,
        after: NodeStatus,
        now: datetime,
        reason: str | None = None,
        text: str | None = None,
        **placeholders: str | int,
    ) -> bool:
        """Move a row if the table allows it; `text` replaces the reason's own English sentence. Returns whether it did."""
        before = row.status
        if not may_follow(before, after):
            return False
        if before is NodeStatus.DOWNLOADING and row.moved_at is not None:
            row.transfer_seconds = (now - row.moved_at - row.stood).total_seconds()
        row.status, row.next_try, row.moved_at = after, None, now
        row.waited = row.stood = timedelta()
        row.reason, row.gaps = reason, None if text and not placeholders else placeholders
        row.error_message = text or (sentence(reason, **placeholders) if reason else None)
        if row.started and row.started_at is None:
            row.started_at = now
        if row.final:
            row.completed_at = now
        if job.started_at is None and (row.started or row.final):
            job.started_at = now
        self.events.append(RowMoved(job.id, row.node_id, row.gateway_id, before, after))
        if row.final:
            self.ended(job, row, now)
        self.settle(job, now)
        return True

    def explain(
        self,
        job: Job,
        row: NodeRow,
        reason: str | None,
        next_try: datetime | None = None,
        **gaps: str | int,
    ) -> None:
        """Say why a row waits, and when it goes on if that is known; nothing happens if it says so already."""
        text = sentence(reason, **gaps) if reason else None
        if (row.reason, row.error_message, row.next_try) != (reason, text, next_try):
            row.reason, row.error_message, row.next_try = reason, text, next_try
            row.gaps = gaps
            self.progressed(job, row)

    def progressed(self, job: Job, row: NodeRow) -> None:
        """Note that a row has something new to show within its state."""
        self.events.append(RowProgressed(job.id, row.node_id, row.gateway_id))

    def try_again(self, job: Job, row: NodeRow, now: datetime) -> None:
        """Start the next attempt of a node that took the image but never ran it; the last one fails the row."""
        row.tries += 1  # not `attempt`, which also counts the gateways that the node had in between
        if row.tries >= MAX_ATTEMPTS:
            self.move(job, row, NodeStatus.FAILED, now, "too_often", attempts=row.tries)
        elif self.move(job, row, NodeStatus.PENDING, now, "not_committed"):
            self.next_attempt(row)

    def next_attempt(self, row: NodeRow) -> None:
        """Make reports about the attempt so far worthless."""
        row.attempt += 1
        row.handed_out = row.let_go = False
        row.current_part, row.trial_boot = 0, 0
        row.left, row.back_since = False, None
        row.resent_before, row.resent = row.resent_in_all or 0, None

    def prune(self, now: datetime, age: timedelta, nodes: Container[str]) -> list[int]:
        """Let go of ended jobs that are too old or too many; the last one of each of these nodes stays. Returns their ids."""
        ended = [job for job in self.jobs.values() if not job.open]
        last = {name: job.id for job in self.jobs.values() for name in job.nodes if name in nodes}
        kept = set(last.values())
        too_many = {job.id for job in ended[: max(0, len(ended) - ENDED_MAX)]}
        gone = [
            job.id
            for job in ended
            if job.id not in kept and (job.id in too_many or now - (job.completed_at or now) > age)
        ]
        for job_id in gone:
            del self.jobs[job_id]
            self._history.pop(job_id, None)
        return gone

    def settle(self, job: Job, now: datetime, *, over: bool = False) -> None:
        """End the job if every row has ended; `over` ends one without rows too."""
        if not job.open or any(not row.final for row in job.nodes.values()):
            return
        if job.nodes or over or job.cancelled:
            job.completed_at = now
            del self._open[job.id]
            self.events.append(JobChanged(job.id))
