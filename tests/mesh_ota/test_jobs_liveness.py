"""Nobody waits for ever: houses at random, whose gateways do what their lists say and no more, end every job.

Trees of any shape, nodes that come and go, jobs of two types in any stages, gateways that hold commits back and such that do
not know how. What may wait for what is the engine's matter; that all of it comes to an end is looked at here.
"""

import random

import pytest

from custom_components.mesh_ota.jobs.job import Job, NodeRow
from custom_components.mesh_ota.jobs.rollout import Rollout
from custom_components.mesh_ota.jobs.states import NodeStatus

from .house import GATEWAY, NEW_PROOF, OLD_PROOF, OTHER_GATEWAY, ROOM, House, firmware

GATEWAYS = (GATEWAY, OTHER_GATEWAY)
NODES = [str(2_000_000_000 + number) for number in range(14)]
ROLLOUTS = [
    Rollout(),
    Rollout(leaves_first=True),
    Rollout(leaves_first=True, max_parallel=1),
    Rollout(max_parallel=2, stop_after=1),
    Rollout(stop_after=2, leaves_first=True),
    Rollout(stop_percent=30),
    Rollout(canary=2, leaves_first=True, stop_after=1),
    Rollout(canary=1, max_parallel=1),
]
PARTS = 10


class Play:
    """One house, and the dice that decide everything about it."""

    def __init__(self, seed: int) -> None:
        """Fourteen nodes behind two gateways."""
        self.dice = random.Random(seed)
        self.house = House(room=self.dice.choice([None, 2, 3, ROOM]))
        self.house.add_gateway(OTHER_GATEWAY)
        self.home = {node: self.dice.choice(GATEWAYS) for node in NODES}
        self.kind = {node: self.dice.choice(["pir", "pir", "led"]) for node in NODES}
        self.bad = {node for node in NODES if self.dice.random() < 0.15}
        self.there = {node for node in NODES if self.dice.random() < 0.8}
        self.boot = dict.fromkeys(NODES, 7)
        self.part: dict[tuple[int, str, int], int] = {}
        for node in NODES:
            self.house.join(node, self.home[node], type=self.kind[node])
        self.hang()

    def hang(self) -> None:
        """Everybody who is there hangs on somebody who was there before, or on the gateway."""
        for gateway in GATEWAYS:
            mine = [n for n in NODES if n in self.there and self.home[n] == gateway]
            self.dice.shuffle(mine)
            self.house.trees[gateway] = [
                [node, self.dice.choice([gateway, *mine[:number]])]
                for number, node in enumerate(mine)
            ]
            self.house.call(gateway)

    def begin(self) -> list[Job]:
        """Two or three jobs, for a type or for some nodes of it."""
        jobs = []
        for number in range(self.dice.choice([2, 3])):
            kind = self.dice.choice(["pir", "led"])
            image = firmware(number + 1, node_type=kind, version=f"1.{number + 1}.0")
            some = [n for n in NODES if self.kind[n] == kind and self.dice.random() < 0.7]
            node_ids = some if some and self.dice.random() < 0.5 else None
            rollout = self.dice.choice(ROLLOUTS)
            jobs.append(self.house.create(image, node_ids=node_ids, force=True, rollout=rollout))
        return jobs

    def round(self) -> None:
        """Each gateway does the next step of each of its targets; then twenty seconds pass."""
        for gateway in GATEWAYS:
            rows = [
                (self.house.engine.ledger.jobs[entry["id"]], target)
                for entry in self.house.engine.pending(gateway).jobs
                for target in entry["targets"]
            ]
            self.dice.shuffle(rows)
            for job, target in rows:
                row = job.nodes[target["node_id"]]
                if not row.final and row.gateway_id == gateway:
                    self.step(job, row, gateway)
        if self.dice.random() < 0.1:
            self.there ^= {self.dice.choice(NODES)}
            self.hang()
        self.house.wait(step=20, gateways=GATEWAYS, seconds=20)

    def step(self, job: Job, row: NodeRow, gateway: str) -> None:
        """What a gateway would report of this target now."""
        node_id, boot = row.node_id, self.boot[row.node_id]
        if row.status is NodeStatus.RESTARTING:
            if node_id in self.there and self.dice.random() < 0.5:
                self.come_back(job, row)
        elif node_id not in self.there:
            return
        elif row.status is NodeStatus.PENDING:
            self.house.progress(job, "offered", node_id, gateway)
        elif row.status is NodeStatus.VERIFYING:
            if self._may_commit(job, row, gateway):
                self.house.progress(job, "restarting", node_id, gateway, boot=boot)
        else:
            key = job.id, node_id, row.attempt
            part = self.part[key] = self.part.get(key, 0) + self.dice.randint(1, 5)
            state = "downloading" if part < PARTS else "verifying"
            self.house.progress(job, state, node_id, gateway, current_part=min(part, PARTS))

    def _may_commit(self, job: Job, row: NodeRow, gateway: str) -> bool:
        return any(
            (entry["id"], target["node_id"]) == (job.id, row.node_id) and "commit" not in target
            for entry in self.house.engine.pending(gateway).jobs
            for target in entry["targets"]
        )

    def come_back(self, job: Job, row: NodeRow) -> None:
        """Its trial is over."""
        self.boot[row.node_id] += 1
        good = row.node_id not in self.bad
        self.house.come_back(
            job,
            row,
            "confirmed" if good else "refused",
            boot=self.boot[row.node_id],
            type=self.kind[row.node_id],
            proof=NEW_PROOF if good else OLD_PROOF,
        )


@pytest.mark.parametrize("seed", range(60))
def test_every_job_of_any_house_ends_and_never_beyond_its_threshold(seed: int):
    play = Play(seed)
    jobs = play.begin()
    for turn in range(400):
        if not play.house.engine.ledger.open_jobs:
            break
        if turn == 150:  # by now whoever was away is back, and stays
            play.there = set(NODES)
            play.hang()
            play.dice.random = lambda: 0.4  # type: ignore[method-assign]
        play.round()
    for job in jobs:
        waits = {row.node_id: row.error_message for row in job.nodes.values() if not row.final}
        # One for a type that nobody is of waits for whoever turns up.
        assert not job.open or not job.nodes, (play.house.room, job.rollout, waits)
        most = job.rollout.most_failures(len(job.nodes))
        if most is not None and play.house.room is not None:
            rolled_back = [r for r in job.nodes.values() if r.status is NodeStatus.ROLLED_BACK]
            assert len(rolled_back) <= most
