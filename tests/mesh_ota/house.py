"""A house for the engine: one clock, gateways and nodes that say what real ones would, no Home Assistant."""

from datetime import UTC, datetime, timedelta
from typing import Any

from custom_components.mesh_ota.firmware.record import Firmware
from custom_components.mesh_ota.jobs.engine import JobEngine
from custom_components.mesh_ota.jobs.job import Job, NodeRow
from custom_components.mesh_ota.jobs.reports import Verdict, read_progress
from custom_components.mesh_ota.nodes import Node, NodeRegistry

GATEWAY = "1111111111"
OTHER_GATEWAY = "1111111112"
HALL, ATTIC, PORCH = "2222222222", "3333333333", "4000000000"
OLD_PROOF, NEW_PROOF = "01" * 32, "02" * 32
ROOM = 24
"""Targets that a gateway can hold."""
START = datetime(2026, 11, 23, 12, tzinfo=UTC)


def firmware(number: int = 1, **changes: Any) -> Firmware:
    """A bundle for type pir whose proof is `NEW_PROOF`; 10 parts."""
    fields: dict[str, Any] = {
        "id": number,
        "node_type": "pir",
        "version": "1.1.0",
        "hardware": "ESP32-MPY",
        "filename": "pir.tar",
        "size_bytes": 10_000,
        "md5_hash": f"{number:032x}",
        "sha256": f"{number:064x}",
        "kind": "app-bundle",
        "runtime": "micropython",
        "chip": None,
        "proof": NEW_PROOF,
        "release_notes": "",
        "is_stable": True,
        "created_at": START.isoformat(),
    }
    return Firmware(**fields | changes)


def sketch(number: int = 9, **changes: Any) -> Firmware:
    """An Arduino image for type dht."""
    fields = {
        "node_type": "dht",
        "hardware": "ESP32",
        "kind": "esp-image",
        "runtime": "arduino",
        "chip": "esp32",
    }
    return firmware(number, **fields | changes)


