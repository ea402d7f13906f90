"""Houses for the tests of a node."""

import importlib.util
import sys
from pathlib import Path

import pytest


def load(name):
    """A module of this folder under its plain name, whatever other folders have of that name."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(name + ".py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


house_module = load("house")
load("signers")


@pytest.fixture
async def house(tmp_path):
    """A gateway that is on, and a node that runs 1.0.0 and has just been switched on."""
    found = house_module.House(tmp_path)
    found.boot("power_on")
    yield found
    for task in found.tasks:
        task.cancel()
