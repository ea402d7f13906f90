"""Which runs the kill matrix has, and what it hears; the runs themselves are scripts/kill-matrix."""

from painlessmesh.protocol import encode
from scripts.kill_matrix import runs
from scripts.kill_matrix.ear import Ear

NODE = 2222222222


def part(number: int, to: int = NODE) -> bytes:
    """A DATA as the gateway sends it."""
    head = (("from", 1), ("routing", 1), ("type", 12), ("md5", "0" * 32), ("noPart", 9))
    return bytes(
        encode((*head, ("broadcasted", False), ("dest", to), ("partNo", number), ("data", "AA==")))
    )


def listening() -> Ear:
    ear = Ear()
    ear.listen_for(NODE)
    return ear


def test_there_are_sixty_runs_each_once() -> None:
    """Three victims, ten points, two kinds of node."""
    small = runs.small()
    assert len(small) == len(set(small)) == 60
    assert {run.victim for run in small} == set(runs.VICTIMS)
    assert {len(points) for points in runs.POINTS.values()} == {10}


def test_a_commit_plays_the_same_runs_again_and_another_one_others() -> None:
    """So that in time all of them are played."""
    assert runs.share("a1b2", 4) == runs.share("a1b2", 4)
    played = {run for commit in range(200) for run in runs.share(str(commit), 4)}
    assert played == set(runs.small())


def test_a_part_that_goes_out_twice_is_counted_once_more() -> None:
    """Also when a read ends in the middle of a frame, and not when it goes to somebody else."""
    ear, stream = listening(), object()
    heard = part(0) + part(1) + part(1) + part(1, to=3333333333)
    ear.hear(stream, heard[:50])
    assert ear.sent == 0
    ear.hear(stream, heard[50:])
    assert (ear.sent, ear.sent_again) == (3, 1)
    assert [ear.sent_before(count) for count in range(4)] == [0, 0, 1, 0]


def test_points_are_reached_one_after_the_other() -> None:
    """By the parts that have gone out."""
    ear = listening()
    reached = []
    for number in range(9):
        ear.hear(ear, part(number))
        reached.append([point for point in runs.SHARES if ear.reached(point)])
    assert reached[0] == ["first part"]
    assert reached[4] == ["first part", "quarter", "half"]
    assert reached[8] == list(runs.SHARES)
