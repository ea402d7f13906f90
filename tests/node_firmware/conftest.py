"""Houses for the tests of a node."""

import importlib.util
import sys
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("house", Path(__file__).with_name("house.py"))
house_module = importlib.util.module_from_spec(SPEC)
sys.modules["house"] = house_module
SPEC.loader.exec_module(house_module)


@pytest.fixture
async def house(tmp_path):
    """A gateway that is on, and a node that runs 1.0.0 and has just been switched on."""
    found = house_module.House(tmp_path)
    found.boot("power_on")
    yield found
    for task in found.tasks:
        task.cancel()
