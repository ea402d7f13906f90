"""Fixtures of the tests of what both firmwares need of a board."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def quick_collector() -> Iterator[None]:
    """A node collects its garbage often; what pytest and others have loaded need not be looked through each time."""
    gc.freeze()
    yield
    gc.unfreeze()
