"""Job, what is remembered of each job with its rows, with the field names of the HTTP API; who moves them is the engine."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self

from ..const import HARDWARE_MICROPYTHON, MICROPYTHON, PART_SIZE
from .rollout import Rollout
from .row import NodeRow, moment, written
from .states import ENDED, TROUBLE, JobStatus, NodeStatus

__all__ = ("HOLDS_MAX", "Job", "NodeRow")

# The history has the older ones; an automation may do it every minute.
HOLDS_MAX = 20


@dataclass(kw_only=True, slots=True)
class Job:
    """One firmware to some nodes. It copies what it needs of the firmware, which may be deleted later."""

    id: int
    token: str
    """Random, names this job even when a restored Home Assistant gives an id again."""
    firmware_id: int
    node_type: str
    version: str
    hardware: str
    kind: str
    runtime: str
    chip: str | None
    filename: str
    size_bytes: int
    md5_hash: str
    sha256: str
    proof: str
    target_node_id: str | None = None
    target_node_type: str | None = None
    target_node_ids: list[str] | None = None
    force_update: bool = False
    mode: str = "single"
    """`flip`: to what lies in the node's other slot, without a firmware."""
    deflated: bool | None = None
    """Whether its image goes over the mesh deflated; None before it is listed first."""
    counter: int = 0
    sig: str = ""
    floor: int | None = None
    """Signed firmware (`signing.Signature`)."""
    actor: str | None = None
    """Home Assistant user id of whoever made it; None for an automation."""
    cancelled: bool = False
    paused: bool = False
    waiting_for: str | None = None
    error_message: str | None = None
    """Why the job as a whole stopped, one English sentence."""
    reason: str | None = None
    gaps: dict[str, str | int] | None = None
    """Code and gaps of that sentence, as in a row."""
    cancelled_by: str | None = None
    """As `actor`."""
    cancelled_at: datetime | None = None
    holds: list[dict[str, str | None]] = field(default_factory=list)
    """The last times that somebody paused or resumed it: `kind`, `at`, `actor` and, where nobody did, the `reason`."""
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    nodes: dict[str, NodeRow] = field(default_factory=dict)
    """Rows by node id, in the order in which they were made."""
    retry_of: int | None = None
    """The job of which this one does again what failed."""
    rollout: Rollout = field(default_factory=Rollout)
    canaries: list[str] = field(default_factory=list)
    """The nodes that go first, until they have proved themselves."""
    soak_until: datetime | None = None
    """How long the first nodes are watched, from when all of them have proved themselves."""
    shut: bool = False
    """Whether its window is closed, or its image cannot be read."""
    stopped: bool = False
    """Whether its canary or its threshold has ended it."""

    @property
    def status(self) -> JobStatus:
        """How far the job is, derived from its rows."""
        if self.cancelled:
            return JobStatus.CANCELLED
        if self.completed_at is not None:
            return self._outcome()
        if self.held:
            return JobStatus.PAUSED
        return JobStatus.PENDING if self.started_at is None else JobStatus.DISTRIBUTING

    @property
    def wording(self) -> str:
        """The key of the sentence that says why it stopped."""
        return self.reason or ""

    @property
    def held(self) -> bool:
        """Whether nothing of it may move now: what a node has got so far, it keeps."""
        return self.paused or self.shut

    @property
    def failures(self) -> int:
        """How many nodes failed or went back."""
        return sum(row.status in TROUBLE for row in self.nodes.values())

    @property
    def failures_left(self) -> int | None:
        """How many more failures stop the job, 0 if it is to stop; None if none do."""
        most = self.rollout.most_failures(len(self.nodes))
        return None if most is None else max(0, most - self.failures)

    @property
    def let_go(self) -> int:
        """How many nodes are between commit and outcome, or may be any moment."""
        return sum(
            row.status is NodeStatus.RESTARTING or (row.let_go and not row.final)
            for row in self.nodes.values()
        )

    def _outcome(self) -> JobStatus:
        ends = {row.status for row in self.nodes.values()}
        if self.stopped or ends & set(TROUBLE) or not ends:
            return JobStatus.FAILED
        if ends & {NodeStatus.COMPLETED, NodeStatus.SKIPPED}:
            return JobStatus.COMPLETED
        return JobStatus.CANCELLED

    def hold(
        self, paused: bool, now: datetime, actor: str | None, reason: str | None = None
    ) -> None:
        """Pause it or let it go on, and remember who did."""
        if paused is not self.paused:
            kind = "pause" if paused else "resume"
            said = {"kind": kind, "at": now.isoformat(), "actor": actor, "reason": reason}
            self.holds = [*self.holds, said][-HOLDS_MAX:]
        self.paused = paused

    @property
    def ended(self) -> bool:
        """Whether the job has its result; rows of a cancelled one may still restart."""
        return self.status in ENDED

    @property
    def open(self) -> bool:
        """Whether the engine still has to look at it."""
        return self.completed_at is None

    @property
    def for_type(self) -> bool:
        """Whether nodes of the type that turn up later get a row."""
        return self.target_node_type is not None

    @property
    def num_parts(self) -> int:
        """How many parts of 1024 bytes the image has."""
        return -(-self.size_bytes // PART_SIZE)

    @property
    def announced_hardware(self) -> str:
        """What the mesh hears, see `Firmware.announced_hardware`."""
        return HARDWARE_MICROPYTHON if self.runtime == MICROPYTHON else self.hardware

    def tag(self, row: NodeRow) -> str:
        """Return what the node records before its restart and says again in `last.tag`."""
        return f"{self.token}-{row.attempt}"

    def stored(self) -> dict[str, Any]:
        """Return everything, for the store."""
        stored = {item.name: written(getattr(self, item.name)) for item in fields(self)}
        stored["nodes"] = [row.stored() for row in self.nodes.values()]
        stored["rollout"] = self.rollout.stored()
        return stored

    def as_dict(self) -> dict[str, Any]:
        """Return what the HTTP API shows (docs/gateway-api.md §7)."""
        shown = {name: written(getattr(self, name)) for name in _JOB_SHOWN}
        shown |= {"retry_of": self.retry_of, "canary_node_ids": self.canaries, "actor": self.actor}
        shown |= {"cancelled_by": self.cancelled_by, "cancelled_at": written(self.cancelled_at)}
        if self.paused:
            held = self.holds[-1] if self.holds else {}
            shown["waiting_for"] = "user"
            shown |= {"paused_by": held.get("actor"), "paused_at": held.get("at")}
        shown |= {"soak_until": written(self.soak_until), "rollout": self.rollout.stored()}
        shown["nodes"] = [row.as_dict() for row in self.nodes.values()]
        return shown

    @classmethod
    def restored(cls, stored: dict[str, Any]) -> Self:
        """Build the job again from `stored`."""
        values = dict(stored)
        for name in ("created_at", "started_at", "completed_at", "soak_until", "cancelled_at"):
            values[name] = moment(values.get(name))
        values["rollout"] = Rollout.restored(values.get("rollout") or {})
        rows = [NodeRow.restored(row) for row in values["nodes"]]
        values["nodes"] = {row.node_id: row for row in rows}
        return cls(**values)


_JOB_SHOWN = (
    "id", "firmware_id", "node_type", "version", "hardware", "filename", "size_bytes", "md5_hash", "sha256", "proof",
    "mode", "target_node_id", "target_node_type", "target_node_ids", "status", "waiting_for", "force_update", "error_message",
    "created_at", "started_at", "completed_at",
)  # fmt: skip
