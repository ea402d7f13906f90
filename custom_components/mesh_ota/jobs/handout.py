"""What each gateway is to distribute now (docs/gateway-api.md §4): which jobs, which nodes, under which revision."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..const import (
    IMAGE_WEIGHT,
    MAX_LISTED_JOBS,
    MAX_PARALLEL,
    MAX_TARGETS,
    MICROPYTHON,
    PARALLEL_UNTOLD,
    SEVERAL_IMAGES_ROOM,
    TARGETS_UNTOLD,
)
from ..nodes import Node, NodeRegistry
from .fit import chip_known
from .job import Job, NodeRow
from .ledger import Ledger
from .order import Held, Pick
from .stages import Stages
from .states import NodeStatus

# They take no part any more.
_HAS_ALL = (NodeStatus.VERIFYING, NodeStatus.RESTARTING)


@dataclass(frozen=True, slots=True)
class Handout:
    """A gateway's list as it was given out."""

    revision: int
    jobs: list[dict[str, Any]]
    rows: frozenset[tuple[int, str]]
    """(job id, node id) of each target that may move."""
    keys: list[dict[str, str]]
    """Changes of the signing key that nodes of this gateway have missed."""
    held: Held
    """Whose commit waits, and for what."""


class Handouts:
    """The current list of each gateway."""

    def __init__(self, ledger: Ledger, nodes: NodeRegistry, stages: Stages) -> None:
        """Nothing has been given out yet."""
        self._ledger = ledger
        self._stages = stages
        self._nodes = nodes
        self._current: dict[str, Handout] = {}
        self._claims: dict[tuple[str, str, str], int] = {}
        self.deflated: Callable[[str], int] = lambda _sha256: 0
        """How many bytes an image has deflated, by its SHA-256; 0 where it is not there so."""
        self.key_changes: Callable[[list[str]], list[dict[str, str]]] = lambda _key_ids: []

    def current(self, gateway_id: str) -> Handout:
        """Return the gateway's list; `refresh` keeps it true."""
        if gateway_id not in self._current:
            self.refresh(gateway_id)
        return self._current[gateway_id]

    def listed(self, job: Job, row: NodeRow) -> bool:
        """Whether the row stands in its gateway's list."""
        handout = self._current.get(row.gateway_id)
        return handout is not None and (job.id, row.node_id) in handout.rows

    def serves_others_only(self, job: Job, gateway_id: str) -> bool:
        """Whether the gateway has places left, and still only other jobs."""
        handout = self._current.get(gateway_id)
        rows = handout.rows if handout else frozenset()
        has_places = 0 < len(rows) < self.parallel(gateway_id)
        return has_places and all(number != job.id for number, _ in rows)

    def commit_waits_for(self, job: Job, row: NodeRow) -> tuple[str, dict[str, str | int]] | None:
        """Return why a node that has the whole image may not restart yet; None if it may, or has it not."""
        handout = self._current.get(row.gateway_id)
        if handout is None or row.status is not NodeStatus.VERIFYING:
            return None
        return handout.held.get((job.id, row.node_id))

    def parallel(self, gateway_id: str) -> int:
        """Return how many nodes may take parts from this gateway at the same time."""
        return parallel(self._nodes.nodes.get(gateway_id))

    def _room(self, gateway_id: str) -> int:
        node = self._nodes.nodes.get(gateway_id)
        return min(MAX_TARGETS, node.room) if node is not None and node.room else TARGETS_UNTOLD

    def forget(self, gateway_id: str) -> None:
        """Drop a gateway's list; the next one has a new revision."""
        self._current.pop(gateway_id, None)

    def refresh(self, gateway_id: str) -> bool:
        """Make the list anew; a list that differs gets the next revision. Returns whether it did."""
        picks = self._picks(gateway_id)
        held = self._stages.order.held(picks, full=len(picks) >= self._room(gateway_id))
        jobs = _written(picks, held, self._sizes_deflated(gateway_id, picks))
        keys = self.key_changes(self._keys_of(gateway_id))
        before = self._current.get(gateway_id)
        if before is not None and (before.jobs, before.keys) == (jobs, keys):
            self._current[gateway_id] = replace(before, held=held)
            return False
        for _job, row in picks:
            row.handed_out = True
        self._ledger.revision += 1
        rows = frozenset((job.id, row.node_id) for job, row in picks if not _keeps(job, row))
        self._current[gateway_id] = Handout(self._ledger.revision, jobs, rows, keys, held)
        return True

    def _sizes_deflated(self, gateway_id: str, picks: list[Pick]) -> dict[int, int]:
        """Return the bytes of each job's image that goes over deflated.

        Decided when the job is listed first, and kept with it: it may not change under a transfer, whatever a
        restart has forgotten of the nodes.
        """
        found = {}
        for job in {job.id: job for job, _ in picks}.values():
            if job.deflated is None:
                job.deflated = job.mode != "flip" and self._all_take_deflated(gateway_id, job)
            size = self.deflated(job.sha256) if job.deflated else 0
            if size:
                found[job.id] = size
        return found

    def _all_take_deflated(self, gateway_id: str, job: Job) -> bool:
        """Whether all nodes of the job do, also those that are not listed, and this gateway can."""
        nodes, gateway = self._nodes.nodes, self._nodes.nodes.get(gateway_id)
        able = gateway is not None and gateway.room > 0
        return able and all(name in nodes and nodes[name].deflate for name in job.nodes)

    def _keys_of(self, gateway_id: str) -> list[str]:
        return [n.signing_key for n in self._nodes.at(gateway_id) if n.signing_key]

    def _picks(self, gateway_id: str) -> list[Pick]:
        mine = list(self._ledger.open_rows(gateway_id))
        chosen = self._chosen(gateway_id, self._servable(mine))
        kept = [pick for pick in chosen if _keeps(*pick)]
        active = [pick for pick in chosen if self._active(pick[1]) and pick not in kept]
        away = [p for p in chosen if p[1].started and not self._active(p[1]) and p not in kept]
        waiting = self._next(gateway_id, active, [p for p in chosen if not p[1].started])
        # What a held job has brought to its nodes is kept, but never at the price of a queue that stands.
        free = max(1, self._room(gateway_id) - len(active) - len(kept))
        picks = _fitting([*active, *waiting[:free], *kept, *away], self._room(gateway_id))
        return sorted(picks, key=lambda pick: pick[0].id)

    def _next(self, gateway_id: str, active: list[Pick], waiting: list[Pick]) -> list[Pick]:
        """Return those that may start beside the active ones: as many as gateway and job allow."""
        # Those given out already come first, so that a list does not change its mind.
        waiting.sort(key=lambda pick: (not pick[1].handed_out, self._stages.order.rank(pick[1])))
        taking = [job.id for job, row in active if row.status not in _HAS_ALL]
        alone = any(row.node_id == row.gateway_id for _, row in active)
        room = self.parallel(gateway_id)
        known = len(self._nodes.at(gateway_id))
        chosen: list[Pick] = []
        for job, row in waiting:
            own = row.node_id == row.gateway_id and bool(active or chosen)
            most = min(room, job.rollout.max_parallel or room)
            if job.runtime != MICROPYTHON and job.failures_left is not None:
                most = min(
                    most, PARALLEL_UNTOLD
                )  # C++ nodes commit themselves, so nobody else counts
            if (
                taking.count(job.id) >= most
                or alone
                or own
                or not _fits(taking, job.id, room, known)
            ):
                continue
            taking.append(job.id)
            chosen.append((job, row))
            alone = row.node_id == row.gateway_id
        return chosen

    def _servable(self, mine: list[Pick]) -> list[Pick]:
        """Return the rows that may be served at all, one job per node."""
        serving = {row.node_id: job.id for job, row in reversed(mine) if row.started}
        return [
            (job, row)
            for job, row in mine
            if serving.get(row.node_id, job.id) == job.id and self._may_serve(job, row)
        ]

    def _may_serve(self, job: Job, row: NodeRow) -> bool:
        if row.status is NodeStatus.RESTARTING:
            return True  # it runs on to its outcome, whatever happens to the job
        if job.cancelled or (job.held and not row.started):
            return False
        node = self._nodes.nodes.get(row.node_id)
        there = node is not None and node.online and chip_known(job, node)
        return row.started or (there and self._stages.may_start(job, row))

    def _active(self, row: NodeRow) -> bool:
        if row.status is NodeStatus.RESTARTING:
            return True
        node = self._nodes.nodes.get(row.node_id)
        return row.started and node is not None and node.online

    def _chosen(self, gateway_id: str, picks: list[Pick]) -> list[Pick]:
        """Leave one job per (role, hardware): the one that nodes are on, else the oldest that can be served."""
        chosen: dict[tuple[str, str, str], tuple[int, int]] = {}
        for job, row in picks:
            key = gateway_id, job.node_type, job.announced_hardware
            if _keeps(job, row):
                rank = 4
            elif self._active(row):
                rank = 0 if self._claims.get(key) == job.id else 1
            else:
                rank = 3 if row.started else 2
            chosen[key] = min(chosen.get(key, (rank, job.id)), (rank, job.id))
        self._claims = {key: claim for key, claim in self._claims.items() if key[0] != gateway_id}
        self._claims.update({key: job_id for key, (_, job_id) in chosen.items()})
        wanted = {job_id for _, job_id in chosen.values()}
        return [pick for pick in picks if pick[0].id in wanted]


