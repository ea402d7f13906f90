"""Parts in any order: what the gateway makes of what a node says it needs. Runs on both Pythons.

What the node says is `test_ota_needs.py`'s.
"""

from painlessmesh.ota import Offer, Sender
from painlessmesh.ota_ahead import AHEAD, FIRST_WINDOW, LEAST_WINDOW, AheadTarget
from tests.painlessmesh.mesh_net import SECOND
from tests.painlessmesh.test_ota_receiver import MD5, NODE
from tests.painlessmesh.test_ota_sender import due, request, wire
from tests.painlessmesh.transfer import Losses, image_of, md5_of, net_with

IMAGE = image_of(100_000)
MS = 1000


def target(parts=1000, ahead=AHEAD):
    made = AheadTarget(NODE, Offer("pir", "ESP32-MPY", MD5, parts * 1024), ahead)
    made.told(0, 0, 0, 0)
    return made


def taken(made, now):
    parts = []
    while True:
        found = made.take(now)
        if found is None:
            return parts
        parts.append(found)


def test_a_window_goes_out_and_grows_as_it_arrives():
    made = target()
    assert taken(made, 0) == list(range(FIRST_WINDOW))
    made.told(FIRST_WINDOW, FIRST_WINDOW, 0, 10 * MS)
    assert made.window > FIRST_WINDOW and taken(made, 10 * MS)[0] == FIRST_WINDOW
    for now in range(20, 200, 10):
        made.told(made.next_part, made.next_part, 0, now * MS)
        taken(made, now * MS)
    assert made.window == AHEAD


def test_the_first_window_is_no_larger_than_what_a_node_takes():
    made = target(ahead=3)
    assert taken(made, 0) == [0, 1, 2] and made.window == 3


def test_only_what_was_lost_is_sent_again():
    made = target()
    taken(made, 0)
    made.told(1, 6, 0b01001, 10 * MS)  # 1 and 4 are missing, 5 has come
    assert made.needs and taken(made, 10 * MS)[:2] == [1, 4] and made.sent_again == 2
    made.told(1, 6, 0b01001, 11 * MS)  # said before they can have come
    assert taken(made, 11 * MS) == []


def test_a_part_that_is_lost_twice_is_sent_a_third_time():
    made = target()
    taken(made, 0)
    made.told(4, 6, 0b01, 10 * MS)
    assert taken(made, 10 * MS)[:2] == [4, 8]
    made.told(4, 9, 0b01, 20 * MS)
    assert taken(made, 20 * MS)[0] == 4 and made.sent_again == 2


def test_silence_brings_the_first_missing_part_again():
    made = target()
    taken(made, 0)
    made.told(8, 8, 0, 20 * MS)
    taken(made, 20 * MS)
    made.tick(300 * MS)
    assert taken(made, 300 * MS) == []
    made.tick(400 * MS)
    assert taken(made, 400 * MS) == [8] and made.repeats == 1
    made.tick(900 * MS)
    assert taken(made, 900 * MS) == []
    made.tick(1200 * MS)
    assert taken(made, 1200 * MS) == [8]


def test_before_any_answer_a_second_passes_until_a_part_goes_again():
    """On a slow link the first parts take long, and their queue is ours."""
    made = target()
    taken(made, 0)
    made.tick(999 * MS)
    assert taken(made, 999 * MS) == []
    made.tick(SECOND)
    assert taken(made, SECOND) == [0]


def test_a_queue_that_grows_slowly_makes_nothing_go_twice():
    """One part takes a tenth of a second: every answer tells of parts that went out long before it."""
    made, sent, arrived, seen_at = target(), [], 0, 0
    for now in range(0, 30 * SECOND, 20 * MS):
        made.tick(now)
        sent += taken(made, now)
        if now - seen_at >= 100 * MS and arrived < len(sent):
            arrived, seen_at = arrived + 1, now
            if arrived % 4 == 0:
                made.told(arrived, arrived, 0, now)
    assert arrived > 250 and sent == list(range(len(sent)))
    # What waits in the queue when a user cancels is on its way for less than two seconds.
    assert len(sent) - arrived <= 16


