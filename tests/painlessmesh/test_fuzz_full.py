"""Mutated frames in full count: a million on CPython, a hundred thousand on MicroPython."""

import subprocess
from pathlib import Path

import pytest

from tests.painlessmesh import fuzz

ROOT = Path(__file__).parents[2]
PIECES = 20


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("piece", range(PIECES))
def test_a_million_mutated_frames_raise_nothing(piece: int, full_counts: bool) -> None:
    fuzz.run(1_000_000 // PIECES if full_counts else 500, 1000 + piece)


@pytest.mark.timeout(1800)
def test_a_hundred_thousand_on_micropython_within_a_boards_heap(full_counts: bool) -> None:
    count = 100_000 if full_counts else 1000
    program = f"import sys; sys.path.insert(0, '.'); from tests.painlessmesh import fuzz; fuzz.run({count}, 2000)"
    micropython = ROOT / ".tools/bin/micropython"
    outcome = subprocess.run(
        [micropython, "-X", "heapsize=512k", "-c", program],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout[-2000:] + outcome.stderr[-2000:]
