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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is long begins early, for several files run side by side, and the last one should not run alone."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """Neither Home Assistant's harness, after each test, nor a node, before it takes memory, has to walk through what was
    loaded before the first test: that takes longer than the tests.
    """
    _freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Nor a node through what earlier tests have left. What of that is garbage goes now: an installation that a test
    left half way lets go of its modules, which must not happen while the next one loads them.
    """
    if not item.config.pluginmanager.has_plugin(HARNESS):
        _freeze()


def _freeze() -> None:
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def full_counts(pytestconfig: pytest.Config) -> bool:
    """Whether this run is to use full counts instead of a sample."""
    return bool(pytestconfig.getoption("--full"))


@pytest.fixture(scope="session")
def recorded() -> Path:
    """The folder of recorded frames and HTTP exchanges."""
    return RECORDED
