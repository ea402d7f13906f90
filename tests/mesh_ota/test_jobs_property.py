"""The engine against anything that gateways, nodes, users and time can do to it, in any order."""

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from custom_components.mesh_ota.const import (
    MAX_LISTED_JOBS,
    MAX_PARALLEL,
    MAX_TARGETS,
    PARALLEL_UNTOLD,
    TARGETS_UNTOLD,
)
from custom_components.mesh_ota.errors import MeshOtaError
from custom_components.mesh_ota.jobs.ledger import RowMoved
from custom_components.mesh_ota.jobs.rollout import Rollout, Window
from custom_components.mesh_ota.jobs.states import FINAL, REPORTABLE, NodeStatus, may_follow

from .house import (
    ATTIC,
    GATEWAY,
    HALL,
    NEW_PROOF,
    OTHER_GATEWAY,
    PORCH,
    ROOM,
    House,
    firmware,
    sketch,
)

NODES = [HALL, ATTIC, PORCH]
STOCK = "3900000000"
GATEWAYS = [GATEWAY, OTHER_GATEWAY]
IMAGES = [
    firmware(1),
    firmware(2, version="1.2.0", proof="03" * 32),
    firmware(3, node_type="led"),
    sketch(),
]

ROLLOUTS = [
    Rollout(),
    Rollout(canary=1),
    Rollout(canary=1, soak_minutes=10, max_parallel=1),
    Rollout(stop_after=1, leaves_first=True),
    Rollout(leaves_first=True, max_parallel=1),
    Rollout(stop_percent=50),
    Rollout(window=Window(start="12:00", end="12:20")),
]

nodes = st.sampled_from(NODES)
gateways = st.sampled_from(GATEWAYS)


