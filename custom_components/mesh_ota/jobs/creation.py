"""How a job comes to be: targets checked, one row per node, older rows that have not started superseded."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypedDict

from ..const import APP_BUNDLE, HARDWARE_MICROPYTHON, MICROPYTHON
from ..errors import Conflict, InvalidRequest, NotFound, Unfit
from ..firmware.record import Firmware
from ..nodes import Node, NodeRegistry
from .fit import Image, runs_already, why_not
from .job import Job, NodeRow
from .ledger import Ledger
from .rollout import Rollout
from .states import TROUBLE, NodeStatus

NO_FIRMWARE = 0
"""The firmware id of a job that brings no image; the library's begin with 1."""
DEFAULT = Rollout()


class Wanted(TypedDict, total=False):
    """What may be said of a new job, as `create` takes it."""

    node_ids: Sequence[str] | None
    node_type: str | None
    force: bool
    actor: str | None
    rollout: Rollout
    retry_of: int | None


def again(ledger: Ledger, nodes: NodeRegistry, job_id: int, actor: str | None) -> Wanted:
    """Return what a job for the nodes that failed in an ended one would be; who went back is forced to try again.

    Raises NotFound, or Conflict if the job has not ended or nothing failed.
    """
    old = ledger.jobs.get(job_id)
    if old is None:
        raise NotFound("unknown_job", job=job_id)
    if not old.ended:
        raise Conflict("job_still_runs", job=job_id)
    rows = [
        row for row in old.nodes.values() if row.status in TROUBLE and row.node_id in nodes.nodes
    ]
    if not rows:
        raise Conflict("nothing_to_retry", job=job_id)
    # One that has become another type keeps nobody else from it; alone it is told so.
    rows = [row for row in rows if _suits(old, nodes.nodes[row.node_id])] or rows
    return Wanted(
        node_ids=[row.node_id for row in rows],
        # A node that went back refuses the same image unless it is forced.
        force=old.force_update or any(row.status is NodeStatus.ROLLED_BACK for row in rows),
        rollout=old.rollout.without_canary(),
        retry_of=job_id,
        actor=actor,
    )


def create(
    ledger: Ledger,
    nodes: NodeRegistry,
    firmware: Firmware,
    now: datetime,
    *,
    node_ids: Sequence[str] | None = None,
    node_type: str | None = None,
    force: bool = False,
    actor: str | None = None,
    rollout: Rollout = DEFAULT,
    retry_of: int | None = None,
) -> Job:
    """Make a job; without a target it is for the firmware's type.

    Raises InvalidRequest (two targets, none left), NotFound (unknown node) or Unfit (firmware and target differ).
    """
    targets = targets_of(nodes, firmware, node_ids, node_type)
    _check_canary(rollout, [node.node_id for node in targets])
    job_id, token = ledger.draw()
    job = Job(
        id=job_id,
        token=token,
        firmware_id=firmware.id,
        node_type=firmware.node_type,
        version=firmware.version,
        hardware=firmware.hardware,
        kind=firmware.kind,
        runtime=firmware.runtime,
        chip=firmware.chip,
        filename=firmware.filename,
        size_bytes=firmware.size_bytes,
        md5_hash=firmware.md5_hash,
        sha256=firmware.sha256,
        proof=firmware.proof,
        target_node_type=firmware.node_type if node_ids is None else None,
        force_update=force,
        rollout=rollout,
        retry_of=retry_of,
        actor=actor,
        created_at=now,
    )
    ledger.add(job)
    if node_ids is not None:
        _name_targets(job, [node.node_id for node in targets])
    # All of them before any may end: with the last of its rows a job is over.
    for node in targets:
        add_row(ledger, job, node, now)
    for node in targets:
        skip(ledger, job, node, now)
    return job


def go_back(ledger: Ledger, node: Node, now: datetime, actor: str | None) -> Job:
    """Make a job that takes a node to what lies in its other slot; no image is needed, only its proof.

    Raises Conflict if nothing is known to lie there.
    """
    if node.stock or node.other is None:
        raise Conflict("nothing_to_go_back_to", node=node.node_id)
    job_id, token = ledger.draw()
    proof = node.other["proof"]
    job = Job(
        id=job_id,
        token=token,
        firmware_id=NO_FIRMWARE,
        node_type=node.node_type or "",
        version=node.other["version"],
        hardware=node.hardware or HARDWARE_MICROPYTHON,
        kind=node.kind or APP_BUNDLE,
        runtime=MICROPYTHON,
        chip=None,
        filename="",
        size_bytes=0,
        md5_hash=proof[:32],
        sha256=proof,
        proof=proof,
        mode="flip",
        force_update=True,
        actor=actor,
        created_at=now,
    )
    ledger.add(job)
    _name_targets(job, [node.node_id])
    add_row(ledger, job, node, now)
    return job