def test_a_queue_that_comes_at_once_makes_nothing_go_twice():
    """The first part alone took half a second; then a relay holds seven for a second, and a word crosses what was sent again."""
    made = target()
    made.window = 1
    taken(made, 0)
    made.told(1, 1, 0, 500 * MS)
    made.window = 8
    assert taken(made, 500 * MS) == list(range(1, 9))
    made.tick(1500 * MS)
    assert taken(made, 1500 * MS) == []
    made.tick(2100 * MS)
    assert taken(made, 2100 * MS) == [1]
    made.told(2, 2, 0, 2110 * MS)
    made.told(6, 6, 0, 2200 * MS)
    assert taken(made, 2200 * MS)[0] == 9 and made.sent_again == 1


def sent_into_silence():
    """A target whose first window brought no word for a second, so that its first part goes again."""
    made = target()
    taken(made, 0)
    made.tick(SECOND)
    assert taken(made, SECOND) == [0]
    return made


def test_others_that_came_with_the_part_sent_again_say_that_it_had_not_been_lost():
    made = sent_into_silence()
    made.told(3, 3, 0, 1500 * MS)
    assert taken(made, 1500 * MS)[0] == 8 and made.sent_again == 1


def test_where_the_part_sent_again_came_alone_all_behind_it_was_lost():
    made = sent_into_silence()
    made.told(1, 1, 0, 1500 * MS)
    assert taken(made, 1500 * MS)[:7] == list(range(1, 8))


def test_who_stays_silent_is_left_alone_until_it_speaks():
    made = target()
    taken(made, 0)
    for second in range(1, 60):
        made.tick(second * SECOND)
        taken(made, second * SECOND)
    assert made.stalled and taken(made, 61 * SECOND) == []
    made.told(3, 3, 0, 62 * SECOND)
    assert taken(made, 62 * SECOND)[0] == 3 and not made.stalled


def test_parts_that_must_have_come_by_now_are_lost():
    made = target()
    taken(made, 0)
    made.told(4, 4, 0, 20 * MS)
    taken(made, 20 * MS)
    made.told(6, 6, 0, SECOND)
    assert taken(made, SECOND)[0] == 6 and made.sent_again > 0


def test_a_node_that_begins_anew_is_followed():
    made = target()
    taken(made, 0)
    made.told(8, 8, 0, 10 * MS)
    made.told(0, 0, 0, SECOND)
    assert made.base == 0 and taken(made, SECOND)[0] == 0


def test_a_gateway_that_begins_anew_learns_what_is_there():
    made = AheadTarget(NODE, Offer("pir", "ESP32-MPY", MD5, 100 * 1024))
    made.told(10, 14, 0b0101, 0)
    assert taken(made, 0)[:3] == [10, 12, 14]


def test_answers_that_take_longer_than_they_must_shrink_the_window():
    made = target()
    now = widest = 0
    for trip in [20] * 12 + [400] * 12:
        taken(made, now)
        now += trip * MS
        made.told(made.next_part, made.next_part, 0, now)
        if trip == 20:
            widest = made.window
    assert widest > 2 * made.window and made.window >= LEAST_WINDOW


def test_a_loss_costs_one_part_of_the_window():
    made = target()
    for now in (10, 20, 30):
        taken(made, now * MS)
        made.told(made.next_part, made.next_part, 0, (now + 9) * MS)
    before = made.window
    taken(made, 40 * MS)
    made.told(made.base, made.base + 2, 0b01, 49 * MS)
    assert made.window == before - 1


# Both, and the packages


def offered(ahead=AHEAD):
    made = Sender(1111111111)
    offer = Offer("pir", "ESP32-MPY", MD5, 40 * 1024)
    made.offer(offer)
    made.add_target(offer, NODE, ahead=ahead)
    return made


def said(part, seen, missing="0", md5=MD5[:8]):
    return {"md5": md5, "part": part, "seen": seen, "missing": missing}


