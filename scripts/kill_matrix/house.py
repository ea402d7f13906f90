"""One house of the matrix: Home Assistant, a gateway, one of our nodes and a C++ node, and what is done in it."""

import asyncio
import contextlib
import re
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from scripts.kill_matrix.ear import Ear
from scripts.kill_matrix.runs import OWN, STOCK, Run
from simulator import esp_image, firmware
from simulator.floor_plan import Place
from simulator.home_assistant import REPOSITORY
from simulator.home_assistant_client import Refused
from simulator.stage import Stage

NODE, STOCK_NODE = "lamp", "old-lamp"
NODE_TYPE = STOCK_TYPE = "led"
PLAN = (Place(NODE, NODE_TYPE, {"gateway": -50}, pins={"led": 2, "peers": 4, "motion": 15}),)
# As slow as keeps the points apart, and the gateway's reports, one a second, between them; the large image is not slowed.
RATES = {OWN: 60_000, STOCK: 15_000}
POINT_SECONDS = 90
OFF_SECONDS = 0.5
_LOOK_SECONDS = 0.005
_STEADY_SECONDS = 1
_ENDED = ("completed", "failed", "cancelled")


@dataclass
class Outcome:
    run: Run
    status: str
    seconds: float
    parts: int = 0
    parts_again: int = 0
    complaint: str = ""

    @property
    def good(self) -> bool:
        return not self.complaint


