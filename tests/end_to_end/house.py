"""What the tests do in the house and see of it, in their own words; every call goes over the real interfaces."""

import asyncio
import itertools
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from simulator import firmware
from simulator.stage import Entity, Stage
from tests.end_to_end.first_rollout import STEADY_SECONDS

_MINOR = itertools.count(2)
_OFFER_OR_PART = re.compile(rb'"type":1[02],')
_ENDED_JOB = ("completed", "failed", "cancelled")
# A transfer, a restart, a trial and the way back into the mesh, on a busy computer.
ROLLOUT_SECONDS = 90


def fresh_version() -> str:
    """A version that no other test has uploaded."""
    return f"1.{next(_MINOR)}.0"


class House:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.mesh = stage.mesh
        self.client = stage.client
        self._made: list[int] = []

    def node_id(self, name: str) -> str:
        return str(next(board for board in self.mesh.boards if board.name == name).node_id)

    def node_type(self, name: str) -> str:
        return next(place.node_type for place in self.mesh.plan if place.name == name)

    async def new_firmware(self, name: str, content: bytes | None = None) -> dict[str, Any]:
        """A fresh firmware for this node's type in the library; its row."""
        version, node_type = fresh_version(), self.node_type(name)
        if content is None:
            content = await asyncio.to_thread(
                firmware.with_new_behaviour, node_type, version, steady_seconds=STEADY_SECONDS
            )
        return await self.stage.upload(node_type, version, content)

    async def failing_firmware(self, name: str, sentence: str) -> dict[str, Any]:
        version, node_type = fresh_version(), self.node_type(name)
        return await self.stage.upload(
            node_type, version, firmware.that_raises(node_type, version, sentence)
        )

    async def make_job(
        self, uploaded: dict[str, Any], *names: str, force: bool = False
    ) -> dict[str, Any]:
        """A job for these nodes, or for all of the firmware's type."""
        body: dict[str, Any] = {"firmware_id": uploaded["id"], "force_update": force}
        if names:
            body["target_node_ids"] = [self.node_id(name) for name in names]
        job: dict[str, Any] = await self.client.mesh("POST", "ota/updates", body)
        self._made.append(job["id"])
        return job

    async def go_back(self, name: str) -> dict[str, Any]:
        """Ask for what lies in the other slot, by the action; the job that comes of it."""
        path = "/api/services/mesh_ota/go_back?return_response"
        answer = await self.client.call("POST", path, {"target_node_ids": [self.node_id(name)]})
        job: dict[str, Any] = answer["service_response"]["jobs"][0]
        self._made.append(job["id"])
        return job

    async def job(self, job: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = await self.client.mesh("GET", f"ota/updates/{job['id']}")
        return found

    async def row(self, job: dict[str, Any], name: str) -> dict[str, Any]:
        rows = (await self.job(job))["nodes"]
        found: dict[str, Any] = next(row for row in rows if row["node_id"] == self.node_id(name))
        return found

    async def cancel(self, job: dict[str, Any]) -> dict[str, Any]:
        cancelled: dict[str, Any] = await self.client.mesh("DELETE", f"ota/updates/{job['id']}")
        return cancelled

    async def ended(self, job: dict[str, Any], seconds: float = ROLLOUT_SECONDS) -> dict[str, Any]:
        return await self.until(
            lambda: self.job(job), lambda now: now["status"] in _ENDED_JOB, seconds
        )

    async def failed_with(self, job: dict[str, Any], name: str, sentence: str) -> None:
        """See that the job's row has failed with what the node says, in the API and at the entity."""
        row = next(row for row in job["nodes"] if row["node_id"] == self.node_id(name))
        assert row["status"] == "failed", row
        assert sentence in row["error_message"], row
        shown = await self.until(lambda: self.entity(name), lambda now: not now.in_progress, 10)
        assert shown.percentage is None
        notes = await self.client.command("update/release_notes", entity_id=shown.entity_id)
        assert sentence in notes

    async def in_mid_transfer(
        self, job: dict[str, Any], name: str, share: float = 0.2
    ) -> dict[str, Any]:
        """Wait until this share of the image is over, and see that it is not all of it."""

        def far_enough(row: dict[str, Any]) -> bool:
            return (
                row["status"] == "downloading" and row["current_part"] > share * row["total_parts"]
            )

        row = await self.until(lambda: self.row(job, name), far_enough, 45)
        assert row["current_part"] < row["total_parts"], (
            "the transfer was over too soon to be interrupted"
        )
        return row

    async def entity(self, name: str) -> Entity:
        return (await self.stage.entities())[name]

    async def node(self, name: str) -> dict[str, Any]:
        """What Home Assistant knows of this node, as its diagnostics tell it."""
        nodes = (await self.stage.told())["nodes"]
        found: dict[str, Any] = next(
            node for node in nodes if node["node_id"] == self.node_id(name)
        )
        return found

    async def until(
        self, look: Callable[[], Any], condition: Callable[[Any], bool], seconds: float
    ) -> Any:
        """Look again and again until it is so; AssertionError with what was seen last."""
        deadline = time.monotonic() + seconds
        while True:
            seen = await look()
            if condition(seen):
                return seen
            assert time.monotonic() < deadline, f"not so after {seconds} s: {seen}"
            await asyncio.sleep(0.2)

    @asynccontextmanager
    async def slow_air(self, bytes_per_second: float = 12_000) -> AsyncIterator[None]:
        """Links so slow that there is time to interrupt a transfer."""
        self._set_rate(bytes_per_second)
        try:
            yield
        finally:
            self._set_rate(None)

    @contextmanager
    def listening_to_gateway(self, recording: Path) -> Iterator[Callable[[], int]]:
        """How many announcements and parts have left the gateway for its neighbours since."""
        wire = self.mesh.air.wires[self.mesh.gateway.access_point_mac.hex()]
        before, wire.recording = wire.recording, recording
        try:
            yield lambda: len(_OFFER_OR_PART.findall(recording.read_bytes()))
        finally:
            wire.recording = before

    def _set_rate(self, bytes_per_second: float | None) -> None:
        for wire in self.mesh.air.wires.values():
            wire.rate = bytes_per_second

    async def leave_whole(self) -> None:
        """Nothing under way, everything on, every node heard of again."""
        self._set_rate(None)
        for board in self.mesh.boards:
            await board.start()
        for job_id in self._made:
            if (await self.client.mesh("GET", f"ota/updates/{job_id}"))["status"] not in _ENDED_JOB:
                await self.client.mesh("DELETE", f"ota/updates/{job_id}")
