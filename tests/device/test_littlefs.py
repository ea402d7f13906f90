"""The slots on the filesystem that a board has, with the power cut inside its block device."""

import subprocess
from pathlib import Path

import pytest

from tests.device import littlefs_board, rollouts

pytestmark = pytest.mark.long

REPOSITORY = Path(__file__).parents[2]
MICROPYTHON = REPOSITORY / ".tools/bin/micropython"
STORY = "tests/device/littlefs_power_cuts.py"


@pytest.mark.timeout(660)
def test_no_cut_inside_littlefs_leaves_half_a_slot(full_counts: bool) -> None:
    """A sample of the erases and writes of a good update and of one that goes back; or each."""
    run = subprocess.run(
        [MICROPYTHON, "-X", "heapsize=32m", STORY, "1" if full_counts else "7"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=600 if full_counts else 110,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr
    # Before it stands what the collector says of each file that a cut left open.
    said = run.stdout.splitlines()
    print(said[-1])
    good, bad = (int(word) for word in said[-1].split() if word.isdigit())
    assert min(good, bad) > (300 if full_counts else 50)


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("fate", ["good", "fails its self-test", "finds no mesh"])
def test_the_job_ends_as_the_node_did_wherever_littlefs_was_cut(
    fate: str, full_counts: bool, tmp_path: Path
) -> None:
    """The same one level deeper: the process dies with the flash, boot.py starts in a new one, and Home Assistant hears."""
    before = littlefs_board.in_service(tmp_path)
    found = rollouts.every_cut(rollouts.OnLittlefs, before, fate, 1 if full_counts else 67)
    print(rollouts.told(found))
    assert found.total() > (300 if full_counts else 15)
    assert set(found) == {"1.0.0", "1.1.0"}


def test_a_filesystem_filled_to_its_last_block_is_told_and_the_next_good_update_works() -> None:
    run = subprocess.run(
        [MICROPYTHON, "-X", "heapsize=32m", "tests/device/littlefs_full.py"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr
    said = [line.split() for line in run.stdout.splitlines() if line[:1].isdigit()]
    assert [words[1] for words in said] == ["space", "flash", "flash", "flash"]
