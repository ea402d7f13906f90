"""What a gateway says of a row (docs/gateway-api.md §5, §6): taken if it is about this attempt and leads forward."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from ..const import MICROPYTHON, STOCK_SILENT
from ..status import clean_text, count, node_id
from .job import Job, NodeRow
from .ledger import Ledger
from .sentences import SAID, sentence
from .states import REPORTABLE, NodeStatus

CODE_MAX = 20
MESSAGE_MAX = 200


class Verdict(Enum):
    """What became of a report."""

    TAKEN = auto()
    IGNORED = auto()
    """About another attempt or owner, or it would lead back: answered 200, changes nothing."""
    UNKNOWN_NODE = auto()
    GONE = auto()
    """No such job and token, or it has ended: the gateway drops it."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One node's progress, well-formed."""

    job_id: int
    token: str
    node_id: str
    attempt: int
    status: NodeStatus
    current_part: int
    total_parts: int
    """Of what goes over: fewer than the image has where it goes deflated."""
    error_message: str | None
    reason: str | None
    boot: int | None
    resent: int | None = None
    silent: int = 0
    """Offers of this image that a stock node has left unanswered."""


def read_progress(body: Any) -> Progress | None:
    """Return a progress entry, None if it is malformed."""
    if not isinstance(body, dict):
        return None
    job_id, token = count(body.get("id")), body.get("token")
    node, attempt = node_id(body.get("node_id")), count(body.get("attempt"))
    status = next((each for each in REPORTABLE if each == body.get("status")), None)
    if job_id is None or node is None or attempt is None or status is None:
        return None
    if not isinstance(token, str):
        return None
    return Progress(
        job_id,
        token,
        node,
        attempt,
        status,
        count(body.get("current_part"), 99_999) or 0,
        count(body.get("total_parts"), 99_999) or 0,
        clean_text(body.get("error_message"), MESSAGE_MAX),
        clean_text(body.get("reason"), CODE_MAX),
        count(body.get("boot")),
        count(body.get("resent"), 99_999),
        count(body.get("silent"), 9) or 0,
    )


def find_job(ledger: Ledger, job_id: int, token: str) -> Job | None:
    """Return the job that has this id and token, ended or not."""
    job = ledger.jobs.get(job_id)
    return job if job is not None and job.token == token else None


def apply_progress(ledger: Ledger, gateway_id: str, said: Progress, now: datetime) -> Verdict:
    """Take one node's progress."""
    job = find_job(ledger, said.job_id, said.token)
    if job is None or not job.open:
        return Verdict.GONE
    row = job.nodes.get(said.node_id)
    if row is None:
        return Verdict.UNKNOWN_NODE
    if row.final:
        return Verdict.GONE if job.cancelled else Verdict.IGNORED
    if row.gateway_id != gateway_id or row.attempt != said.attempt or not row.handed_out:
        return Verdict.IGNORED
    _note_resent(row, said)
    if job.runtime != MICROPYTHON and _judge_stock(ledger, job, row, said, now):
        return Verdict.TAKEN
    if said.status is row.status:
        _advance(ledger, job, row, said)
        return Verdict.TAKEN
    return _move(ledger, job, row, said, now)


def _note_resent(row: NodeRow, said: Progress) -> None:
    if said.resent is None:
        return
    if said.resent < (row.resent or 0):  # the gateway has restarted and counts anew
        row.resent_before += row.resent or 0
    row.resent = said.resent


def _judge_stock(ledger: Ledger, job: Job, row: NodeRow, said: Progress, now: datetime) -> bool:
    """Take what a C++ node, which says nothing, lets its gateway see. Returns whether that was all."""
    row.silent = said.silent
    had_begun = row.status is NodeStatus.DOWNLOADING
    if row.status is NodeStatus.RESTARTING and said.status is NodeStatus.DOWNLOADING:
        ledger.try_again(job, row, now)  # it asks for the image again: it does not run it
        return True
    if said.status is NodeStatus.RESTARTING or (had_begun and said.silent >= STOCK_SILENT):
        # It had begun and now wants no part of it: it took the last one while nobody saw it leave.
        ledger.move(job, row, NodeStatus.RESTARTING, now)
        row.left, row.current_part = True, row.total_parts
        return True
    return False


def _advance(ledger: Ledger, job: Job, row: NodeRow, said: Progress) -> None:
    part = _part_of_image(row, said)
    if row.status is NodeStatus.DOWNLOADING and part != row.current_part:
        row.current_part, row.waited = part, timedelta()
        ledger.progressed(job, row)


def _part_of_image(row: NodeRow, said: Progress) -> int:
    part = said.current_part
    if said.total_parts:
        part = part * row.total_parts // said.total_parts
    return min(part, row.total_parts)


def _move(ledger: Ledger, job: Job, row: NodeRow, said: Progress, now: datetime) -> Verdict:
    if said.status is NodeStatus.FAILED:
        if row.status is NodeStatus.RESTARTING:
            return Verdict.IGNORED  # after the commit only the node's own outcome counts
        return _taken(_fail(ledger, job, row, said, now))
    if not ledger.move(job, row, said.status, now):
        _note_life(row, said)
        return Verdict.IGNORED
    if said.status is NodeStatus.DOWNLOADING:
        row.current_part = _part_of_image(row, said)
    elif said.status in (NodeStatus.VERIFYING, NodeStatus.RESTARTING):
        row.current_part = row.total_parts
    if said.status is NodeStatus.RESTARTING and said.boot is not None:
        row.boot = max(row.boot, said.boot)
    return Verdict.TAKEN


def _note_life(row: NodeRow, said: Progress) -> None:
    """Let a node that lost its transfer begin anew: its row stays where it is, but its clock starts again."""
    sign = f"{said.status} {said.current_part}"
    if sign != row.sign_of_life:
        row.sign_of_life, row.waited = sign, timedelta()


def _fail(ledger: Ledger, job: Job, row: NodeRow, said: Progress, now: datetime) -> bool:
    code, words = said.reason or "gateway_gave_up", said.error_message or ""
    if (key := SAID.get(code)) is not None:
        text = words or sentence(key, said="")
        return ledger.move(job, row, NodeStatus.FAILED, now, code, text, said=words)
    if words or not said.reason:
        return ledger.move(job, row, NodeStatus.FAILED, now, code, words or None)
    text = sentence("gateway_said", code=code)
    return ledger.move(job, row, NodeStatus.FAILED, now, code, text, code=code)


def _taken(moved: bool) -> Verdict:
    return Verdict.TAKEN if moved else Verdict.IGNORED


def fail_all(ledger: Ledger, gateway_id: str, job: Job, message: str | None, now: datetime) -> None:
    """End this gateway's rows that have not been committed, with the gateway's sentence."""
    text = clean_text(message, MESSAGE_MAX) or None
    for row in job.nodes.values():
        mine = row.gateway_id == gateway_id and row.status is not NodeStatus.RESTARTING
        if mine and not row.final:
            ledger.move(job, row, NodeStatus.FAILED, now, "gateway_gave_up", text)
