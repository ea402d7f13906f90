"""What the tests of the gateway share: where its two other ends live, and a gateway in one process with them."""

import asyncio
import importlib.util
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def _load(name, path):
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])


_load("home_assistant_side", HERE / "home_assistant_side.py")
_load("node_side", HERE / "node_side.py")
_load("mesh_net", HERE.parent / "painlessmesh" / "mesh_net.py")
_load("gateway_in_house", HERE / "gateway_in_house.py")
_load("compiled_gateway", HERE / "compiled_gateway.py")
_load("virtual_gateway", HERE / "virtual_gateway.py")


@pytest.fixture
def gateway():
    """The gateway's mesh side on a virtual clock."""
    import virtual_gateway

    return virtual_gateway.VirtualGateway()


@pytest.fixture
async def house(tmp_path):
    """Home Assistant, a running gateway and a way to add nodes; on real sockets and the real clock."""
    import gateway_in_house

    found = gateway_in_house.House(tmp_path)
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def until():
    """Wait until something holds, a few seconds at most."""

    async def wait(condition, seconds=5):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            await asyncio.sleep(0.01)

    return wait


@pytest.fixture
async def houses(tmp_path):
    """Starts gateways on MicroPython, by what compiled_gateway.House.start takes."""
    import compiled_gateway

    started = []

    async def start(*words, **more):
        started.append(await compiled_gateway.House.start(tmp_path, *words, **more))
        return started[-1]

    yield start
    for house in started:
        await house.stop()
