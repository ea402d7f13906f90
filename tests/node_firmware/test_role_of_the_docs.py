"""The role that docs/roles.md writes, as it stands there: it does its job, tests itself, and makes a bundle by being one file."""

import asyncio
import io
import tarfile
from pathlib import Path

import pytest

from scripts.firmware import bundle
from tests.node_firmware.test_roles import CONFIG, Alone as Mesh, Bench, SharedState

PAGE = Path(__file__).parents[2] / "docs/roles.md"
BELL = 13


@pytest.fixture(scope="module")
def source():
    return PAGE.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]


@pytest.fixture
def bell(source):
    """(the role, its board, the values that it shares)."""
    found = {}
    exec(compile(source, "roles/doorbell.py", "exec"), found)
    board, state = Bench(), SharedState(Mesh(), "n", lambda: (0, 0, ""))
    return found["Role"](board, CONFIG, state), board, state


def test_it_rings_while_somebody_is_at_the_door(bell):
    _role, board, state = bell
    for value, level in (("1", 1), ("0", 0), ("1", 1)):
        state.set("doorbell", value)
        assert board.pins[BELL].level == level


async def test_it_runs_without_an_end(bell):
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(bell[0].run(), 0.05)


def test_its_self_test_finds_an_output_that_does_not_follow(bell):
    role, board, _state = bell
    assert role.self_test() is None
    assert board.pins[BELL].level == 0
    board.pins[BELL].stuck = True
    assert role.self_test() == "The bell's output does not follow."


def test_that_one_file_makes_a_bundle_of_its_type(source):
    built = bundle.build("doorbell", "1.0.0", replaced={"roles/doorbell.py": source.encode()})
    with tarfile.open(fileobj=io.BytesIO(built)) as archive:
        roles = [name for name in archive.getnames() if name.startswith("roles/")]
    assert roles == ["roles/__init__.mpy", "roles/doorbell.mpy"]
