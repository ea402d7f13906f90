"""`scripts/bench ha`: that its load is what it says, that its probe sees a late loop, and that it ends what it starts."""

import asyncio
import time
from pathlib import Path

import aiohttp
import pytest

from scripts.benchmark import load as load_module
from scripts.benchmark.home_assistant_command import Measured, bare, compared, figures, measured
from scripts.benchmark.load import Load, percentile
from scripts.benchmark.loop_probe import LoopProbe


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polls of a fifth of a second."""
    monkeypatch.setattr(load_module, "WAIT", 0.2)


async def test_the_probe_sees_how_late_the_loop_is():
    probe = LoopProbe()
    running = asyncio.create_task(probe.run())
    await asyncio.sleep(0.05)
    probe.take()
    time.sleep(0.1)  # noqa: ASYNC251  that is the point
    await asyncio.sleep(0.05)
    running.cancel()
    assert max(probe.take()) > 60
    assert probe.take() == []


async def test_the_load_is_bounded_in_time_and_measures_what_comes_on_top_of_the_wait():
    async def poll() -> None:
        await asyncio.sleep(0.25)

    async def take() -> None:
        await asyncio.sleep(0.02)

    load, began = Load(), time.monotonic()
    await load.run([poll] * 4, [take] * 2, 1.0)
    assert time.monotonic() - began < 2
    assert 8 <= len(load.polls) <= 20
    assert 45 <= min(load.polls) < 150
    assert 20 <= min(load.ranges) < 200
    # Paced: four blocks a second of each, not fifty.
    assert len(load.ranges) <= 10


async def test_a_request_that_fails_ends_the_run():
    """Figures of a server that says no would look good."""

    async def refused() -> None:
        raise RuntimeError("401")

    with pytest.raises(ExceptionGroup):
        await Load().run([refused], [refused], 5)


async def test_the_yardstick_serves_ranges_and_polls_and_is_gone_afterwards(tmp_path: Path):
    image = tmp_path / "image"
    image.write_bytes(bytes(range(256)) * 64)
    async with bare(image) as url, aiohttp.ClientSession(base_url=url) as http:

        async def take() -> None:
            async with http.get("/file", headers={"Range": "bytes=4096-8191"}) as answer:
                assert (answer.status, len(await answer.read())) == (206, 4096)

        async def poll() -> None:
            async with http.get("/poll", params={"wait": "0.2"}) as answer:
                assert answer.status == 200

        found = figures(await measured(http, [poll] * 5, [take] * 5, 1.0))
    assert found["ranges"] >= 5
    assert found["polls"] >= 5
    assert 0 <= found["loop_lag_p99_ms"] <= found["loop_lag_max_ms"]
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientConnectionError):
            await http.get(url + "/poll", params={"wait": "0"})


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 51), (0.99, 100), (1.0, 100)])
def test_a_percentile_is_one_of_the_samples(share: float, value: int):
    assert percentile([float(each) for each in range(1, 101)], share) == value


def taken(lag: float) -> Measured:
    """A turn in which the loop was always this late (ms)."""
    return Measured([lag] * 100, Load([1.0], [2.0]))


def test_turns_are_held_against_the_one_beside_them_and_one_disturbed_turn_decides_nothing():
    pairs = [(taken(6), taken(4)), (taken(40), taken(25)), (taken(90), taken(3))]
    found = compared(pairs)
    assert found["lag_vs_bare_turns"] == [1.5, 1.6, 30.0]
    assert found["lag_vs_bare"] == 1.6
    assert found["loop_lag_p99_ms"] == 90
    assert found["bare"]["loop_lag_p99_ms"] == 25
    assert (found["polls"], found["ranges"]) == (3, 3)


def test_a_loop_that_is_late_in_most_turns_is_not_excused():
    assert compared([(taken(9), taken(3))] * 3 + [(taken(3), taken(3))] * 2)["lag_vs_bare"] == 3.0
