"""The engine of jobs as the rest of the integration sees it: what may be asked of it, and what it says in return.

Pure: `now` (aware datetime, UTC) is passed in, changes leave as events. Each rule lives in a file of its own:
`creation`, `handout`, `reports`, `judgement`, `deadlines`; the rows themselves in `ledger`.
"""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Unpack

from ..const import JOIN_WINDOW
from ..errors import Conflict, NotFound
from ..firmware.record import Firmware
from ..nodes import Node, NodeRegistry
from . import creation, judgement, reports
from .creation import Wanted
from .deadlines import Clocks
from .handout import Handout, Handouts
from .job import Job, NodeRow
from .ledger import Event, Ledger
from .reports import Progress, Verdict
from .stages import Stages
from .states import NodeStatus


class JobEngine:
    """All jobs of all gateways."""

    def __init__(
        self, nodes: NodeRegistry, draw_token: Callable[[], str] = lambda: secrets.token_hex(8)
    ) -> None:
        """Work on these nodes; `draw_token` gives 16 hex characters."""
        self.nodes = nodes
        self.ledger = Ledger(draw_token)
        self.stages = Stages(self.ledger, nodes)
        self.handouts = Handouts(self.ledger, nodes, self.stages)
        self._clocks = Clocks(self.ledger, nodes, self.handouts, self.stages)
        self._restored = 0
        """The revision in the store, when it was read."""
        self._given: dict[str, int] = {}
        nodes.tied = self._restarting

    @property
    def revision(self) -> int:
        """The greatest revision that was ever given out."""
        return self.ledger.revision

    def stored(self) -> dict[str, Any]:
        """Return everything, for the store."""
        return self.ledger.stored()

    def restore(self, stored: dict[str, Any]) -> None:
        """Take up where `stored` ended."""
        self.ledger.restore(stored)
        self._restored = self.ledger.revision

    def recall(self) -> None:
        """Once the nodes are restored too: of what stock nodes run the jobs know more, being written at once."""
        judgement.recall(self.ledger, self.nodes)

    def take_events(self) -> list[Event]:
        """Return what has happened since the last call."""
        events, self.ledger.events = self.ledger.events, []
        return events

    # What a user asks for

    def create(self, firmware: Firmware, now: datetime, **wanted: Unpack[Wanted]) -> Job:
        """Make a job, see `creation.create`."""
        job = creation.create(self.ledger, self.nodes, firmware, now, **wanted)
        self.stages.begin(job, now)
        self._clocks.explain()
        return job

    def retry(self, job_id: int, firmware: Firmware, now: datetime, actor: str | None) -> Job:
        """Make a new job for the nodes that failed in one that has ended; who went back is forced to try again.

        Raises NotFound, or Conflict if the job has not ended or nothing failed.
        """
        return self.create(firmware, now, **creation.again(self.ledger, self.nodes, job_id, actor))

    def install(self, firmware: Firmware, node: Node, now: datetime, actor: str | None) -> Job:
        """Make a job for one node, or join one for the same firmware made within the last two seconds."""
        for job in reversed(self.ledger.open_jobs):
            recent = now - job.created_at <= JOIN_WINDOW and not job.for_type
            stands = job.force_update or job.cancelled or job.stopped
            same = job.firmware_id == firmware.id and not stands
            if recent and same and node.node_id not in job.nodes:
                creation.join(self.ledger, job, node, now)
                self._clocks.explain()
                return job
        return self.create(firmware, now, node_ids=[node.node_id], actor=actor)

    def go_back(self, node: Node, now: datetime, actor: str | None) -> Job:
        """Make the job that brings a node back to its other slot, see `creation.go_back`."""
        job = creation.go_back(self.ledger, node, now, actor)
        self._clocks.explain()
        return job

    def cancel(self, job_id: int, now: datetime, actor: str | None = None) -> Job:
        """End every row that has not been committed.

        Raises NotFound, or Conflict if the job has ended.
        """
        job = self._unended(job_id)
        job.cancelled, job.paused, job.waiting_for = (
            True,
            False,
            None,
        )  # one entry: that it was cancelled
        job.cancelled_by, job.cancelled_at = actor, now
        for row in list(job.nodes.values()):
            self.ledger.move(job, row, NodeStatus.CANCELLED, now, "cancelled")
        self.ledger.changed(job)
        self.ledger.settle(job, now, over=True)
        return job

    def pause(self, job_id: int, now: datetime, actor: str | None = None) -> Job:
        """Take the job out of the gateways' lists until it is resumed. Raises as `cancel`."""
        job = self._unended(job_id)
        job.hold(True, now, actor)
        return self._paused(job, "user" if job.waiting_for == "user" else None)

    def resume(self, job_id: int, now: datetime, actor: str | None = None) -> Job:
        """Go on with a paused job. Raises as `cancel`."""
        job = self._unended(job_id)
        job.hold(False, now, actor)
        job.waiting_for = None
        self.ledger.changed(job)
        self._clocks.explain()
        return job

    def prune(self, now: datetime, age: timedelta) -> list[int]:
        """Let go of old jobs, see `Ledger.prune`."""
        return self.ledger.prune(now, age, self.nodes.nodes)

    def _paused(self, job: Job, waiting_for: str | None) -> Job:
        job.waiting_for = waiting_for
        self.ledger.changed(job)
        self._clocks.explain()
        return job

    def _unended(self, job_id: int) -> Job:
        job = self.ledger.jobs.get(job_id)
        if job is None:
            raise NotFound("unknown_job", job=job_id)
        if job.ended:
            raise Conflict("job_has_ended", job=job_id, status=job.status)
        return job

    def row_for(self, node_id: str) -> tuple[Job, NodeRow] | None:
        """Return the open row that concerns the node: the one it is on, else the newest that waits."""
        rows = self.ledger.rows_of(node_id)
        started = [pick for pick in rows if pick[1].started]
        return started[0] if started else rows[-1] if rows else None

    def needs(self, firmware_id: int, gateway_id: str | None = None) -> bool:
        """Whether an open row (of this gateway) is about the firmware."""
        return any(
            job.firmware_id == firmware_id for job, _row in self.ledger.open_rows(gateway_id)
        ) or (
            gateway_id is None and any(j.firmware_id == firmware_id for j in self.ledger.open_jobs)
        )

    # What a gateway says

    def pending(self, gateway_id: str) -> Handout:
        """Return the gateway's wanted state."""
        return self.handouts.current(gateway_id)

    def progress(self, gateway_id: str, said: Progress, now: datetime) -> Verdict:
        """Take one node's progress."""
        return reports.apply_progress(self.ledger, gateway_id, said, now)

    def job_of(self, gateway_id: str, job_id: int, token: str) -> Job | None:
        """Return the job with this id and token if the gateway has a row in it."""
        job = reports.find_job(self.ledger, job_id, token)
        mine = job and any(row.gateway_id == gateway_id for row in job.nodes.values())
        return job if mine else None

    def start(self, job: Job, now: datetime) -> bool:
        """Take the mission's `start`. Returns whether the job may start now."""
        if job.ended or job.held:
            return False
        if job.started_at is None:
            job.started_at = now
            self.ledger.changed(job)
        return True

    def fail(self, gateway_id: str, job: Job, message: str | None, now: datetime) -> bool:
        """Take the mission's `fail`. Returns whether there was anything left to fail."""
        if job.ended:
            return False
        reports.fail_all(self.ledger, gateway_id, job, message, now)
        return True

    def placed(self, node: Node, now: datetime) -> None:
        """Take notice of a node that turned up, came, left or moved to another gateway."""
        for _job, row in self.ledger.rows_of(node.node_id):
            if row.gateway_id != node.gateway_id and row.status is not NodeStatus.RESTARTING:
                row.gateway_id = node.gateway_id
                self.ledger.next_attempt(row)
        if node.node_type is not None:
            for job in creation.extend(self.ledger, node, now):
                self.stages.joined(job, job.nodes[node.node_id])
        gateway = self.nodes.gateways.get(node.gateway_id)
        # While the gateway is away nobody knows whether a node is: that is no sign of a restart, nor of staying.
        if node.stock and gateway is not None and gateway.online:
            judgement.judge(self.ledger, node, now)
        elif node.stock:
            judgement.unseen(self.ledger, node)

    def told(self, node: Node, now: datetime) -> None:
        """Take notice of what a node said, once, when it said it."""
        if not node.stock:
            judgement.judge(self.ledger, node, now)

    def given(self, gateway_id: str, revision: int) -> None:
        """Note that the gateway was told this revision."""
        self._given[gateway_id] = max(revision, self._given.get(gateway_id, 0))

    def restored_from_backup(self, gateway_id: str, highest: int, now: datetime) -> list[Job]:
        """Compare with the highest revision a gateway saw; if we never gave it out, we are an older copy of ourselves.

        Then every open job pauses (it may be a downgrade by now) and our revisions go on above. Returns those jobs.
        What counts is what was stored and given, not what has been drawn since the start: that may be above by now.
        """
        if highest <= max(self._restored, self._given.get(gateway_id, 0)):
            return []
        self._restored = highest
        paused = [job for job in self.ledger.open_jobs if not job.ended]
        if not paused and highest <= self.ledger.revision:
            return []
        self.ledger.revision = max(highest, self.ledger.revision)
        for each in self.nodes.gateways:
            self.handouts.forget(each)
        for job in paused:
            job.hold(True, now, None, "old_backup")
        return [self._paused(job, "user") for job in paused]

    # Time, and who comes and goes

    def tick(self, now: datetime) -> None:
        """Let time pass: deadlines, settling stock nodes, the sentences of what waits."""
        for _job, row in list(self.ledger.open_rows()):
            node = self.nodes.nodes.get(row.node_id)
            if node is not None and node.stock and row.status is NodeStatus.RESTARTING:
                self.placed(node, now)
        self._clocks.tick(now)

    def review(self, now: datetime) -> None:
        """Look at windows and canaries now, since something they depend on has changed."""
        self.stages.review(now)
        self._clocks.explain()

    def explain(self, gateway_id: str | None = None) -> None:
        """Say anew of every row (of one gateway) that waits why it does."""
        self._clocks.explain(gateway_id)

    def forget_node(self, node_id: str, now: datetime, reason: str) -> None:
        """End the open rows of a node that is no longer ours."""
        for job, row in self.ledger.rows_of(node_id):
            after = (
                NodeStatus.FAILED if row.status is NodeStatus.RESTARTING else NodeStatus.CANCELLED
            )
            self.ledger.move(job, row, after, now, reason)

    def _restarting(self, node_id: str) -> bool:
        rows = self.ledger.rows_of(node_id)
        return any(row.status is NodeStatus.RESTARTING for _, row in rows)
