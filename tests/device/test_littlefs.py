"""The slots on the filesystem that a board has, with the power cut inside its block device."""

import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
MICROPYTHON = REPOSITORY / ".tools/bin/micropython"
STORY = "tests/device/littlefs_power_cuts.py"


def test_no_cut_inside_littlefs_leaves_half_a_slot(full_counts: bool) -> None:
    """A sample of the erases and writes of a good update and of one that goes back; or each."""
    run = subprocess.run(
        [MICROPYTHON, "-X", "heapsize=32m", STORY, "1" if full_counts else "7"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    # The collector says "OSError: 84" of each file that a cut left open.
    said = [line for line in run.stdout.splitlines() if not line.startswith("OSError: ")]
    print(*said)
    assert run.returncode == 0, run.stderr
    good, bad = (int(word) for word in said[-1].split() if word.isdigit())
    assert min(good, bad) > (300 if full_counts else 50)
