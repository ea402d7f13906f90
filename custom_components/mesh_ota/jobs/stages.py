"""The stages of a job: its canary, its stop threshold, its window, and what waits for the nodes below it.

Pure. What entities, templates and the local clock say is asked through `go` and the ledger's `localize`, which the hub sets.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ..nodes import NodeRegistry
from .job import Job, NodeRow
from .ledger import Ledger
from .order import Order
from .rollout import Window
from .sentences import sentence
from .states import TROUBLE, NodeStatus

type Reason = tuple[str, dict[str, str | int], datetime | None]
"""Code, what fills its sentence, and the time of the next try."""

PROVED = (NodeStatus.COMPLETED, NodeStatus.SKIPPED)


class Stages:
    """Watches every open job."""

    def __init__(self, ledger: Ledger, nodes: NodeRegistry) -> None:
        """Be told of each row that ends."""
        self._ledger = ledger
        self._nodes = nodes
        self.order = Order(nodes)
        self.go: Callable[[Window], bool] = lambda _window: True
        """What entity and template of a window say now."""
        self.lost: Callable[[int], bool] = lambda _firmware_id: False
        """Whether the image of a firmware cannot be read."""
        self.healthy: Callable[[Job, datetime], str | None] = lambda _job, _now: None
        """The names of what looks suspicious after the canary's soak; None if all is well."""
        self.go_back: Callable[[Job], None] = lambda _job: None
        ledger.ended = self._row_ended

    def review(self, now: datetime) -> None:
        """Look at every open job: whether its window allows it, and whether its canary has proved itself."""
        for job in self._ledger.open_jobs:
            self._look_at_window(job, now)
            self._look_at_canary(job, now)

    def begin(self, job: Job, now: datetime) -> None:
        """Choose the canary of a new job and look at its window."""
        rollout, rows = job.rollout, [row for row in job.nodes.values() if not row.final]
        chosen = [row.node_id for row in rows if row.node_id in rollout.canary_node_ids]
        if not rollout.canary_node_ids and (job.for_type or rollout.canary < len(rows)):
            rows.sort(key=lambda row: self._canary_rank(row.node_id))
            chosen = [row.node_id for row in rows[: rollout.canary]]
        job.canaries = chosen
        self._look_at_window(job, now)
        self._look_at_canary(job, now)

    def joined(self, job: Job, row: NodeRow) -> None:
        """Let a node that turned up later go first too, while there are fewer than the canary should have."""
        wanted = 0 if job.rollout.canary_node_ids else job.rollout.canary
        if job.open and not row.final and job.soak_until is None and len(job.nodes) <= wanted:
            job.canaries = [*job.canaries, row.node_id]
            self._say_what_for(job)

    def _canary_rank(self, node_id: str) -> tuple[bool, bool, int]:
        """Nodes that are there come first, then those on which the fewest others hang."""
        node = self._nodes.nodes[node_id]
        return not node.online, node.is_gateway, self.order.carried(node)

    # Windows

    def _look_at_window(self, job: Job, now: datetime) -> None:
        window = job.rollout.window
        closed = window is not None and not (
            window.open_at(self._ledger.localize(now)) and self.go(window)
        )
        shut = closed or self.lost(job.firmware_id)
        if shut != job.shut:
            job.shut = shut
            self._ledger.changed(job)
        self._say_what_for(job)

    def _say_what_for(self, job: Job) -> None:
        if job.waiting_for == "user" or job.ended:
            return
        waits = "window" if job.shut else "canary" if job.canaries else None
        waits = "image" if self.lost(job.firmware_id) else waits
        waits = None if job.paused else waits
        if waits != job.waiting_for:
            job.waiting_for = waits
            self._ledger.changed(job)

    # The canary

    def _look_at_canary(self, job: Job, now: datetime) -> None:
        if not job.canaries or job.ended:
            return
        ends = [job.nodes[node_id].status for node_id in job.canaries if node_id in job.nodes]
        if any(status not in PROVED for status in ends):
            return
        if job.soak_until is None:
            job.soak_until = now + timedelta(minutes=job.rollout.soak_minutes)
            self._ledger.changed(job)
        if now >= job.soak_until and not job.paused:
            self._end_soak(job, now)

    def _end_soak(self, job: Job, now: datetime) -> None:
        if (suspicious := self.healthy(job, now)) is not None:
            if job.rollout.go_back:
                self.go_back(job)
            self.stop(job, now, "unhealthy", suspicious=suspicious)
            return
        job.canaries = []
        self._ledger.changed(job)
        self._say_what_for(job)

    # When it stops

    def _row_ended(self, job: Job, row: NodeRow, now: datetime) -> None:
        if job.stopped or job.cancelled:
            return
        if row.node_id in job.canaries and row.status not in PROVED:
            self.stop(job, now, "canary_failed", node=row.node_id)
            return
        if job.failures_left is None:
            return
        if job.failures_left == 0 and row.status in TROUBLE:
            self.stop(job, now, "threshold", failures=job.failures)
        else:
            self._ledger.changed(job)  # behind another gateway too, the next may be let go

    def stop(self, job: Job, now: datetime, reason: str, **gaps: Any) -> None:
        """End every row that is not committed; the job has failed."""
        job.stopped, job.canaries, job.waiting_for = True, [], None
        job.reason, job.gaps, job.error_message = reason, gaps, sentence(reason, **gaps)
        for row in list(job.nodes.values()):
            self._ledger.move(job, row, NodeStatus.CANCELLED, now, reason, **gaps)
        self._ledger.changed(job)

    # Whose turn it is

    def may_start(self, job: Job, row: NodeRow) -> bool:
        """Whether a row that has not started may, as far as its own job is concerned."""
        if job.canaries and row.node_id not in job.canaries:
            return False
        return self._below(job, row) is None

    def reason(self, job: Job, row: NodeRow, now: datetime) -> Reason | None:
        """Return why the job itself holds a row back, None if it does not."""
        if self.lost(job.firmware_id):
            return "image_lost", {"version": job.version}, None
        if job.shut and job.rollout.window is not None:
            return self._window_reason(job.rollout.window, now)
        if row.started:
            return None
        if job.canaries and row.node_id not in job.canaries:
            if job.soak_until is not None:
                return "soak", {"until": self._ledger.clock(job.soak_until)}, job.soak_until
            return "canary", {"nodes": ", ".join(job.canaries)}, None
        if (below := self._below(job, row)) is not None:
            return "carries", {"node": below}, None
        return None

    def _below(self, job: Job, row: NodeRow) -> str | None:
        """Return the node for which this one has to wait before its transfer, where its commit could not wait instead."""
        if not job.rollout.leaves_first or self.order.waits(job, row):
            return None
        return self.order.first_below(job, row)

    def _window_reason(self, window: Window, now: datetime) -> Reason:
        local = self._ledger.localize(now)
        if (opens := window.opens_after(local)) is not None:
            return "window", {"opens": self._ledger.clock(opens)}, opens.astimezone(UTC)
        if window.entity_id is None or self.go(replace(window, template=None)):
            return "window_template", {}, None
        return "window_condition", {"condition": window.entity_id}, None
