"""Every state's deadline, and the sentence of every row that waits.

A row's clock runs only while its node could have gone on: it stands in the list, its gateway calls and (before the
restart) the node is in the mesh. So nobody fails for a night without power.
"""

from datetime import datetime, timedelta

from ..const import (
    DOWNLOADING_DEADLINE,
    JOB_DEADLINE,
    OFFERED_DEADLINE,
    RESTARTING_DEADLINE,
    TICK_MAX,
    VERIFYING_DEADLINE,
)
from ..nodes import Node, NodeRegistry
from .fit import chip_known
from .handout import Handouts
from .job import Job, NodeRow
from .ledger import Ledger
from .sentences import sentence
from .stages import Stages
from .states import NodeStatus

_DEADLINES = {
    NodeStatus.OFFERED: (OFFERED_DEADLINE, "no_reaction"),
    NodeStatus.DOWNLOADING: (DOWNLOADING_DEADLINE, "no_progress"),
    NodeStatus.VERIFYING: (VERIFYING_DEADLINE, "not_verified"),
    NodeStatus.RESTARTING: (RESTARTING_DEADLINE, "not_back"),
}
_DAYS = JOB_DEADLINE // timedelta(days=1)


class Clocks:
    """Counts each row's time and ends what took too long."""

    def __init__(
        self, ledger: Ledger, nodes: NodeRegistry, handouts: Handouts, stages: Stages
    ) -> None:
        """No time has passed yet."""
        self._stages = stages
        self._ledger = ledger
        self._nodes = nodes
        self._handouts = handouts
        self._last: datetime | None = None

    def tick(self, now: datetime) -> None:
        """Let the time since the last tick pass for every open row."""
        since = timedelta() if self._last is None else max(now - self._last, timedelta())
        self._last = now
        passed = min(since, TICK_MAX)
        self._stages.review(now)
        for job in self._ledger.open_jobs:
            if now - job.created_at >= JOB_DEADLINE:
                self._expire(job, now)
        for job, row in list(self._ledger.open_rows()):
            if row.started:
                row.stood += since - passed
                self._count(job, row, passed, now)
            if row.let_go and self._has_left(row, now):
                row.let_go = False
                self._ledger.changed(job)
        self.explain()

    def _has_left(self, row: NodeRow, now: datetime) -> bool:
        """Whether a node that may restart has been away for so long that others should have its turn."""
        node = self._nodes.nodes.get(row.node_id)
        if row.status is not NodeStatus.VERIFYING or (node is not None and node.online):
            return False
        seen = node.last_heard if node is not None else None
        return seen is None or now - seen >= VERIFYING_DEADLINE

    def _expire(self, job: Job, now: datetime) -> None:
        """End what is left of a job; started rows too, whose own clocks stand while somebody is away."""
        for row in list(job.nodes.values()):
            self._ledger.move(job, row, NodeStatus.FAILED, now, "deadline", days=_DAYS)
        if not job.nodes:
            job.reason, job.gaps = "no_nodes", {"days": _DAYS}
            job.error_message = sentence("no_nodes", days=_DAYS)
            self._ledger.settle(job, now, over=True)

    def _count(self, job: Job, row: NodeRow, passed: timedelta, now: datetime) -> None:
        node = self._nodes.nodes.get(row.node_id)
        if not self._runs(job, row, node):
            row.stood += passed
            return
        row.waited += passed
        deadline, reason = _DEADLINES[row.status]
        if row.waited < deadline:
            return
        if row.status is NodeStatus.RESTARTING and _stayed(row, node):
            self._ledger.try_again(job, row, now)
        else:
            minutes = deadline // timedelta(minutes=1)
            self._ledger.move(job, row, NodeStatus.FAILED, now, reason, minutes=minutes)

    def _runs(self, job: Job, row: NodeRow, node: Node | None) -> bool:
        gateway = self._nodes.gateways.get(row.gateway_id)
        if gateway is None or not gateway.online:
            return False
        if row.status is NodeStatus.RESTARTING:
            return row.back_since is None
        if node is None or not node.online or self._handouts.commit_waits_for(job, row):
            return False
        return self._handouts.listed(job, row)

    def explain(self, gateway_id: str | None = None) -> None:
        """Say of every row (of one gateway) that waits why it does."""
        rows = list(self._ledger.open_rows(gateway_id))
        busy = self._busy(rows)
        for job, row in rows:
            if row.status is not NodeStatus.RESTARTING:
                self._explain(job, row, busy)

    def _busy(self, rows: list[tuple[Job, NodeRow]]) -> dict[object, int]:
        """Return the job that each listed role of a gateway, and each listed node, is on."""
        busy: dict[object, int] = {}
        for job, row in rows:
            if self._handouts.listed(job, row):
                busy[_role(job, row)] = busy[row.node_id] = job.id
        return busy

    def _explain(self, job: Job, row: NodeRow, busy: dict[object, int]) -> None:
        if not job.paused and (held := self._stages.reason(job, row, self._last or job.created_at)):
            self._ledger.explain(job, row, held[0], held[2], **held[1])
            return
        reason, gaps = self._reason(job, row, busy)
        if reason == "told" and row.reason == "not_committed":
            return  # that says more
        self._ledger.explain(job, row, reason, None, **gaps)

    def _reason(
        self, job: Job, row: NodeRow, busy: dict[object, int]
    ) -> tuple[str | None, dict[str, str | int]]:
        if job.paused:
            return ("old_backup" if job.waiting_for == "user" else "paused"), {}
        gateway = self._nodes.gateways.get(row.gateway_id)
        if gateway is None or not gateway.online:
            heard = gateway and gateway.last_heard
            return self._since("gateway_away", heard) if heard else ("gateway_never_heard", {})
        node = self._nodes.nodes.get(row.node_id)
        if node is None or not node.online:
            return self._away(row, node)
        if self._handouts.listed(job, row):
            waits = row.status is NodeStatus.PENDING
            return self._handouts.commit_waits_for(job, row) or ("told" if waits else None, {})
        if not chip_known(job, node):
            return "chip_not_confirmed", {}
        if row.node_id == row.gateway_id:
            return "gateway_last", {}
        other = busy.get(row.node_id, busy.get(_role(job, row), job.id))
        if other != job.id:
            return "other_job", {"number": other}
        if self._handouts.serves_others_only(job, row.gateway_id):
            return "other_firmware", {}
        most = self._handouts.parallel(row.gateway_id)
        return "turn", {"most": min(most, job.rollout.max_parallel or most)}

    def _away(self, row: NodeRow, node: Node | None) -> tuple[str, dict[str, str | int]]:
        if node is None or node.last_heard is None:
            return "never_heard", {}
        return self._since("left_midway" if row.started else "away", node.last_heard)

    def _since(self, reason: str, moment: datetime) -> tuple[str, dict[str, str | int]]:
        return reason, {"since": self._ledger.clock(moment)}


def _role(job: Job, row: NodeRow) -> tuple[str, str, str]:
    return row.gateway_id, job.node_type, job.announced_hardware


def _stayed(row: NodeRow, node: Node | None) -> bool:
    """Whether the node never restarted at all, so that the commit cannot have reached it."""
    if node is None or not node.online:
        return False
    return not row.left if node.stock else node.boot <= row.boot
