"""scripts/test is the gate: here it is seen to close, in a small repository of its own."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

# It starts the whole gate, and that starts Home Assistant's harness.
pytestmark = pytest.mark.timeout(300)

REPOSITORY = Path(__file__).parents[2]
PARTS = ["scripts/test", "pyproject.toml", "tests/conftest.py", "tests/run_on_micropython.py"]
BOTH = '"""Runs on both Pythons."""\n\n'
DIFFERS = "import sys\n\n\ndef test_a():\n    assert sys.implementation.name == 'cpython'\n"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A repository with the gate, the tools, one device file and no tests."""
    for part in PARTS:
        (tmp_path / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / part, tmp_path / part)
    (tmp_path / "scripts/setup").write_text("#!/bin/sh\n")
    (tmp_path / "scripts/setup").chmod(0o755)
    (tmp_path / ".tools").symlink_to(REPOSITORY / ".tools")
    write(tmp_path, "device/slots.py", "SLOTS = 2\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    return tmp_path


def write(folder: Path, path: str, source: str) -> None:
    """Write a file and the folders above it."""
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(source)


def gate(folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit code of scripts/test, and what it says ran."""
    run = subprocess.run(
        ["scripts/test", *arguments],
        cwd=folder,
        env=os.environ | {"WORKERS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.returncode, run.stdout.split("--- What ran\n")[-1]


def test_it_opens_when_everything_passes_and_says_what_ran(small: Path) -> None:
    """Each part's own closing line is repeated at the end."""
    write(small, "tests/device/test_slots.py", BOTH + "def test_a():\n    assert True\n")
    code, said = gate(small)
    assert code == 0
    assert [line.split()[2] for line in said.splitlines() if line.startswith("On ")] == ["1", "1"]
    assert "1 files compiled" in said


def test_it_stays_shut_when_nothing_ran(small: Path) -> None:
    """No tests are no success."""
    write(small, "tests/device/test_slots.py", '"""To be written."""\n')
    code, said = gate(small)
    assert code != 0
    assert "no tests ran" in said


def test_it_stays_shut_when_only_micropython_fails(small: Path) -> None:
    """Both Pythons count."""
    write(small, "tests/device/test_slots.py", BOTH + DIFFERS)
    code, said = gate(small)
    assert code != 0
    assert "1 passed in" in said
    assert "0 passed, 1 failed" in said


def test_it_stays_shut_when_a_device_file_does_not_compile(small: Path) -> None:
    """CPython may well read what MicroPython cannot."""
    write(small, "tests/device/test_slots.py", BOTH + "def test_a():\n    assert True\n")
    write(small, "device/newer.py", "match 1:\n    case 1:\n        pass\n")
    assert gate(small)[0] != 0


def test_it_stays_shut_when_an_end_to_end_test_fails(small: Path) -> None:
    """A part that is there is never left out."""
    write(small, "tests/device/test_slots.py", BOTH + "def test_a():\n    assert True\n")
    write(small, "tests/end_to_end/test_update.py", "def test_a():\n    assert False\n")
    code, said = gate(small)
    assert code != 0
    assert "1 failed" in said.splitlines()[-1]


def test_a_choice_that_matches_nothing_is_no_success(small: Path) -> None:
    """A misspelt -k must not look as if the claim held."""
    write(small, "tests/device/test_slots.py", BOTH + "def test_a():\n    assert True\n")
    assert gate(small, "--", "-k", "no_such_claim")[0] != 0
    assert gate(small, "--", "-k", "test_a")[0] == 0


PAIRING = "def pair(key):\n    if key:\n        return 1\n    return 0\n"
LONG = "".join(f"A{number} = {number}\n" for number in range(200))


@pytest.mark.parametrize(
    ("imports", "keys"),
    [("config_flow", (1, 0)), ("config_flow, long", (1,))],
    ids=["too little of it", "nearly all of it, but not of the pairing"],
)
def test_it_stays_shut_when_the_integration_is_not_covered(
    small: Path, imports: str, keys: tuple[int, ...]
) -> None:
    """All of its tests pass; branches count."""
    part = "custom_components/mesh_ota"
    for name, source in (("__init__", ""), ("config_flow", PAIRING), ("long", LONG)):
        write(small, f"{part}/{name}.py", source)
    calls = "".join(f"    assert config_flow.pair({key}) == {key}\n" for key in keys)
    head = f"from custom_components.mesh_ota import {imports}\n\n\ndef test_a():\n"
    write(small, "tests/mesh_ota/test_a.py", head + calls)
    write(small, "tests/device/test_slots.py", BOTH + "def test_b():\n    assert True\n")
    code, said = gate(small)
    assert code != 0
    parts = dict(line.split("  ", 1) for line in said.splitlines())
    assert "1 passed" in parts["Home Assistant"]
    assert ("Coverage failure" in parts["Pairing covered"]) == (keys == (1,))
    assert not list(small.glob(".coverage*"))


def test_it_stays_shut_when_a_line_of_the_protocol_is_not_covered(small: Path) -> None:
    """All of its tests pass, and there is not one too few for MicroPython."""
    write(small, "painlessmesh/__init__.py", "")
    write(small, "painlessmesh/pairs.py", PAIRING)
    write(small, "tests/device/test_slots.py", "def test_b():\n    assert True\n")
    head = BOTH + "from painlessmesh import pairs\n\n\ndef test_a():\n"
    write(small, "tests/painlessmesh/test_pairs.py", head + "    assert pairs.pair(1) == 1\n")
    code, said = gate(small)
    assert code != 0
    parts = dict(line.split("  ", 1) for line in said.splitlines())
    assert "1 passed" in parts["Protocol"]
    assert "1 passed" in parts["On MicroPython"]
    assert "Coverage failure" in parts["Protocol covered"]
    write(
        small,
        "tests/painlessmesh/test_pairs.py",
        head + "    assert pairs.pair(0) == 0\n    assert pairs.pair(1)\n",
    )
    assert gate(small)[0] == 0