class House:
    """Nodes and engine under one clock."""

    def __init__(self, stored: dict[str, Any] | None = None, room: int | None = ROOM) -> None:
        """One gateway that calls, no nodes; jobs as they were `stored`. Without `room` it is one that says nothing of it."""
        self.now = START
        self.nodes = NodeRegistry()
        self.engine = JobEngine(self.nodes)
        if stored is not None:
            self.engine.restore(stored)
        self.trees: dict[str, list[list[str]]] = {}
        self.room = room
        self.add_gateway(GATEWAY)

    def add_gateway(self, gateway_id: str) -> None:
        """A gateway that calls."""
        self.nodes.add_gateway(gateway_id, "entry")
        self.report_gateway(gateway_id)
        self.trees[gateway_id] = []
        self.call(gateway_id)

    def report_gateway(self, gateway_id: str = GATEWAY, **said: Any) -> None:
        """The gateway says what it is."""
        told = {} if self.room is None else {"max_targets": self.room}
        self.nodes.report_gateway(gateway_id, told | said)

    def call(self, gateway_id: str = GATEWAY) -> None:
        """The gateway is heard, with its tree."""
        self.nodes.heard_gateway(gateway_id, self.now)
        seen = self.nodes.report_tree(gateway_id, self.trees[gateway_id], self.now)
        self._placed(seen.all)

    def join(self, node_id: str = HALL, gateway_id: str = GATEWAY, **status: Any) -> Node:
        """A node of ours joins and says its status (`boot`, `proof`, `last` …)."""
        self.trees[gateway_id] = [e for e in self.trees[gateway_id] if e[0] != node_id]
        self.trees[gateway_id].append([node_id, gateway_id])
        self.call(gateway_id)
        return self.say(node_id, gateway_id, **status)

    def say(self, node_id: str = HALL, gateway_id: str = GATEWAY, **status: Any) -> Node:
        """A node says its status."""
        body = {
            "protocol": 1,
            "type": "pir",
            "hardware": "ESP32-MPY",
            "chip": "esp32",
            "kind": "app-bundle",
            "version": "1.0.0",
            "proof": OLD_PROOF,
            "boot": 7,
        } | status
        return self._report(node_id, gateway_id, {"status": body})

    def join_stock(self, node_id: str = ATTIC, role: str = "dht", hardware: str = "ESP32") -> Node:
        """A stock node joins and asks for its role."""
        self.trees[GATEWAY].append([node_id, GATEWAY])
        self.call()
        return self._report(node_id, GATEWAY, {"asks_for": {"role": role, "hardware": hardware}})

    def leave(self, node_id: str = HALL, gateway_id: str = GATEWAY) -> None:
        """A node is gone from the tree."""
        self.trees[gateway_id] = [e for e in self.trees[gateway_id] if e[0] != node_id]
        self.call(gateway_id)

    def _report(self, node_id: str, gateway_id: str, said: dict[str, Any]) -> Node:
        entry = {"node_id": node_id, "heard": 0, **said}
        seen = self.nodes.report_nodes(gateway_id, [entry], self.now)
        self._placed(seen.all)
        for told in seen.told:
            self.engine.told(self.nodes.nodes[told], self.now)
        self.refresh()
        return self.nodes.nodes[node_id]

    def _placed(self, node_ids: list[str]) -> None:
        for node_id in node_ids:
            self.engine.placed(self.nodes.nodes[node_id], self.now)
        self.refresh()

    def refresh(self) -> None:
        """Every gateway's list is made anew, as the hub does after each change."""
        for gateway_id in self.nodes.gateways:
            self.engine.handouts.refresh(gateway_id)

    def create(self, image: Firmware | None = None, **wanted: Any) -> Job:
        """Make a job."""
        job = self.engine.create(image or firmware(), self.now, **wanted)
        self.refresh()
        return job

    def cancel(self, job: Job) -> None:
        """Cancel a job."""
        self.engine.cancel(job.id, self.now)
        self.refresh()

    def progress(
        self, job: Job, status: str, node_id: str = HALL, gateway_id: str = GATEWAY, **more: Any
    ) -> Verdict:
        """The gateway reports a row, of the current attempt unless `attempt` says otherwise."""
        row = job.nodes.get(node_id)
        entry = {
            "id": job.id,
            "token": job.token,
            "node_id": node_id,
            "attempt": row.attempt if row else 1,
            "status": status,
            "current_part": 0,
            "total_parts": 10,
        } | more
        said = read_progress(entry)
        assert said is not None
        verdict = self.engine.progress(gateway_id, said, self.now)
        self.refresh()
        return verdict

    def restart(self, job: Job, node_id: str = HALL, **status: Any) -> None:
        """The node was committed and comes back with its next boot, saying how this attempt went."""
        row = job.nodes[node_id]
        before = self.nodes.nodes[node_id].boot
        self.progress(job, "restarting", node_id, boot=before)
        self.come_back(job, row, boot=before + 1, **status)

    def come_back(self, job: Job, row: NodeRow, outcome: str = "confirmed", **status: Any) -> None:
        """The node says an outcome of the row's attempt."""
        proof = NEW_PROOF if outcome in ("confirmed", "trial") else OLD_PROOF
        last = {"tag": job.tag(row), "proof": NEW_PROOF, "outcome": outcome, "reason": "because"}
        self.say(row.node_id, row.gateway_id, **{"proof": proof, "last": last} | status)

    def listed(self, gateway_id: str = GATEWAY) -> dict[int, list[str]]:
        """The gateway's list: node ids by job id."""
        jobs = self.engine.pending(gateway_id).jobs
        return {job["id"]: [target["node_id"] for target in job["targets"]] for job in jobs}

    def wait(self, step: float = 5, gateways: tuple[str, ...] = (GATEWAY,), **time: float) -> None:
        """Let time pass in ticks of `step` seconds, while these gateways call and their nodes stay."""
        end = self.now + timedelta(**time)
        while self.now < end:
            self.now += timedelta(seconds=step)
            for gateway_id in gateways:
                self.call(gateway_id)
            _, moved = self.nodes.silence(self.now)
            self._placed(moved)
            self.engine.tick(self.now)
            self.refresh()
