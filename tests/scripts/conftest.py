"""Fixtures of the tests that put boards into service."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripts.desk import Desk, compiled_hardware


@pytest.fixture(scope="session")
def hardware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled_hardware(tmp_path_factory.mktemp("hardware"))


@pytest.fixture
def desk(tmp_path: Path, hardware: Path) -> Iterator[Desk]:
    found = Desk(tmp_path, hardware)
    yield found
    found.clear()


@pytest.fixture(scope="session")
def home_assistant_side() -> type:
    """Home Assistant as docs/gateway-api.md describes it, as the gateway's own tests have it."""
    name = "home_assistant_side"
    if name not in sys.modules:
        path = Path(__file__).parents[1] / "gateway_firmware" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec
        assert spec.loader
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name].HomeAssistantSide
