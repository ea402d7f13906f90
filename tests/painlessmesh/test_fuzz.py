"""A sample of mutated frames. Runs on both Pythons."""

from tests.painlessmesh import fuzz


def test_mutated_frames_raise_nothing_and_fill_nothing():
    fuzz.run(4000, 1)


def test_the_mutations_are_the_same_on_both_pythons():
    dice = fuzz.Dice(7)
    total = 0
    for _ in range(100):
        total = (total * 31 + sum(fuzz.mutated(dice))) & 0xFFFFFFFF
    assert total == 1774507083
