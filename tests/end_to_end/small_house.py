"""A house of a gateway and a few nodes, for files that turn the whole of it upside down; nobody else's house hears of it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from simulator.floor_plan import HOUSE, Place
from simulator.free_port import free_port
from simulator.stage import Stage
from tests.end_to_end.house import House


def near(*names: str) -> tuple[Place, ...]:
    """Some places of the house, all in reach of the gateway."""
    return tuple(replace(place, hears={"gateway": -50}) for place in HOUSE if place.name in names)


@asynccontextmanager
async def small_house(folder: Path, plan: Sequence[Place]) -> AsyncIterator[House]:
    stage = Stage(folder, free_port(), plan)
    try:
        await stage.open()
        yield House(stage)
    finally:
        await stage.close(keep=True)
