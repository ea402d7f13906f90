"""`scripts/bench ha`: how late Home Assistant's event loop gets under many gateways, beside a bare aiohttp file server.

Both are processes of their own on this computer, run all the time, and get the same load by turns, now the one first and
now the other, so that what else the computer does meets both. Each turn of Home Assistant is held against the turn of the
bare server beside it; `lag_vs_bare` is the median of these ratios, so that one disturbed turn decides nothing.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import aiohttp

from scripts.benchmark.house_of_gateways import BLOCK, HouseOfGateways
from scripts.benchmark.load import WAIT, Ask, Load, percentile
from simulator.guardian import Guardian
from simulator.home_assistant import REPOSITORY
from tests.mesh_ota import images

GATEWAYS, TAKING, SECONDS, ROUNDS = 1000, 50, 20, 5
QUICK = 100, 5, 12, 1
BOUND = 2.0  # lag_vs_bare
SETTLE = 5.0  # s
# s for all of it: five minutes of turns, and what a thousand gateways take to be set up
AT_MOST = 1500


@dataclass(frozen=True)
class Measured:
    """How a server took a load, in milliseconds."""

    lags: list[float]
    load: Load

    @property
    def lag_p99(self) -> float:
        """What is compared."""
        return percentile(self.lags, 0.99)

    def __add__(self, other: Self) -> Self:
        """Both together."""
        load = Load(self.load.polls + other.load.polls, self.load.ranges + other.load.ranges)
        return replace(self, lags=self.lags + other.lags, load=load)


Turn = Callable[[], Awaitable[Measured]]
Pair = tuple[Measured, Measured]
"""A turn of Home Assistant, and the one of the bare server beside it."""


async def measure(count: int, taking: int, seconds: float, rounds: int) -> dict[str, Any]:
    """The figures of both; see `figures`."""
    timeout = aiohttp.ClientTimeout(total=3 * WAIT)
    with tempfile.TemporaryDirectory(prefix="mesh-ota-bench-") as name:
        folder = Path(name)
        image = folder / "bench.tar"
        image.write_bytes(_bundle())
        guardian = Guardian()
        house = HouseOfGateways(folder / "house", guardian, count, taking)
        try:
            async with (
                bare(image) as url,
                _http(url, timeout) as bare_http,
                _http(house.url, timeout) as http,
            ):
                await house.open(http, image, node_type="pir", version="9.0.0")
                await asyncio.sleep(SETTLE)
                size = image.stat().st_size

                async def beside() -> Measured:
                    return await measured(
                        bare_http, *_bare_asks(bare_http, count, taking, size), seconds
                    )

                async def ours() -> Measured:
                    await house.hear_from_nodes()
                    return await measured(http, house.pollers(), house.takers(), seconds)

                pairs = [await _pair(ours, beside, number % 2 == 1) for number in range(rounds)]
        finally:
            await house.home_assistant.stop()
            guardian.close()
    load = {"gateways": count, "downloading": taking, "seconds": seconds * rounds}
    return load | compared(pairs)


async def _pair(ours: Turn, beside: Turn, ours_first: bool) -> Pair:
    if ours_first:
        return await ours(), await beside()
    yardstick = await beside()
    return await ours(), yardstick


def compared(pairs: list[Pair]) -> dict[str, Any]:
    """Our figures over all turns, the ratios turn by turn and their median, and the yardstick's figures."""
    ours, beside = (figures(sum(turns[1:], turns[0])) for turns in zip(*pairs, strict=True))
    ratios = [each.lag_p99 / max(yardstick.lag_p99, 0.001) for each, yardstick in pairs]
    return ours | {
        "lag_vs_bare": round(statistics.median(ratios), 2),
        "lag_vs_bare_turns": [round(ratio, 2) for ratio in ratios],
        "bare": beside,
    }


def _bundle() -> bytes:
    noise = random.Random(1).randbytes(200_000)  # noqa: S311  it only has to be big
    files = {"node/app.py": b"", "node/noise.bin": noise}
    return images.bundle(node_type="pir", version="9.0.0", files=files)


async def measured(
    http: aiohttp.ClientSession, pollers: list[Ask], takers: list[Ask], seconds: float
) -> Measured:
    """Load a server and see how it takes it."""
    load = Load()
    await _samples(http)
    await load.run(pollers, takers, seconds)
    return Measured(await _samples(http), load)


def figures(found: Measured) -> dict[str, Any]:
    """What is printed of it."""
    return {
        "loop_lag_p99_ms": round(found.lag_p99, 2),
        "loop_lag_max_ms": round(max(found.lags), 2),
        "range_p99_ms": round(percentile(found.load.ranges, 0.99), 2),
        "poll_p99_ms": round(percentile(found.load.polls, 0.99), 2),
        "ranges": len(found.load.ranges),
        "polls": len(found.load.polls),
    }


async def _samples(http: aiohttp.ClientSession) -> list[float]:
    async with http.get("/api/loop_probe") as answer:
        return [float(each) for each in await answer.json()]


def _http(url: str, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=0)
    return aiohttp.ClientSession(base_url=url, connector=connector, timeout=timeout)


@asynccontextmanager
async def bare(image: Path) -> AsyncIterator[str]:
    """The bare server; its address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scripts.benchmark.bare_server", str(image),
        cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        port = int(await asyncio.wait_for(process.stdout.readline(), 30))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


def _bare_asks(
    http: aiohttp.ClientSession, count: int, taking: int, size: int
) -> tuple[list[Ask], list[Ask]]:
    async def poll() -> None:
        async with http.get("/poll", params={"wait": WAIT}) as answer:
            await answer.read()

    def taker() -> Ask:
        at = 0

        async def take() -> None:
            nonlocal at
            asked = {"Range": f"bytes={at}-{at + BLOCK - 1}"}
            async with http.get("/file", headers=asked) as answer:
                await answer.read()
            at = at + BLOCK if at + BLOCK < size else 0

        return take

    return [poll] * (count - taking), [taker() for _ in range(taking)]


def main(words: list[str] | None = None) -> int:
    """The exit code is 1 when the loop is later than twice the yardstick's."""
    parser = argparse.ArgumentParser(prog="bench ha", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--quick", action="store_true", help="100 gateways for 12 s: does it run?")
    options = parser.parse_args(words)
    size = QUICK if options.quick else (GATEWAYS, TAKING, SECONDS, ROUNDS)
    found = asyncio.run(asyncio.wait_for(measure(*size), AT_MOST))
    for name, value in found.items():
        print(f"{name:18} {value}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0 if found["lag_vs_bare"] <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
