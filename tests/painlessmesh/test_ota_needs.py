"""Parts in any order: what a node says it needs. Runs on both Pythons."""

from painlessmesh.ota import Receiver
from painlessmesh.protocol import decode
from tests.painlessmesh.mesh_net import SECOND
from tests.painlessmesh.test_ota_receiver import MD5, NODE, announcement, data, names

MS = 1000


def receiver(parts=40, **keys):
    made = Receiver(NODE, "pir", "ESP32-MPY")
    made.announce(announcement(noPart=parts, ahead=32, **keys), 0, 0)
    return made


def part(number, parts=40):
    return data(number, bytes([number]) * 1024, noPart=parts)


def need_of(events):
    """(part, seen, missing) of the need among these events; None without one."""
    for event in events:
        if event[0] == "need":
            body = decode(event[1].encode())
            assert body["md5"] == MD5[:8]
            return body["part"], body["seen"], int(body["missing"], 16)
    return None


def test_an_announcement_with_ahead_is_answered_by_a_need():
    made = Receiver(NODE, "pir", "ESP32-MPY")
    events = made.announce(announcement(ahead=32), 0, 2)
    assert names(events) == ["begin", "need"] and need_of(events) == (2, 2, 0)


def test_parts_are_taken_in_any_order_and_once():
    made, got = receiver(8), []
    for number in (3, 0, 3, 2, 1, 1, 7, 6, 5, 4):
        got += [event[1] for event in made.data(part(number, 8), 0) if event[0] == "part"]
    assert got == [3, 0, 2, 1, 7, 6, 5, 4] and not made.busy


def test_a_hole_is_told_at_once_and_when_it_is_filled():
    made = receiver()
    assert need_of(made.data(part(0), 0)) is None
    assert need_of(made.data(part(3), 1)) == (1, 4, 0b11)
    assert need_of(made.data(part(2), 2)) == (1, 4, 0b1)
    assert need_of(made.data(part(1), 3)) == (4, 4, 0)


def test_every_fourth_part_is_told():
    made = receiver()
    told = [need_of(made.data(part(number), number)) for number in range(8)]
    assert [need is not None for need in told] == [False, False, False, True] * 2


def test_who_listens_to_what_goes_to_everybody_speaks_less():
    made = receiver(broadcasted=True)
    told = [need_of(made.data(part(number), number)) for number in range(30)]
    assert [number for number in range(30) if told[number]] == [23]


def test_a_pause_makes_a_node_say_what_it_needs():
    made = receiver()
    made.data(part(0), 0)
    assert made.tick(100 * MS) == []
    assert need_of(made.tick(200 * MS)) == (1, 1, 0)
    assert made.tick(SECOND) == [] and need_of(made.tick(4 * SECOND)) == (1, 1, 0)


def test_the_last_part_is_told_too():
    made = receiver(2)
    made.data(part(0, 2), 0)
    events = made.data(part(1, 2), 0)
    assert names(events) == ["part", "need", "complete"] and need_of(events) == (2, 2, 0)


def test_what_lies_too_far_ahead_or_beyond_the_end_is_not_taken():
    made = receiver(40)
    assert names(made.data(part(33), 0)) == ["need"]
    assert made.data(part(32), 0)[0][0] == "part"
    made = receiver(10)
    assert names(made.data(part(10, 10), 0)) == ["need"]
    assert made.part == 0 and made.busy


def test_old_parts_are_answered_but_not_each():
    made = receiver()
    made.data(part(0), 0)
    assert need_of(made.data(part(0), MS)) == (1, 1, 0)
    assert made.data(part(0), 2 * MS) == []


def test_how_far_ahead_is_bounded_whatever_the_announcement_says():
    made = Receiver(NODE, "pir", "ESP32-MPY")
    made.announce(announcement(noPart=16000, ahead=4_000_000), 0, 0)
    assert names(made.data(data(65, noPart=16000), 0)) == ["need"]