def test_the_announcement_says_ahead_to_whom_it_was_added_for():
    assert wire(offered().announcement(NODE))["ahead"] == AHEAD
    assert "ahead" not in wire(offered(0).announcement(NODE))


def test_a_need_moves_the_window():
    made = offered()
    assert due(made, 0) == [] and made.on_need(NODE, said(0, 0), 0)
    assert due(made, 0) == list(range(FIRST_WINDOW))


def test_needs_that_make_no_sense_are_ignored():
    made = offered()
    for need in (
        said(0, 0, md5="00000000"),
        said(5, 4),
        said(0, 41),
        said(0, 4, "xyz"),
        said(-1, 0),
        {},
        said(0, 4, 7),
    ):
        made.on_need(NODE, need, 0)
    assert made.target(NODE).base in (-1, 0) and made.target(NODE).next_part <= 4
    assert not made.on_need(5, said(0, 0), 0) and not offered(0).on_need(NODE, said(0, 0), 0)


def test_a_node_that_only_knows_requests_gets_one_part_after_the_other():
    made = offered()
    asking = request(0, role="pir", hardware="ESP32-MPY", noPart=40)
    assert made.on_request(asking, 0).part == 0
    assert made.target(NODE).ahead == 0 and due(made, 0) == [1]


def test_an_image_arrives_whatever_is_lost_and_little_is_sent_twice():
    for percent in (0, 5, 20):
        net, gateway, (node,) = net_with(IMAGE, losses=Losses(percent, 7), ahead=AHEAD)
        start = net.now
        while not node.complete:
            net.run(SECOND // 20)
            assert net.now - start < 30 * SECOND, percent
        assert node.image() == IMAGE and md5_of(IMAGE) == gateway.offer.md5
        assert gateway.sender.target(NODE).sent_again <= 98 * (percent + 2) // 50


def test_a_loss_no_longer_costs_a_window():
    """5 % of everything lost on each of three hops."""
    seconds = []
    for ahead in (0, AHEAD):
        from tests.painlessmesh.mesh_net import MeshNet
        from tests.painlessmesh.transfer import GATEWAY, Gateway, Taker

        net = MeshNet()
        gateway = Gateway(net, IMAGE)
        losses, above = Losses(5, 3), GATEWAY
        for node_id in (11, 12, 13):
            node = Taker(net, node_id) if node_id == 13 else net.add(node_id)
            net.join(node_id, above, 5000).loses = losses
            above = node_id
        net.run(2 * SECOND)
        gateway.sender.add_target(gateway.offer, 13, ahead=ahead)
        start = net.now
        while not node.complete:
            if gateway.sender.target(13).base < 0:
                gateway.announce(13)
            net.run(SECOND // 20)
            assert net.now - start < 60 * SECOND
        seconds.append(net.now - start)
    assert seconds[1] * 3 < seconds[0]


def test_a_part_lost_any_number_of_times_is_sent_again_alone():
    made = target(parts=16000)
    assert taken(made, 0) == list(range(8))
    for now in range(10, 310_000, 10):  # seconds: it has come by then, or never will
        made.told(0, 8, 1, now * SECOND)  # all but the first are there
        assert taken(made, now * SECOND) == [0]
    made.told(8, 8, 0, 310_000 * SECOND)
    assert made.base == 8 and not made.needs


def test_after_any_number_of_sendings_a_loss_is_told_from_what_is_on_its_way():
    """Sendings are numbered in two bytes; in a long and bad transfer there are more."""
    made = target(parts=16000)
    base = now = sent = 0
    while base < 16000:
        now += 10 * MS
        parts = taken(made, now)
        sent += len(parts)
        seen = max(parts) + 1
        lost = list(range(base, seen - 1))  # all but the last of these
        made.told(base, seen, (1 << len(lost)) - 1, now)
        now += 10 * MS
        again = taken(made, now)
        sent += len(again)
        assert again[: len(lost)] == lost
        base = max(again + [seen - 1]) + 1
        made.told(base, base, 0, now)
    assert sent > 2 * 15000
    assert not made.stalled
