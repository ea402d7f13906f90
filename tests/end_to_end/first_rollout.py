"""One "update all" of the whole house, watched closely: the record that several tests read."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from simulator.stage import Stage

NEW = "1.1.0"
# The shipped 15 s are waited for by test_demo.py and by images; here every house would wait them once a tier.
STEADY_SECONDS = 1
_SECONDS = 120
# Slow enough for the progress to be seen moving, fast enough for a test.
_BYTES_PER_SECOND = 50_000


@dataclass
class Sample:
    """One look at one node's entity."""

    status: str
    in_progress: bool
    percentage: int | None
    installed: str | None
    latest: str | None


@dataclass
class FirstRollout:
    library: dict[str, dict[str, Any]]
    gateway_starts: int = 0
    """how often the gateway had been started when all was over"""
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    installed: dict[str, str | None] = field(default_factory=dict)
    """{name: what the entity shows at the end}"""
    proofs: dict[str, str] = field(default_factory=dict)
    """{name: the proof that the node gave at the end}"""
    connections: int = 0
    """how many the gateway has made to Home Assistant from the first press of Install to the last proof"""
    seconds: float = 0.0
    traffic: bytes = b""
    """all that has passed a wire meanwhile"""

    def row_of(self, node_id: str) -> dict[str, Any]:
        found: dict[str, Any] = next(
            row for job in self.jobs for row in job["nodes"] if row["node_id"] == node_id
        )
        return found


async def roll_out(stage: Stage) -> FirstRollout:
    library = await stage.upload_new_versions(NEW, steady_seconds=STEADY_SECONDS)
    rollout = FirstRollout(library, samples={name: [] for name in stage.mesh.nodes})
    await _wait_until_offered(stage)
    entities = await stage.entities()
    chosen = [entities[name].entity_id for name in stage.mesh.nodes]
    began, connections = time.monotonic(), stage.mesh.uplink.connections
    recording = stage.folder / "traffic.bin"
    before = recording.stat().st_size
    for wire in stage.mesh.air.wires.values():
        wire.rate = _BYTES_PER_SECOND
    await stage.client.act("update", "install", entity_id=chosen)
    while time.monotonic() - began < _SECONDS:
        await _look(stage, rollout)
        if all(job["status"] in ("completed", "failed", "cancelled") for job in rollout.jobs):
            break
        await asyncio.sleep(0.2)
    rollout.seconds = time.monotonic() - began
    rollout.traffic = recording.read_bytes()[before:]
    rollout.connections = stage.mesh.uplink.connections - connections
    await _look(stage, rollout)
    for wire in stage.mesh.air.wires.values():
        wire.rate = None
    rollout.installed = {name: samples[-1].installed for name, samples in rollout.samples.items()}
    rollout.gateway_starts = stage.mesh.gateway.starts
    nodes = (await stage.told())["nodes"]
    rollout.proofs = {node["name"]: node["proof"] for node in nodes if node["name"]}
    return rollout


async def _wait_until_offered(stage: Stage) -> None:
    async with asyncio.timeout(20):
        while True:
            entities = await stage.entities()
            if all(entities[name].latest == NEW for name in stage.mesh.nodes):
                return
            await asyncio.sleep(0.2)


async def _look(stage: Stage, rollout: FirstRollout) -> None:
    ids = [job["id"] for job in await stage.client.mesh("GET", "ota/updates")]
    rollout.jobs = [await stage.client.mesh("GET", f"ota/updates/{job_id}") for job_id in ids]
    entities = await stage.entities()
    for name, samples in rollout.samples.items():
        entity = entities[name]
        row = rollout.row_of(entity.node_id)
        samples.append(
            Sample(
                row["status"],
                entity.in_progress,
                entity.percentage,
                entity.installed,
                entity.latest,
            )
        )
