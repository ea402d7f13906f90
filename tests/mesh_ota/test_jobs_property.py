"""The engine against anything that gateways, nodes, users and time can do to it, in any order."""

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from custom_components.mesh_ota.const import MAX_PARALLEL, MAX_TARGETS
from custom_components.mesh_ota.errors import MeshOtaError
from custom_components.mesh_ota.jobs.ledger import RowMoved
from custom_components.mesh_ota.jobs.rollout import Rollout, Window
from custom_components.mesh_ota.jobs.states import FINAL, REPORTABLE, NodeStatus, may_follow

from .house import ATTIC, GATEWAY, HALL, NEW_PROOF, OTHER_GATEWAY, PORCH, House, firmware, sketch

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
    Rollout(window=Window(start="12:00", end="12:20")),
]

nodes = st.sampled_from(NODES)
gateways = st.sampled_from(GATEWAYS)


class Engine(RuleBasedStateMachine):
    """Whatever happens, the laws of the design hold."""

    @initialize()
    def start(self) -> None:
        """Two gateways, nobody else."""
        self.house = House()
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
            (engine.resume if job.paused else engine.pause)(job.id)
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
        before, self.house = self.house, House(self.house.engine.stored())
        self.house.now = before.now + timedelta(minutes=1)
        self.house.add_gateway(OTHER_GATEWAY)
        self.house.nodes.restore(before.nodes.stored())

    @invariant()
    def lists_keep_the_contract(self) -> None:
        """At most eight targets, four of them new, one job per role, one job per node, revisions that grow."""
        for gateway in self.house.nodes.gateways:
            handout = self.house.engine.pending(gateway)
            targets = [target["node_id"] for job in handout.jobs for target in job["targets"]]
            assert len(targets) == len(set(targets)) <= MAX_TARGETS
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
    def only_four_transfer(self) -> None:
        """What is offered anew never exceeds what a gateway can serve."""
        for gateway in self.house.nodes.gateways:
            rows = self.house.engine.pending(gateway).rows
            ledger = self.house.engine.ledger
            waiting = [
                ledger.jobs[job].nodes[node].status is NodeStatus.PENDING for job, node in rows
            ]
            assert sum(waiting) <= MAX_PARALLEL

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
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
