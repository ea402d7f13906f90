"""The states of a job and of a node in it, and which may follow which; transitions are checked here and nowhere else."""

from enum import StrEnum


class JobStatus(StrEnum):
    """How far a job is; derived from its rows, see `jobs.job`."""

    PENDING = "pending"
    DISTRIBUTING = "distributing"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class NodeStatus(StrEnum):
    """How far one node of a job is."""

    PENDING = "pending"
    OFFERED = "offered"
    DOWNLOADING = "downloading"
    VERIFYING = "verifying"
    RESTARTING = "restarting"
    COMPLETED = "completed"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


_S = NodeStatus

# Forward skips are fine (reports may be lost); back goes only a node whose trial never took place.
TRANSITIONS: dict[NodeStatus, tuple[NodeStatus, ...]] = {
    _S.PENDING: (
        _S.OFFERED, _S.DOWNLOADING, _S.VERIFYING, _S.RESTARTING, _S.FAILED, _S.SKIPPED, _S.CANCELLED,
    ),
    _S.OFFERED: (
        _S.DOWNLOADING, _S.VERIFYING, _S.RESTARTING, _S.FAILED, _S.SKIPPED, _S.CANCELLED,
    ),
    _S.DOWNLOADING: (_S.VERIFYING, _S.RESTARTING, _S.FAILED, _S.CANCELLED),
    _S.VERIFYING: (_S.RESTARTING, _S.FAILED, _S.CANCELLED),
    _S.RESTARTING: (_S.COMPLETED, _S.ROLLED_BACK, _S.FAILED, _S.PENDING),
    _S.COMPLETED: (),
    _S.ROLLED_BACK: (),
    _S.FAILED: (),
    _S.SKIPPED: (),
    _S.CANCELLED: (),
}  # fmt: skip

# What a gateway may say; the other outcomes are Home Assistant's own, from proofs.
REPORTABLE = (_S.OFFERED, _S.DOWNLOADING, _S.VERIFYING, _S.RESTARTING, _S.FAILED)
# What the update entity shows as "in progress".
STARTED = (_S.OFFERED, _S.DOWNLOADING, _S.VERIFYING, _S.RESTARTING)
FINAL = tuple(status for status, following in TRANSITIONS.items() if not following)
TROUBLE = (_S.FAILED, _S.ROLLED_BACK)
ENDED = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)


def may_follow(before: NodeStatus, after: NodeStatus) -> bool:
    """Say whether a row in `before` may go to `after`; staying is not a transition."""
    return after in TRANSITIONS[before]
