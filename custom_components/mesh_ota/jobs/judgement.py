"""How a row ends, judged by what the node itself says after its restart; never by what was sent to it.

Our nodes prove what they run. A stock node cannot: it counts as updated when it took the last part, left, came back,
stayed, and wanted nothing of two more offers.
"""

from datetime import datetime, timedelta

from ..const import STOCK_SETTLED, STOCK_SILENT
from ..nodes import Node, NodeRegistry
from .fit import runs_already, why_not
from .job import Job, NodeRow
from .ledger import Ledger
from .states import NodeStatus

# Outcomes that are not the end: the node tries the image again by itself.
_ON_TRIAL = {"trial": "on_trial", "retry": "trial_retry", "power": "trial_power"}
_MAY_SKIP = (NodeStatus.PENDING, NodeStatus.OFFERED)


def judge(ledger: Ledger, node: Node, now: datetime) -> None:
    """Apply to the node's open rows what it just said."""
    for job, row in ledger.rows_of(node.node_id):
        unfit = node.node_type is not None and why_not(job, node) is not None
        if row.status is NodeStatus.PENDING and unfit:
            # It was flashed by cable since the job was made.
            ledger.move(job, row, NodeStatus.FAILED, now, "unfit")
        elif node.stock:
            _judge_stock(ledger, job, row, node, now)
        elif node.last is not None and node.last.tag == job.tag(row):
            _judge_trial(ledger, job, row, node, now)
        else:
            _judge_other(ledger, job, row, node, now)


def _judge_trial(ledger: Ledger, job: Job, row: NodeRow, node: Node, now: datetime) -> None:
    """Judge a node that speaks of this very attempt; only what it says after the restart counts."""
    last = node.last
    if last is None or node.boot <= row.boot:
        return
    # The gateway's own report of the commit may have been lost.
    ledger.move(job, row, NodeStatus.RESTARTING, now)
    if last.outcome == "confirmed":
        proved = node.proof == job.proof
        after = NodeStatus.COMPLETED if proved else NodeStatus.FAILED
        ledger.move(job, row, after, now, None if proved else "wrong_proof")
    elif last.outcome == "refused":
        ledger.move(job, row, NodeStatus.ROLLED_BACK, now, "refused", said=last.reason)
    elif reason := _ON_TRIAL.get(last.outcome):
        row.current_part = row.total_parts
        if node.boot > row.trial_boot:
            # Only another boot is a sign of life: a node that keeps saying "retry" and does not is stuck.
            row.trial_boot, row.waited = node.boot, timedelta()
        ledger.explain(job, row, reason, said=last.reason)


def _judge_other(ledger: Ledger, job: Job, row: NodeRow, node: Node, now: datetime) -> None:
    """Judge a node that knows nothing of this attempt."""
    if row.status is NodeStatus.RESTARTING:
        if 0 < row.boot < node.boot:
            ledger.try_again(job, row, now)
        return
    row.boot = node.boot  # also a smaller one: then its flash was erased
    row.from_version = node.version  # a job that came before it may have changed it
    proved = row.status in _MAY_SKIP and runs_already(job.proof, job.md5_hash, node)
    if proved and not job.force_update:
        ledger.move(job, row, NodeStatus.SKIPPED, now, "running_it")


def recall(ledger: Ledger, nodes: NodeRegistry) -> None:
    """Note of each stock node what was brought to it last: its own record may be of the moment before."""
    brought = [
        (row.completed_at, row.node_id, job)
        for job in ledger.jobs.values()
        for row in job.nodes.values()
        if row.status is NodeStatus.COMPLETED and row.completed_at is not None
    ]
    for _at, node_id, job in sorted(brought, key=lambda entry: entry[0]):
        node = nodes.nodes.get(node_id)
        if node is not None and node.stock:
            node.md5, node.version = job.md5_hash, job.version


def unseen(ledger: Ledger, node: Node) -> None:
    """Let a stock node that nobody watches for now stay anew."""
    for _job, row in ledger.rows_of(node.node_id):
        row.back_since = None


def _judge_stock(ledger: Ledger, job: Job, row: NodeRow, node: Node, now: datetime) -> None:
    if row.status in _MAY_SKIP:
        if node.online and not job.force_update and runs_already(job.proof, job.md5_hash, node):
            ledger.move(job, row, NodeStatus.SKIPPED, now, "running_it")
        return
    if row.status is not NodeStatus.RESTARTING:
        return
    if not node.online:
        row.left, row.back_since, row.silent = True, None, 0
    elif row.left and row.back_since is None:
        row.back_since = now
    if row.back_since is None:
        return
    if now - row.back_since >= STOCK_SETTLED and row.silent >= STOCK_SILENT:
        node.md5, node.version = job.md5_hash, job.version
        ledger.move(job, row, NodeStatus.COMPLETED, now, "not_proved")
    else:
        minutes = STOCK_SETTLED // timedelta(minutes=1)
        since = ledger.localize(row.back_since).strftime("%H:%M")
        ledger.explain(job, row, "settling", since=since, minutes=minutes)
