"""What every test may use. Nothing of Home Assistant: its fixtures live in tests/mesh_ota."""

import gc
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
RECORDED = TESTS / "recorded"
HARNESS = "pytest_homeassistant_custom_component.plugins"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--full` is what `scripts/test --all` passes on."""
    parser.addoption(
        "--full",
        action="store_true",
        help="full counts: every case of the fuzz tests, sweeps and matrices",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Load Home Assistant's harness for tests/mesh_ota, and only for a run of nothing else."""
    wanted = [Path(str(arg).split("::")[0]).resolve() for arg in config.args]
    apart = TESTS / "mesh_ota"
    if wanted and all(path.is_relative_to(apart) for path in wanted):
        config.pluginmanager.import_plugin(HARNESS)
    elif apart.exists() and any(
        apart.is_relative_to(path) or path.is_relative_to(apart) for path in wanted
    ):
        raise pytest.UsageError(
            "tests/mesh_ota need a run of their own, since Home Assistant's harness blocks sockets "
            "for every test beside them: pytest tests/mesh_ota. scripts/test runs everything."
        )


def pytest_collection_finish(session: pytest.Session) -> None:
    """Neither Home Assistant's harness, after each test, nor a node, before it takes memory, has to walk through what was
    loaded before the first test. CPython frees most by counting: a node's own calls are for MicroPython alone.
    """
    gc.collect()
    gc.freeze()
    if not session.config.pluginmanager.has_plugin(HARNESS):
        gc.collect = _nothing_to_do


def _nothing_to_do(_generation: int = 2) -> int:
    return 0


@pytest.fixture(scope="session")
def full_counts(pytestconfig: pytest.Config) -> bool:
    """Whether this run is to use full counts instead of a sample."""
    return bool(pytestconfig.getoption("--full"))


@pytest.fixture(scope="session")
def recorded() -> Path:
    """The folder of recorded frames and HTTP exchanges."""
    return RECORDED
