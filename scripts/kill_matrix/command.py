"""`scripts/kill-matrix`: plays the runs in a few houses side by side, prints a row for each, fails if one does."""

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

from scripts.kill_matrix import runs
from scripts.kill_matrix.house import House, Outcome
from scripts.kill_matrix.runs import Run

HOUSES, SETTLE = 3, 20
HEAD = f"{'node':<6}{'killed':<16}{'at':<16}{'ended':<12}{'seconds':>8}{'bytes again':>13}{'of':>10}{'share':>9}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/kill-matrix",
        description="SIGKILL to Home Assistant, gateway or node at ten points of a job, for our nodes and for a C++ node.",
    )
    parser.add_argument("--json", type=Path, help="write the rows to this file as well")
    parser.add_argument(
        "--share", nargs=2, metavar=("HASH", "N"), help="N runs, chosen by that hash"
    )
    parser.add_argument("--only", help="runs in whose name (`own gateway half`) this occurs")
    parser.add_argument("--houses", type=int, default=HOUSES, help=f"side by side; {HOUSES}")
    parser.add_argument(
        "--settle",
        type=int,
        default=SETTLE,
        help=f"seconds that a C++ node has to stay, {SETTLE}; shipped are 600",
    )
    parser.add_argument("--keep", type=Path, help="keep everything in this new folder")
    return parser.parse_args()


def _chosen(options: argparse.Namespace) -> list[Run]:
    if options.share:
        return runs.share(options.share[0], int(options.share[1]))
    every = runs.small() + runs.large()
    wanted = options.only or ""
    return [run for run in every if wanted in f"{run.kind} {run.victim} {run.point} {run.padding}"]


def _line(outcome: Outcome) -> str:
    run, again = outcome.run, outcome.parts_again
    share = f"{100 * again / outcome.parts:.2f} %" if outcome.parts else ""
    line = (
        f"{run.kind:<6}{run.victim:<16}{run.point:<16}{outcome.status:<12}{outcome.seconds:8.1f}"
        f"{again * 1024:13}{outcome.parts * 1024:10}{share:>9}"
    )
    return line if outcome.good else f"{line}  FAILED: {outcome.complaint}"


def _record(outcome: Outcome) -> dict[str, object]:
    run = outcome.run
    return {
        "node": run.kind,
        "killed": run.victim,
        "point": run.point,
        "status": outcome.status,
        "seconds": round(outcome.seconds, 1),
        "bytes": outcome.parts * 1024,
        "bytes_again": outcome.parts_again * 1024,
        "good": outcome.good,
        "complaint": outcome.complaint,
    }


async def _live_in(folder: Path, waiting: list[Run], outcomes: list[Outcome], settle: int) -> None:
    """Play what waits in one house; after a run that failed, in a fresh one."""
    number = 0
    while waiting:
        number += 1
        house = House(folder.with_name(f"{folder.name}-{number}"), settle)
        run = waiting.pop(0)
        try:
            await house.open()
            while await _play(house, run, outcomes) and waiting:
                run = waiting.pop(0)
        except (TimeoutError, RuntimeError, aiohttp.ClientError, OSError) as error:
            outcomes.append(Outcome(run, "not made", 0, complaint=f"The house: {error}"))
            print(_line(outcomes[-1]), flush=True)
        finally:
            await house.close()


async def _play(house: House, run: Run, outcomes: list[Outcome]) -> bool:
    outcome = await house.play(run)
    outcomes.append(outcome)
    print(_line(outcome), flush=True)
    return outcome.good


async def _run(options: argparse.Namespace) -> int:
    began = time.monotonic()
    chosen = _chosen(options)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="kill-matrix-"))
    outcomes: list[Outcome] = []
    waiting = list(chosen)
    print(
        f"{len(chosen)} runs in {options.houses} houses; a C++ node settles in {options.settle} s, shipped are 600."
    )
    print(HEAD, flush=True)
    try:
        houses = [
            _live_in(folder / f"house-{number}", waiting, outcomes, options.settle)
            for number in range(min(options.houses, len(chosen)))
        ]
        await asyncio.gather(*houses)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    good = [outcome for outcome in outcomes if outcome.good]
    print(
        f"{len(good)} of {len(chosen)} runs completed without a hand, in {time.monotonic() - began:.0f} s."
    )
    if options.json:
        rows = [_record(outcome) for outcome in outcomes]
        options.json.write_text(json.dumps({"runs": rows}, indent=1) + "\n")
    return 0 if chosen and len(good) == len(chosen) else 1


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(asyncio.run(_run(_options())))
