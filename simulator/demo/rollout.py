"""`scripts/demo --once`: version 1.1.0 to every node through Home Assistant's own update.install, seen to its proof."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from simulator import firmware
from simulator.demo.progress_bars import ProgressBars, Row
from simulator.stage import Stage

OLD, NEW = "1.0.0", "1.1.0"
_ROLLOUT_SECONDS = 75
_LOOK_SECONDS = 0.5
_ENDED = ("completed", "skipped", "failed", "rolled_back", "cancelled")


@dataclass
class Outcome:
    name: str
    node_type: str
    before: str
    after: str
    proof: str
    planned: float
    """seconds from the start to its proof, as the flight plan says"""
    seconds: float
    complaint: str = ""


async def run_once(stage: Stage) -> int:
    """The exit code: 0 only if every node has proved the new version."""
    library = await stage.upload_new_versions(NEW)
    print(
        f"Uploaded {len(library)} firmwares of version {NEW}. Installing on {len(stage.mesh.plan)} nodes.",
        flush=True,
    )
    before = {name: entity.installed for name, entity in (await stage.entities()).items()}
    await _wait_until_offered(stage)
    planned = await _planned(stage, library)
    await _install_on_all(stage)
    outcomes = await _follow(stage, library, before, planned)
    _print_table(outcomes)
    complaints = [
        f"{outcome.name}: {outcome.complaint}" for outcome in outcomes if outcome.complaint
    ]
    for complaint in complaints:
        print(complaint)
    if not complaints:
        print(f"Every node has proved that it runs {NEW}.")
    return 1 if complaints else 0


async def _wait_until_offered(stage: Stage) -> None:
    """Until each node's entity shows the new version."""
    deadline = time.monotonic() + 10
    while True:
        entities = await stage.entities()
        behind = [name for name in stage.mesh.nodes if entities[name].latest != NEW]
        if not behind:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"{', '.join(behind)} do not show the update to {NEW} that was uploaded."
            )
        await asyncio.sleep(0.2)


async def _planned(stage: Stage, library: dict[str, Any]) -> dict[str, float]:
    """{node id: seconds until it has proved itself}, from the flight plan of each type."""
    planned = {}
    for firmware_row in library.values():
        wish = {"firmware_id": firmware_row["id"], "dry_run": True}
        plan = await stage.client.mesh("POST", "ota/updates", wish)
        for leg in plan["nodes"]:
            if leg["ends_at"]:
                wait = datetime.fromisoformat(leg["ends_at"]) - datetime.now(UTC)
                planned[leg["node_id"]] = wait.total_seconds()
    return planned


async def _install_on_all(stage: Stage) -> None:
    """Press Install on every node's entity."""
    entities = await stage.entities()
    chosen = [entities[name].entity_id for name in stage.mesh.nodes]
    await stage.client.act("update", "install", entity_id=chosen)


async def _follow(
    stage: Stage,
    library: dict[str, Any],
    before: dict[str, str | None],
    planned: dict[str, float],
) -> list[Outcome]:
    rows = [Row(place.name, place.node_type) for place in stage.mesh.plan]
    bars = ProgressBars(rows)
    began = time.monotonic()
    ended: dict[str, float] = {}
    node_rows: dict[str, Any] = {}
    while len(ended) < len(rows) and time.monotonic() - began < _ROLLOUT_SECONDS:
        entities = await stage.entities()
        node_rows = await _node_rows(stage)
        for row in rows:
            name = row.name
            status = node_rows.get(entities[name].node_id, {}).get("status", "pending")
            percentage = 100 if status == "completed" else entities[name].percentage
            bars.show(name, status, percentage)
            if status in _ENDED and not entities[name].in_progress:
                ended.setdefault(name, time.monotonic() - began)
        await asyncio.sleep(_LOOK_SECONDS)
    entities = await stage.entities()
    outcomes = [
        _judge(
            stage,
            row,
            entities[row.name],
            node_rows,
            library[row.node_type],
            before[row.name],
            ended.get(row.name),
        )
        for row in rows
    ]
    for outcome in outcomes:
        outcome.planned = planned.get(entities[outcome.name].node_id, 0.0)
    return outcomes


def _judge(
    stage: Stage,
    row: Row,
    entity: Any,
    node_rows: dict[str, Any],
    wanted: dict[str, Any],
    before: str | None,
    seconds: float | None,
) -> Outcome:
    """What became of one node, with what is wrong in a sentence."""
    node_row = node_rows.get(entity.node_id, {})
    proved = seconds is not None and node_row.get("status") == "completed"
    outcome = Outcome(
        row.name, row.node_type, str(before), str(entity.installed), "", 0.0, seconds or 0.0
    )
    outcome.proof = wanted["proof"] if proved else "none"
    if seconds is None:
        outcome.complaint = f"It did not end within {_ROLLOUT_SECONDS} s; it is {row.status}."
    elif not proved:
        outcome.complaint = f"It ended as {node_row.get('status')}: {node_row.get('error_message')}"
    elif entity.installed != NEW:
        outcome.complaint = f"Home Assistant shows {entity.installed}, not {NEW}."
    elif stage.mesh.nodes[row.name].pin(firmware.LIT_BY_NEW_VERSION) != 1:
        outcome.complaint = "It does not light the lamp that the new version lights."
    return outcome


async def _node_rows(stage: Stage) -> dict[str, Any]:
    """{node id: its row in the newest job that has one}."""
    found = {}
    jobs = await stage.client.mesh("GET", "ota/updates")
    for job in sorted(jobs, key=lambda job: job["id"]):
        for row in (await stage.client.mesh("GET", f"ota/updates/{job['id']}"))["nodes"]:
            found[row["node_id"]] = row
    return found


def _print_table(outcomes: list[Outcome]) -> None:
    head = (
        f"{'node':<10} {'type':<8} {'from':<7} {'to':<7} {'proof':<14} {'planned':>9} {'actual':>9}"
    )
    print(f"\n{head}")
    for outcome in outcomes:
        proof = outcome.proof[:12]
        print(
            f"{outcome.name:<10} {outcome.node_type:<8} {outcome.before:<7} {outcome.after:<7} {proof:<14} "
            f"{outcome.planned:7.1f} s {outcome.seconds:7.1f} s"
        )
    planned = max(outcome.planned for outcome in outcomes)
    actual = max(outcome.seconds for outcome in outcomes)
    print(f"{'all':<50} {planned:7.1f} s {actual:7.1f} s\n")