class House:
    """`settle` is how many seconds a C++ node has to stay, where ten minutes are shipped; a third of it lies between
    the two offers that it has to leave unanswered, where 35 s are shipped, and a quarter between two of its own requests,
    where C++ has 30 s.
    """

    def __init__(self, folder: Path, settle: int) -> None:
        self.stage = Stage(folder, plan=PLAN)
        self.settle = settle
        self.ear = Ear()
        self._turns: dict[tuple[str, int], int] = {}
        self._uploaded: dict[tuple[str, int, int], dict[str, Any]] = {}
        _shorten(self.stage.home_assistant.folder / "custom_components" / "mesh_ota", settle)
        gap = f"\nANNOUNCE_STOCK = {settle * 1_000_000 // 3}\n"
        self.stage.mesh.gateway_bundle = firmware.of_gateway(
            "1.0.0", appended={"gateway/distributor.py": gap}
        )

    async def open(self) -> None:
        await self.stage.open()
        self.stock = self.stage.mesh.add_stock(STOCK_NODE, STOCK_TYPE)
        self.stock.ask_again = self.settle / 4
        await self.stock.start()
        mesh = self.stage.mesh
        for wire in mesh.air.wires.values():
            wire.ear = self.ear.hear
        await _until(self._knows_stock, 60)

    async def close(self) -> None:
        await self.stage.close(keep=True)

    async def play(self, run: Run) -> Outcome:
        began = time.monotonic()
        uploaded = await self.upload_next(run)
        node_id = self._node_id(run)
        parts = -(-uploaded["size_bytes"] // 1024)
        self.ear.listen_for(node_id)
        for wire in self.stage.mesh.air.wires.values():
            wire.rate = RATES[run.kind] if parts < 1000 else None
        outcome = Outcome(run, "not made", 0, parts)
        try:
            job = await self._make_job(uploaded, node_id)
            await self._come_to(run, job)
            await self._kill(run)
            outcome.status = await self._ended(job, 150 + self.settle + parts // 20)
            if run.kind == STOCK and self.stock.md5 != uploaded["md5_hash"]:
                outcome.complaint = "The job has ended, and the node does not run the image."
        except (TimeoutError, RuntimeError, aiohttp.ClientError, OSError) as error:
            outcome.complaint = str(error) or type(error).__name__
        outcome.seconds = time.monotonic() - began
        outcome.parts, outcome.parts_again = self.ear.parts, self.ear.sent_again
        outcome.complaint = outcome.complaint or _complaint(run, outcome)
        return outcome

    def _node_id(self, run: Run) -> int:
        return self.stock.node_id if run.kind == STOCK else self.stage.mesh.nodes[NODE].node_id

    async def _make_job(self, uploaded: dict[str, Any], node_id: int) -> dict[str, Any]:
        body = {"firmware_id": uploaded["id"], "target_node_ids": [str(node_id)]}
        job: dict[str, Any] = await self.stage.client.mesh("POST", "ota/updates", body)
        return job

    async def _come_to(self, run: Run, job: dict[str, Any]) -> None:
        """Wait for the point; TimeoutError when it never comes."""
        if run.point == "created":
            return
        deadline = time.monotonic() + POINT_SECONDS
        while not await self._is_there(run, job):
            if time.monotonic() > deadline:
                raise TimeoutError(f"The job never came to the point {run.point!r}.")
            await asyncio.sleep(_LOOK_SECONDS)

    async def _is_there(self, run: Run, job: dict[str, Any]) -> bool:
        if run.point not in ("left", "back", "settling"):
            return self.ear.reached(run.point)
        restarted = "complete " in self.stock.said().rpartition("-- boot")[0][self._said :]
        if run.point == "left":
            return "complete " in self.stock.said()[self._said :] and not self.stock.running
        if run.point == "back" or not restarted:
            return restarted
        row = await self._row(job)
        if row["reason"] != "settling":
            return False
        await asyncio.sleep(self.settle / 2)
        return True

    _said = 0

    async def _kill(self, run: Run) -> None:
        if run.victim == "home assistant":
            await self.stage.home_assistant.kill()
            await self.stage.home_assistant.start()
        elif run.victim == "gateway":
            await self.stage.mesh.gateway.power_cut(OFF_SECONDS)
        elif run.kind == STOCK:
            await self.stock.power_cut(OFF_SECONDS)
        else:
            await self.stage.mesh.nodes[NODE].power_cut(OFF_SECONDS)

    async def _ended(self, job: dict[str, Any], seconds: float) -> str:
        deadline = time.monotonic() + seconds
        seen: dict[str, Any] = {}
        while time.monotonic() < deadline:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                seen = await self.stage.client.mesh("GET", f"ota/updates/{job['id']}")
                if seen["status"] in _ENDED:
                    break
            await asyncio.sleep(0.5)
        row = seen.get("nodes", [{}])[0]
        # A job whose node was skipped counts as completed too, and would have shown nothing.
        if (seen.get("status"), row.get("status")) != ("completed", "completed"):
            raise RuntimeError(
                f"The job is {seen.get('status')}, its row {row.get('status')}: {row.get('error_message')}"
            )
        return str(seen["status"])

    async def _row(self, job: dict[str, Any]) -> dict[str, Any]:
        seen = await self.stage.client.mesh("GET", f"ota/updates/{job['id']}")
        row: dict[str, Any] = seen["nodes"][0]
        return row

    async def _knows_stock(self) -> bool:
        told = (await self.stage.told())["nodes"]
        return any(row["node_id"] == str(self.stock.node_id) for row in told)

    async def upload_next(self, run: Run) -> dict[str, Any]:
        """Two images of each size take turns, so that each is another one than what runs."""
        self._said = len(self.stock.said())
        turn = self._turns.get((run.kind, run.padding), 0)
        self._turns[run.kind, run.padding] = 1 - turn
        key = (run.kind, run.padding, turn)
        if key not in self._uploaded:
            self._uploaded[key] = await self._upload(run, f"1.{len(self._uploaded) + 1}.0")
        return self._uploaded[key]

    async def _upload(self, run: Run, version: str) -> dict[str, Any]:
        padding = secrets.token_bytes(run.padding)
        if run.kind == OWN:
            content = await asyncio.to_thread(
                firmware.with_new_behaviour, NODE_TYPE, version, padding, steady_seconds=_STEADY_SECONDS
            )  # fmt: skip
            return await self.stage.upload(NODE_TYPE, version, content)
        path = self.stage.folder / f"{STOCK_TYPE}-{version}.bin"
        path.write_bytes(esp_image.build(padding, text=b"arduino-lib-builder"))
        return await self.stage.client.upload(
            path, node_type=STOCK_TYPE, version=version, is_stable="false"
        )


def _complaint(run: Run, outcome: Outcome) -> str:
    most = run.most_again(outcome.parts)
    if outcome.status != "completed":
        return f"It ended as {outcome.status}."
    if most is not None and outcome.parts_again > most:
        return f"{outcome.parts_again} parts were sent again; {most} may be."
    return ""


def _shorten(component: Path, settle: int) -> None:
    """The shipped integration in a copy, in which a C++ node has to stay for so many seconds only."""
    component.unlink()
    source = REPOSITORY / "custom_components" / "mesh_ota"
    shutil.copytree(source, component, ignore=shutil.ignore_patterns("__pycache__"))
    path = component / "const.py"
    text, changed = re.subn(
        r"(STOCK_SETTLED: Final = timedelta)\(minutes=10\)",
        rf"\1(seconds={settle})",
        path.read_text(),
    )
    if changed != 1:
        raise RuntimeError("const.py has no STOCK_SETTLED of ten minutes.")
    path.write_text(text)


async def _until(look: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(aiohttp.ClientError, Refused):
            if await look():
                return
        if time.monotonic() > deadline:
            raise TimeoutError("The house did not come to life.")
        await asyncio.sleep(0.3)