class Engine(RuleBasedStateMachine):
    """Whatever happens, the laws of the design hold."""

    @initialize(room=st.sampled_from([None, ROOM]), filled=st.booleans())
    def start(self, room: int | None, filled: bool) -> None:
        """Two gateways, and nobody else or a chain of nodes."""
        self.house = House(room=room)
        for node in NODES if filled else ():
            self.house.join(node)
        if filled:
            self.house.trees[GATEWAY] = [[HALL, GATEWAY], [ATTIC, HALL], [PORCH, ATTIC]]
            self.house.call()
        self.house.add_gateway(OTHER_GATEWAY)
        self.revisions: dict[str, tuple[int, list[Any]]] = {}
        self.ended: dict[tuple[int, str], NodeStatus] = {}

    @rule(node=nodes, gateway=gateways, led=st.booleans(), boot=st.integers(1, 20))
    def join(self, node: str, gateway: str, led: bool, boot: int) -> None:
        """A node of ours joins."""
        self.house.join(node, gateway, type="led" if led else "pir", boot=boot)

    @rule()
    def join_stock(self) -> None:
        """A stock node joins."""
        if [STOCK, GATEWAY] not in self.house.trees[GATEWAY]:
            self.house.join_stock(STOCK)

    @rule(node=nodes, above=st.sampled_from([*NODES, STOCK]), gateway=gateways)
    def hang_elsewhere(self, node: str, above: str, gateway: str) -> None:
        """A node now hangs on another one, even in a ring."""
        tree = self.house.trees[gateway]
        if node != above and [node] == [entry[0] for entry in tree if entry[0] == node]:
            self.house.trees[gateway] = [[n, above if n == node else up] for n, up in tree]
            self.house.call(gateway)

    @rule(gateway=gateways, room=st.sampled_from([None, 1, 2, ROOM]))
    def update_gateway(self, gateway: str, room: int | None) -> None:
        """A gateway is given firmware that can hold so many targets, or does not say how many."""
        self.house.room = room
        self.house.report_gateway(gateway)
        self.house.refresh()

    @rule(node=st.sampled_from([*NODES, STOCK]), gateway=gateways)
    def leave(self, node: str, gateway: str) -> None:
        """A node leaves."""
        self.house.leave(node, gateway)

    @rule(
        image=st.sampled_from(IMAGES),
        force=st.booleans(),
        node=st.none() | nodes,
        rollout=st.sampled_from(ROLLOUTS),
    )
    def create(self, image: Any, force: bool, node: str | None, rollout: Rollout) -> None:
        """A user makes a job, with stages or without."""
        node_ids = None if node is None else [node]
        try:
            self.house.create(image, node_ids=node_ids, force=force, rollout=rollout)
        except MeshOtaError:
            return

    @rule(number=st.integers(0, 30))
    def cancel(self, number: int) -> None:
        """A user cancels."""
        if jobs := [job for job in self.house.engine.ledger.open_jobs if not job.ended]:
            self.house.cancel(jobs[number % len(jobs)])

    @rule(number=st.integers(0, 30))
    def pause_or_resume(self, number: int) -> None:
        """A user pauses, or goes on."""
        if jobs := [job for job in self.house.engine.ledger.open_jobs if not job.ended]:
            job = jobs[number % len(jobs)]
            engine = self.house.engine
            (engine.resume if job.paused else engine.pause)(job.id, self.house.now)
            self.house.refresh()

    @rule(
        number=st.integers(0, 30),
        node=st.sampled_from([*NODES, STOCK]),
        gateway=gateways,
        status=st.sampled_from([str(status) for status in REPORTABLE]),
        part=st.integers(0, 12),
        attempt=st.integers(0, 4),
        boot=st.none() | st.integers(0, 20),
    )
    def report(self, number: int, node: str, gateway: str, **said: Any) -> None:
        """A gateway reports: in time, late, about another attempt, another's node."""
        jobs = list(self.house.engine.ledger.jobs.values())
        if jobs:
            said["current_part"] = said.pop("part")
            self.house.progress(jobs[number % len(jobs)], node_id=node, gateway_id=gateway, **said)

    @rule(gateway=gateways, number=st.integers(0, 30), steps=st.integers(1, 3))
    def serve(self, gateway: str, number: int, steps: int) -> None:
        """A gateway does what its list says: one of its targets gets a few steps further."""
        for _step in range(steps):
            listed = [
                (self.house.engine.ledger.jobs[job["id"]], target)
                for job in self.house.engine.pending(gateway).jobs
                for target in job["targets"]
                if "paused" not in target
            ]
            if not listed:
                return
            job, target = listed[number % len(listed)]
            row = job.nodes[target["node_id"]]
            known = self.house.nodes.nodes[row.node_id]
            ahead = {
                NodeStatus.PENDING: "offered",
                NodeStatus.OFFERED: "downloading",
                NodeStatus.DOWNLOADING: "verifying",
                NodeStatus.VERIFYING: "restarting",
            }
            if row.status in ahead:
                if "commit" not in target or row.status is not NodeStatus.VERIFYING:
                    boot = {"boot": known.boot} if row.status is NodeStatus.VERIFYING else {}
                    self.house.progress(job, ahead[row.status], row.node_id, gateway, **boot)
            elif not known.stock and number % 3:
                self.house.leave(row.node_id, gateway)
            elif not known.stock:
                outcome = "refused" if number % 2 else "confirmed"
                self.house.come_back(
                    job, row, outcome, boot=known.boot + 1, type=known.node_type, proof=job.proof
                )

    @rule(
        number=st.integers(0, 30),
        node=nodes,
        outcome=st.sampled_from(["trial", "confirmed", "refused", "retry", "power", "nonsense"]),
        proof=st.sampled_from([NEW_PROOF, "03" * 32, "01" * 32]),
        boot=st.integers(1, 30),
    )
    def outcome(self, number: int, node: str, outcome: str, proof: str, boot: int) -> None:
        """A node says how a trial went, of this attempt or of one long past."""
        rows = [
            (job, job.nodes[node])
            for job in self.house.engine.ledger.jobs.values()
            if node in job.nodes
        ]
        known = self.house.nodes.nodes.get(node)
        if not rows or known is None:
            return
        job, row = rows[number % len(rows)]
        last = {"tag": job.tag(row), "outcome": outcome, "proof": proof, "reason": ""}
        self.house.say(
            node, known.gateway_id, type=known.node_type, boot=boot, proof=proof, last=last
        )

    @rule(minutes=st.integers(1, 30), calling=st.booleans())
    def wait(self, minutes: int, calling: bool) -> None:
        """Time passes."""
        self.house.wait(step=30, gateways=tuple(GATEWAYS) if calling else (), minutes=minutes)

    @rule()
    def restart_home_assistant(self) -> None:
        """Home Assistant restarts; what it knows of nodes is what they say again."""
        before, self.house = self.house, House(self.house.engine.stored(), self.house.room)
        self.house.now = before.now + timedelta(minutes=1)
        self.house.add_gateway(OTHER_GATEWAY)
        self.house.nodes.restore(before.nodes.stored())
        self.house.refresh()

    @invariant()
    def lists_keep_the_contract(self) -> None:
        """No more targets than the gateway holds, one job per role, one job per node, revisions that grow."""
        for gateway in self.house.nodes.gateways:
            handout = self.house.engine.pending(gateway)
            targets = [target["node_id"] for job in handout.jobs for target in job["targets"]]
            told = self.house.nodes.nodes[gateway].room
            room = min(told, MAX_TARGETS) if told else TARGETS_UNTOLD
            assert len(targets) == len(set(targets)) <= room
            assert len(handout.jobs) <= MAX_LISTED_JOBS
            roles = [(job["role"], job["hardware"]) for job in handout.jobs]
            assert len(roles) == len(set(roles))
            assert all(job["targets"] for job in handout.jobs)
            seen = self.revisions.get(gateway)
            if seen is not None and seen[1] != handout.jobs:
                assert handout.revision > seen[0]
            assert seen is None or handout.revision >= seen[0]
            self.revisions[gateway] = (handout.revision, handout.jobs)

    @invariant()
    def nobody_comes_before_the_canary_or_moves_while_its_job_is_held(self) -> None:
        """Whoever is offered anew is a canary while there is one, and belongs to a job that may go on."""
        ledger = self.house.engine.ledger
        for gateway in self.house.nodes.gateways:
            for number, node in self.house.engine.pending(gateway).rows:
                job = ledger.jobs[number]
                row = job.nodes[node]
                if row.status is NodeStatus.PENDING:
                    assert not job.held and not job.stopped
                    assert not job.canaries or node in job.canaries
                assert not job.held or row.status is NodeStatus.RESTARTING

    @invariant()
    def no_more_begin_than_a_gateway_can_serve(self) -> None:
        """Four, where it does not say."""
        for gateway in self.house.nodes.gateways:
            rows = self.house.engine.pending(gateway).rows
            ledger = self.house.engine.ledger
            waiting = [
                ledger.jobs[job].nodes[node].status is NodeStatus.PENDING for job, node in rows
            ]
            told = self.house.nodes.nodes[gateway].room
            assert sum(waiting) <= (min(told, MAX_PARALLEL) if told else PARALLEL_UNTOLD)

    @invariant()
    def nobody_is_let_go_over_the_head_of_who_hangs_on_it(self) -> None:
        """Of what a gateway may move, a node below is never under way while the one that carries it may restart."""
        ledger, order = self.house.engine.ledger, self.house.engine.stages.order
        for gateway in self.house.nodes.gateways:
            handout = self.house.engine.pending(gateway)
            under_way = [ledger.jobs[job].nodes[node] for job, node in handout.rows]
            free = self._free_to_commit(gateway)
            if not self.house.nodes.nodes[gateway].room:
                assert len(free) == sum(len(job["targets"]) for job in handout.jobs) - len(
                    [t for job in handout.jobs for t in job["targets"] if "paused" in t]
                )
                continue
            for job, row in free:
                if not order.waits(job, row) or row.status is NodeStatus.RESTARTING:
                    continue
                for other in under_way:
                    node = self.house.nodes.nodes[other.node_id]
                    there = node.online or other.status is NodeStatus.RESTARTING
                    assert not there or row.node_id not in order.carriers(node)

    @invariant()
    def never_more_are_let_go_than_may_fail(self) -> None:
        """But for those that a gateway, whatever it was told, says are restarting."""
        for gateway in self.house.nodes.gateways:
            for job, row in self._free_to_commit(gateway):
                left = job.failures_left
                if left is not None and self.house.engine.stages.order.waits(job, row):
                    restarting = row.status is NodeStatus.RESTARTING
                    assert restarting or (row.let_go and job.let_go <= left)

    def _free_to_commit(self, gateway: str) -> list[Any]:
        """Job and row of each target that the gateway may commit once it is ready."""
        ledger, found = self.house.engine.ledger, []
        for entry in self.house.engine.pending(gateway).jobs:
            job = ledger.jobs[entry["id"]]
            found += [
                (job, job.nodes[target["node_id"]])
                for target in entry["targets"]
                if "commit" not in target and "paused" not in target
            ]
        return found

    @invariant()
    def somebody_goes_on(self) -> None:
        """The nodes of a list never wait for each other's restart in a ring: somebody may go on."""
        ledger = self.house.engine.ledger
        for gateway in self.house.nodes.gateways:
            handout = self.house.engine.pending(gateway)
            rows = [(ledger.jobs[job], ledger.jobs[job].nodes[node]) for job, node in handout.rows]
            stand = [
                handout.held[job.id, row.node_id]
                for job, row in rows
                if row.status is NodeStatus.VERIFYING and (job.id, row.node_id) in handout.held
            ]
            if rows and len(stand) == len(rows):
                # Then not all of them for one another: somebody waits for one that is elsewhere, or for his turn.
                here = {row.node_id for _, row in rows}
                assert any(gaps.get("node") not in here for _, gaps in stand)

    @invariant()
    def rows_move_by_the_table_and_the_ended_stay(self) -> None:
        """No event but the allowed ones; an ended row never changes."""
        for event in self.house.engine.take_events():
            if isinstance(event, RowMoved):
                assert may_follow(event.before, event.after)
        for job in self.house.engine.ledger.jobs.values():
            for row in job.nodes.values():
                key = job.id, row.node_id
                assert self.ended.setdefault(key, row.status) is row.status or key not in self.ended
                if row.status not in FINAL:
                    del self.ended[key]

    @invariant()
    def a_node_is_on_one_job_only_and_every_end_has_its_time(self) -> None:
        """Started rows of one node never overlap; jobs and rows that ended say when."""
        ledger = self.house.engine.ledger
        for job in ledger.jobs.values():
            finals = [row.final for row in job.nodes.values()]
            assert job.open or (all(finals) and job.ended)
            assert all((row.completed_at is not None) is row.final for row in job.nodes.values())
            assert not (finals and all(finals)) or not job.open

    @invariant()
    def what_is_stored_can_be_read(self) -> None:
        """A restart loses nothing."""
        stored = self.house.engine.stored()
        again = House()
        again.engine.restore(stored)
        again.engine.ledger.revision = stored["revision"]
        assert again.engine.stored() == stored


TestEngine = Engine.TestCase
TestEngine.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
