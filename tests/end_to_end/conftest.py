"""One real house for all tests of this folder: Home Assistant, a gateway and seven nodes, started once.

Every test leaves it whole: whatever it stops it starts again, and it ends the jobs it makes.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from simulator.free_port import free_port
from simulator.stage import Stage
from tests.end_to_end.first_rollout import FirstRollout, roll_out
from tests.end_to_end.house import House


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The house lives in one event loop, so its tests must."""
    for item in items:
        if Path(__file__).parent in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("stage"), free_port())
    stage.mesh.record(stage.folder / "traffic.bin")
    try:
        await stage.open()
        yield stage
    finally:
        await stage.close(keep=True)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def first_rollout(stage: Stage) -> FirstRollout:
    """1.1.0 to every node by "update all", watched closely; several tests look at what was seen."""
    return await roll_out(stage)


@pytest_asyncio.fixture(loop_scope="session")
async def house(stage: Stage, first_rollout: FirstRollout) -> AsyncIterator[House]:
    house = House(stage)
    yield house
    await house.leave_whole()
