"""The runner for tests on MicroPython: a failure is a failure, and nothing is not a success."""

import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
MICROPYTHON = REPOSITORY / ".tools/bin/micropython"
RUNNER = REPOSITORY / "tests/run_on_micropython.py"

CASES = {
    "passes": ("def test_a(): assert True\nasync def test_b(): pass", 0, "2 passed, 0 failed"),
    "an assertion fails": ("def test_a(): assert 1 == 2", 1, "0 passed, 1 failed"),
    "a coroutine fails": ("async def test_a(): raise ValueError", 1, "0 passed, 1 failed"),
    "one of two fails": ("def test_a(): pass\ndef test_b(): 1 / 0", 1, "1 passed, 1 failed"),
    "a test leaves": ("import sys\ndef test_a(): sys.exit(0)", 1, "0 passed, 1 failed"),
    "a test wants a fixture": ("def test_a(tmp_path): pass", 1, "0 passed, 1 failed"),
    "there are no tests": ("def helper(): pass", 1, "0 passed, 1 failed"),
    "it cannot be imported": (
        "import nothing_of_this_name\ndef test_a(): pass",
        1,
        "0 passed, 1 failed",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_runner_tells_what_happened(case: str, tmp_path: Path) -> None:
    """Exit code and last line agree, on the interpreter it was written for."""
    source, code, last_line = CASES[case]
    (tmp_path / "test_case.py").write_text(source + "\n")
    run = subprocess.run(
        [MICROPYTHON, RUNNER, "test_case.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout.splitlines()[-1]) == (code, last_line), run.stdout


def test_a_run_without_files_is_a_failure(tmp_path: Path) -> None:
    """A search that finds no files must not look like a success."""
    run = subprocess.run(
        [MICROPYTHON, RUNNER], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout) == (1, "0 passed, 0 failed\n")
