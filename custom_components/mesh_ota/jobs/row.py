"""NodeRow, what is remembered of one node of a job, with the field names of the HTTP API; who moves it is the ledger."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Self

from .sentences import SAID, SENTENCES
from .states import FINAL, STARTED, NodeStatus


def written(value: Any) -> Any:
    """Return a value of a job or row as JSON takes it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value


def moment(text: str | None) -> datetime | None:
    """Return the time again that `written` gave."""
    return None if text is None else datetime.fromisoformat(text)


@dataclass(kw_only=True, slots=True)
class NodeRow:
    """One node of a job."""

    node_id: str
    gateway_id: str
    """Who owns the row: only this gateway's reports count."""
    status: NodeStatus = NodeStatus.PENDING
    current_part: int = 0
    total_parts: int
    error_message: str | None = None
    """Why it waits or failed, one English sentence; None while all goes well."""
    reason: str | None = None
    """The code of that sentence (`jobs.sentences`), or the node's own code."""
    gaps: dict[str, str | int] | None = None
    """What fills that sentence in any language; None where the words are somebody else's."""
    next_try: datetime | None = None
    attempt: int = 1
    tries: int = 0
    """How often it took the image and did not run it."""
    from_version: str | None = None
    to_version: str
    started_at: datetime | None = None
    completed_at: datetime | None = None

    moved_at: datetime | None = None
    """Since when it is in its state; None after a restart, of which nobody knows how long it took."""
    transfer_seconds: float | None = None
    """How long the image took to arrive; None where Home Assistant was off meanwhile."""
    stood: timedelta = timedelta()
    """How long of its present state it could not go on: held, or node or gateway away."""
    resent: int | None = None
    """Parts that the gateway had to send again in this attempt, where it says so."""
    resent_before: int = 0
    """The same in earlier attempts, and before the gateway's last restart."""
    let_go: bool = False
    """Whether the list allows its commit, in a job that failures may stop."""
    handed_out: bool = False
    """Whether this attempt has stood in a pending list: before, no report can be about it."""
    boot: int = 0
    """Greatest boot number of the node known from before its commit."""
    trial_boot: int = 0
    """Greatest boot number at which the node spoke of this attempt's trial."""
    waited: timedelta = timedelta()
    """Time without progress in this state while node and gateway were there."""
    sign_of_life: str = ""
    """What a gateway said last that would have led back."""
    left: bool = False
    """Stock nodes: it left the tree after its last part."""
    back_since: datetime | None = None
    """Stock nodes: since when it is there again."""
    silent: int = 0
    """Stock nodes: how many more offers of the image it has left unanswered."""

    @property
    def started(self) -> bool:
        """Whether the node is on its way: the update entity shows it as in progress."""
        return self.status in STARTED

    @property
    def final(self) -> bool:
        """Whether nothing can change the row any more."""
        return self.status in FINAL

    @property
    def resent_in_all(self) -> int | None:
        """Parts that were sent again in all attempts, None where no gateway has said so."""
        known = self.resent is not None or self.resent_before
        return self.resent_before + (self.resent or 0) if known else None

    @property
    def percentage(self) -> int | None:
        """Progress of the transfer in percent, None before the first part and without parts."""
        if not self.started or not self.current_part or not self.total_parts:
            return None
        return min(100, self.current_part * 100 // self.total_parts)

    @property
    def wording(self) -> str:
        """The key of its sentence; codes that are a node's or a gateway's have keys of their own."""
        reason = self.reason or ""
        if self.status is not NodeStatus.FAILED:
            return reason
        return SAID.get(reason) or (reason if reason in SENTENCES else "gateway_said")

    def stored(self) -> dict[str, Any]:
        """Return everything for the store, but for what a restart makes worthless."""
        names = (item.name for item in fields(self) if item.name != "moved_at")
        return {name: written(getattr(self, name)) for name in names}

    def as_dict(self) -> dict[str, Any]:
        """Return what the HTTP API shows (docs/gateway-api.md §7)."""
        return {name: written(getattr(self, name)) for name in _ROW_SHOWN}

    @classmethod
    def restored(cls, stored: dict[str, Any]) -> Self:
        """Build the row again from `stored`."""
        values = dict(stored)
        values.pop("moved_at", None)  # an earlier version has kept it
        values["status"] = NodeStatus(values["status"])
        for name in ("waited", "stood"):
            values[name] = timedelta(seconds=values.get(name, 0))
        for name in ("next_try", "started_at", "completed_at", "back_since"):
            values[name] = moment(values.get(name))
        return cls(**values)


_ROW_SHOWN = (
    "node_id", "status", "current_part", "total_parts", "error_message", "reason", "next_try", "attempt",
    "from_version", "to_version", "started_at", "completed_at",
)  # fmt: skip