def _check_canary(rollout: Rollout, node_ids: list[str]) -> None:
    for node_id in rollout.canary_node_ids:
        if node_id not in node_ids:
            raise InvalidRequest("canary_no_target", node=node_id)


def targets_of(
    nodes: NodeRegistry,
    firmware: Firmware,
    node_ids: Sequence[str] | None,
    node_type: str | None,
) -> list[Node]:
    """Return the nodes that a job would be for. Raises as `create`."""
    if node_ids is not None and node_type is not None:
        raise InvalidRequest("one_target_only")
    if node_ids is None:
        if node_type is not None and node_type != firmware.node_type:
            raise Unfit("firmware_for_type", firmware_type=firmware.node_type, node_type=node_type)
        return [node for node in nodes.nodes.values() if why_not(firmware, node) is None]
    if not node_ids:
        raise InvalidRequest("no_target")
    return [_target(nodes, firmware, node_id) for node_id in dict.fromkeys(node_ids)]


def _target(nodes: NodeRegistry, firmware: Firmware, node_id: str) -> Node:
    node = nodes.nodes.get(node_id)
    if node is None:
        raise NotFound("unknown_node", node=node_id)
    if unfit := why_not(firmware, _as_named(firmware, node)):
        raise unfit
    return node


def _suits(image: Image, node: Node) -> bool:
    return why_not(image, _as_named(image, node)) is None


def _as_named(image: Image, node: Node) -> Node:
    """Return the node as it is once it is named: of one that never asked for anything the user says the type."""
    asked = not node.stock or node.hardware is not None
    return node if asked else replace(node, node_type=image.node_type)


def _name_targets(job: Job, node_ids: list[str]) -> None:
    job.target_node_id = node_ids[0] if len(node_ids) == 1 else None
    job.target_node_ids = node_ids if len(node_ids) > 1 else None


def add_row(ledger: Ledger, job: Job, node: Node, now: datetime) -> None:
    """Give the node a row in the job; its rows in older jobs that have not started end."""
    for older, waiting in ledger.rows_of(node.node_id):
        if older is not job and waiting.status is NodeStatus.PENDING:
            ledger.move(older, waiting, NodeStatus.CANCELLED, now, "superseded", number=job.id)
    if node.stock and not job.for_type and node.chip is None:
        # Naming this very node is how the user confirms which chip it has.
        node.chip = job.chip
    if not job.for_type:
        node.node_type = _as_named(job, node).node_type
    job.nodes[node.node_id] = NodeRow(
        node_id=node.node_id,
        gateway_id=node.gateway_id,
        total_parts=job.num_parts,
        boot=node.boot,
        from_version=node.version,
        to_version=job.version,
    )
    ledger.changed(job)


def skip(ledger: Ledger, job: Job, node: Node, now: datetime) -> None:
    """End the row of a node that runs the image already, unless it is forced."""
    row = job.nodes[node.node_id]
    # Of a node that is away nobody knows what it runs by now: its next status decides.
    if node.online and not job.force_update and runs_already(job.proof, job.md5_hash, node):
        ledger.move(job, row, NodeStatus.SKIPPED, now, "running_it")


def join(ledger: Ledger, job: Job, node: Node, now: datetime) -> None:
    """Add one more named node to a job made a moment ago."""
    if unfit := why_not(job, _as_named(job, node)):
        raise unfit
    _name_targets(job, [*job.nodes, node.node_id])
    add_row(ledger, job, node, now)
    skip(ledger, job, node, now)


def extend(ledger: Ledger, node: Node, now: datetime) -> list[Job]:
    """Give a node that turned up, or was recognised, its row in the jobs for its type. Returns those jobs."""
    extended = []
    for job in ledger.open_jobs:
        # A job that was stopped is open only for those that restart already.
        stands = job.cancelled or job.stopped
        wanted = job.for_type and not stands and node.node_id not in job.nodes
        newer = any(other.id > job.id for other, _ in ledger.rows_of(node.node_id))
        if wanted and not newer and why_not(job, node) is None:
            add_row(ledger, job, node, now)
            skip(ledger, job, node, now)
            extended.append(job)
    return extended
