"""200 nodes of six types, some away, some with bad images, some slow: each ends as a model of a few lines says it must.

The model knows what each node is like and nothing of the engine; the engine sees only what a gateway would report.
"""

import random
from dataclasses import dataclass

import pytest

from custom_components.mesh_ota.const import MAX_PARALLEL
from custom_components.mesh_ota.jobs.job import Job
from custom_components.mesh_ota.jobs.ledger import RowMoved
from custom_components.mesh_ota.jobs.states import JobStatus, NodeStatus, may_follow

from .house import NEW_PROOF, OLD_PROOF, House, firmware

TYPES = ("pir", "led", "button", "button2", "dht", "watcher")
COUNT = 200
GATEWAYS = tuple(str(1_111_111_111 + number) for number in range(4))
"""A tree of more than 64 entries does not fit into a report."""


@dataclass
class Player:
    """What a node is like, and how far it is."""

    node_id: str
    node_type: str
    away: bool
    """Comes after the first hour."""
    bad: bool
    """Goes back to its old firmware."""
    deaf: bool
    """Takes the offer and never a part."""
    pace: int
    """Parts per round."""
    boot: int = 7
    part: int = 0

    @property
    def gateway_id(self) -> str:
        """Behind which gateway it is."""
        return GATEWAYS[int(self.node_id) % len(GATEWAYS)]

    @property
    def expected(self) -> NodeStatus:
        """How its row has to end."""
        if self.deaf:
            return NodeStatus.FAILED
        return NodeStatus.ROLLED_BACK if self.bad else NodeStatus.COMPLETED


def cast(seed: int) -> list[Player]:
    """A tenth away, a tenth bad, two slow, and three that are deaf; types evenly."""
    dice = random.Random(seed)
    players = [
        Player(str(2_000_000_000 + n), TYPES[n % 6], False, False, False, 5) for n in range(COUNT)
    ]
    for player in dice.sample(players, COUNT // 10):
        player.away = True
    for player in dice.sample(players, COUNT // 10):
        player.bad = True
    for player in dice.sample(players, 2):
        player.pace = 1
    for player in dice.sample(players, 3):
        player.deaf = True
    return players


def enter(house: House, players: list[Player]) -> None:
    """These are in the mesh now, and nobody else: three hang on each, in the order of their ids."""
    for gateway_id in GATEWAYS:
        mine = [player.node_id for player in players if player.gateway_id == gateway_id]
        house.trees[gateway_id] = [
            [node_id, mine[number // 3 - 1] if number >= 3 else gateway_id]
            for number, node_id in enumerate(mine)
        ]
        house.call(gateway_id)


def below(house: House, player: Player) -> set[str]:
    """Return the nodes that hang on this one, as the tree says and nobody else."""
    tree = dict(house.trees[player.gateway_id])
    found = {player.node_id}
    while more := {node_id for node_id, above in tree.items() if above in found} - found:
        found |= more
    return found - {player.node_id}


def play(house: House, job: Job, player: Player, may_commit: bool) -> None:
    """One round of one listed node: what its gateway reports."""
    row = job.nodes[player.node_id]
    if row.status is NodeStatus.PENDING:
        house.progress(job, "offered", player.node_id, player.gateway_id)
    elif player.deaf:
        return
    elif player.part < row.total_parts:
        player.part = min(row.total_parts, player.part + player.pace)
        house.progress(
            job, "downloading", player.node_id, player.gateway_id, current_part=player.part
        )
    elif row.status is NodeStatus.DOWNLOADING:
        house.progress(job, "verifying", player.node_id, player.gateway_id)
    elif row.status is NodeStatus.VERIFYING:
        if not may_commit:
            return
        for node_id in below(house, player):
            for _job, other in house.engine.ledger.rows_of(node_id):
                assert not other.started or other.gateway_id != player.gateway_id, (player, other)
        house.progress(job, "restarting", player.node_id, player.gateway_id, boot=player.boot)
    else:
        player.boot += 1
        outcome = "refused" if player.bad else "confirmed"
        proof = OLD_PROOF if player.bad else NEW_PROOF
        house.come_back(job, row, outcome, boot=player.boot, type=player.node_type, proof=proof)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_of_200_nodes_ends_as_it_must(seed: int):
    house, players = House(), cast(seed)
    for gateway_id in GATEWAYS[1:]:
        house.add_gateway(gateway_id)
    enter(house, [player for player in players if not player.away])
    for player in players:
        house.nodes.report_nodes(player.gateway_id, [_entry(player)], house.now)
    enter(house, [player for player in players if not player.away])
    jobs = {
        kind: house.create(firmware(n, node_type=kind), node_type=kind)
        for n, kind in enumerate(TYPES, 1)
    }
    by_id = {player.node_id: player for player in players}
    most = 0
    together = 0
    for _round in range(1500):
        if not house.engine.ledger.open_jobs:
            break
        if house.now.hour >= 13:
            enter(house, players)
        for gateway_id in GATEWAYS:
            rows = [
                (house.engine.ledger.jobs[job["id"]], by_id[target["node_id"]])
                for job in house.engine.pending(gateway_id).jobs
                for target in job["targets"]
            ]
            taking = [
                player
                for job, player in rows
                if job.nodes[player.node_id].status
                not in (NodeStatus.VERIFYING, NodeStatus.RESTARTING)
            ]
            most = max(most, len(taking))
            together = max(together, len({job.id for job, _ in rows}))
            for job, player in rows:
                if house.engine.handouts.listed(job, job.nodes[player.node_id]):
                    play(house, job, player, _may_commit(house, job, player))
        house.wait(step=20, gateways=GATEWAYS, seconds=20)
    for event in house.engine.take_events():
        if isinstance(event, RowMoved):
            assert may_follow(event.before, event.after)
    assert 4 < most <= MAX_PARALLEL
    assert together > 1
    _check_ends(players, jobs)


def _check_ends(players: list[Player], jobs: dict[str, Job]) -> None:
    for player in players:
        row = jobs[player.node_type].nodes[player.node_id]
        assert row.status is player.expected, (player, row)
        assert row.status is NodeStatus.COMPLETED or row.error_message
    for kind, job in jobs.items():
        good = all(p.expected is NodeStatus.COMPLETED for p in players if p.node_type == kind)
        assert job.status is (JobStatus.COMPLETED if good else JobStatus.FAILED)


def _may_commit(house: House, job: Job, player: Player) -> bool:
    """What the list says by now; it changes with each report."""
    return all(
        "commit" not in target
        for entry in house.engine.pending(player.gateway_id).jobs
        for target in entry["targets"]
        if (entry["id"], target["node_id"]) == (job.id, player.node_id)
    )


def _entry(player: Player) -> dict[str, object]:
    status = {
        "protocol": 1,
        "type": player.node_type,
        "hardware": "ESP32-MPY",
        "kind": "app-bundle",
        "version": "1.0.0",
        "proof": OLD_PROOF,
        "boot": player.boot,
    }
    return {"node_id": player.node_id, "heard": 0, "status": status}