def parallel(gateway: Node | None) -> int:
    """Return how many nodes may take parts from a gateway at the same time."""
    told = gateway is not None and gateway.room
    return min(MAX_PARALLEL, told) if told else PARALLEL_UNTOLD


def _fits(taking: list[int], job_id: int, room: int, known: int) -> bool:
    """Whether a gateway of so many known nodes can hold one more that takes parts, of this job; `taking`: the others' jobs."""
    images, nodes = len({*taking, job_id}), len(taking) + 1
    if images == 1 or room <= PARALLEL_UNTOLD:
        return nodes <= room
    held = nodes + IMAGE_WEIGHT * (images - 1) + known // 2
    return nodes <= room and held <= SEVERAL_IMAGES_ROOM


def _fitting(picks: list[Pick], room: int) -> list[Pick]:
    """Return the first of them that one list can hold."""
    jobs: set[int] = set()
    fitting: list[Pick] = []
    for pick in picks:
        if len(fitting) < room and (pick[0].id in jobs or len(jobs) < MAX_LISTED_JOBS):
            jobs.add(pick[0].id)
            fitting.append(pick)
    return fitting


def _keeps(job: Job, row: NodeRow) -> bool:
    """Whether a row only keeps what its node has got so far: it started, and its job is held."""
    return job.held and row.started and row.status is not NodeStatus.RESTARTING


def _written(picks: list[Pick], held: Held, deflated: dict[int, int]) -> list[dict[str, Any]]:
    jobs: dict[int, dict[str, Any]] = {}
    for job, row in picks:
        entry = jobs.setdefault(job.id, _job_entry(job))
        if job.id in deflated:
            entry["deflate"] = deflated[job.id]
        target: dict[str, Any] = {"node_id": row.node_id, "attempt": row.attempt}
        if _keeps(job, row):
            target["paused"] = True
        elif (job.id, row.node_id) in held:
            target["commit"] = False
        entry["targets"].append(target)
    for entry in jobs.values():
        entry["targets"].sort(key=lambda target: int(target["node_id"]))
    return list(jobs.values())


def _job_entry(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "token": job.token,
        "firmware_id": job.firmware_id,
        "kind": job.kind,
        "runtime": job.runtime,
        "role": job.node_type,
        "hardware": job.announced_hardware,
        "version": job.version,
        "md5": job.md5_hash,
        "sha256": job.sha256,
        "proof": job.proof,
        "size": job.size_bytes,
        "num_parts": job.num_parts,
        "force": job.force_update,
        "mode": job.mode,
        "targets": [],
        "counter": job.counter,
        "sig": job.sig,
    } | ({} if job.floor is None else {"floor": job.floor})
