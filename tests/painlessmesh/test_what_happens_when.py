"""The table "what happens when" of painlessMesh's update (7.4), row by row: what our two sides do there. Runs on both Pythons."""

from painlessmesh.ota import Offer, Receiver
from tests.painlessmesh.mesh_net import SECOND, MeshNet
from tests.painlessmesh.test_ota_receiver import (
    GATEWAY,
    MD5,
    NODE,
    STRANGER,
    announcement,
    asked,
    data,
    names,
    receiver,
    taking,
    wire,
)
from tests.painlessmesh.test_ota_sender import due, raises, request, sender
from tests.painlessmesh.transfer import Gateway, StockNode, Taker, image_of, md5_of, net_with

IMAGE = image_of(20_000)
OTHER_MD5 = "0" * 32


def finished_within(net, node, seconds):
    """Whether a node has the image after at most so many seconds."""
    end = net.now + seconds * SECOND
    while not (node.finished if isinstance(node, StockNode) else node.complete):
        if net.now >= end:
            return False
        net.run(SECOND // 20)
    return True


def stock_net(image=IMAGE):
    """(net, gateway, stock node, wire): a target that has been told."""
    net = MeshNet()
    gateway = Gateway(net, image, "sensor", "ESP32")
    node = StockNode(net, NODE)
    between = net.join(NODE, gateway.mesh.node_id, 5000)
    net.run(SECOND)
    gateway.sender.add_target(gateway.offer, NODE, True)
    return net, gateway, node, between


class LosesOnce:
    """Loses the first message of that type about that part."""

    def __init__(self, package_type, part):
        self.marks = (b'"type":%d,' % package_type, b'"partNo":%d' % part)
        self.lost = 0

    def __call__(self, frame):
        if self.lost or not all([mark in frame for mark in self.marks]):
            return False
        self.lost = 1
        return True


# One DATA or DATA_REQUEST lost


def test_a_lost_part_is_asked_for_by_our_receiver_after_three_seconds_not_thirty():
    made = taking()
    assert made.tick(2 * SECOND) == [] and asked(made.tick(3 * SECOND)) == 0


def test_a_lost_part_is_sent_again_by_our_sender_before_a_stock_node_asks():
    net, gateway, node, between = stock_net()
    between.loses = LosesOnce(12, 7)
    gateway.announce(NODE)
    assert finished_within(net, node, 10) and node.image() == IMAGE and between.loses.lost


def test_a_lost_request_does_not_stop_our_sender():
    net, gateway, node, between = stock_net()
    between.loses = LosesOnce(11, 7)
    gateway.announce(NODE)
    assert finished_within(net, node, 10) and node.image() == IMAGE and between.loses.lost


# The gateway is silent


def test_lost_requests_for_all_that_was_pushed_do_not_leave_a_stock_node_waiting_for_its_own_timer():
    """It ignores what it has when that is repeated; the first part that is new to it makes it speak."""
    net, gateway, node, between = stock_net()
    lost = []
    between.loses = lambda frame: (
        b'"type":11' in frame
        and b'"partNo":0' not in frame
        and len(lost) < 2
        and not lost.append(1)
    )
    gateway.announce(NODE)
    assert finished_within(net, node, 12) and len(lost) == 2
    assert md5_of(node.image()) == gateway.offer.md5


def test_a_silent_gateway_is_asked_ten_times_and_the_next_announcement_resumes_at_the_kept_part():
    made = taking()
    made.data(data(0), 0)
    now = 0
    for _ in range(9):
        now += 3 * SECOND
        assert asked(made.tick(now)) == 1
    assert names(made.tick(now + 3 * SECOND)) == ["gave_up"] and made.part == 1
    assert asked(made.announce(announcement(), now + 60 * SECOND, made.part)[1:]) == 1


def test_a_silent_node_is_sent_nothing_more_until_it_asks():
    made = sender()
    made.on_request(request(0), 0)
    due(made, 0)
    for second in range(1, 40):
        due(made, second * SECOND)
    assert made.target(NODE).stalled and due(made, 100 * SECOND) == []
    assert made.on_request(request(0), 200 * SECOND).part == 0


# The node restarts in the middle


def test_our_node_goes_on_after_a_restart_where_its_storage_ends():
    net, gateway, (node,) = net_with(IMAGE)
    while len(node.got) < 7:
        net.run(1000)
    there = len(node.got)
    assert 0 < there < gateway.offer.parts
    net.remove(node.mesh.node_id)
    again = Taker(net, node.mesh.node_id, there)
    net.join(again.mesh.node_id, GATEWAY, 5000)
    net.run(SECOND)
    gateway.announce(again.mesh.node_id)
    assert finished_within(net, again, 20) and sorted(again.got)[0] == there


def test_our_sender_follows_a_stock_node_that_starts_again_at_the_first_part():
    made = sender(size=20_000)
    made.on_request(request(0), 0)
    made.on_request(request(1), 1)
    assert made.on_request(request(0), 60 * SECOND).part == 0
    assert made.target(NODE).base == 0


# The connection is lost and made again


def test_our_receiver_goes_on_at_the_same_part_when_the_connection_comes_back():
    made = taking()
    made.data(data(0), 0)
    assert made.announce(announcement(), SECOND // 4) == []
    assert asked(made.tick(3 * SECOND)) == 1


def test_our_sender_goes_on_at_the_same_part_without_waiting_for_a_stock_nodes_timer():
    net, gateway, node, between = stock_net()
    gateway.announce(NODE)
    net.run(SECOND // 20)
    assert 0 < node.part < gateway.offer.parts
    between.cut()
    net.run(SECOND)
    net.join(NODE, GATEWAY, 5000)
    assert finished_within(net, node, 15) and node.image() == IMAGE


# Another md5 is announced in the middle


def test_our_sender_never_replaces_an_offer_while_a_node_is_on_it():
    made = sender()
    made.on_request(request(0), 0)
    assert not made.offer(Offer("sensor", "ESP32", OTHER_MD5, 1024))
    assert made.offer_of("sensor", "ESP32").md5 == MD5


def test_our_receiver_takes_another_image_of_the_same_announcer_from_its_first_part():
    made = taking()
    made.data(data(0), 0)
    events = made.announce(announcement(md5=OTHER_MD5), 1, 0)
    assert names(events) == ["begin", "request"] and asked(events[1:]) == 0


# DATA ahead, old, twice, unasked


def test_data_ahead_is_not_taken_and_the_lost_part_is_named():
    made = taking()
    assert asked(made.data(data(2), SECOND)) == 0 and made.part == 0


def test_old_data_is_ignored():
    made = taking()
    made.data(data(0), 1)
    made.data(data(1), 2)
    assert made.data(data(0), 3) == [] and made.part == 2


def test_the_same_data_twice_is_taken_once():
    made = taking()
    assert names(made.data(data(0), 1)) == ["part", "request"]
    assert made.data(data(0), 2) == []


def test_parts_pushed_without_a_request_are_taken_in_order():
    made = taking()
    taken = [made.data(data(part), 1)[0] for part in range(5)]
    assert [event[:2] for event in taken] == [("part", part) for part in range(5)]


def test_our_sender_pushes_parts_that_nobody_has_asked_for_yet():
    made = sender()
    first = made.on_request(request(0), 0)
    assert [first.part] + due(made, 0) == [0, 1]


# DATA from somebody else


def test_data_from_another_node_than_the_announcer_is_ignored():
    made = taking()
    assert made.data(data(0, **{"from": STRANGER}), 1) == []


# ANNOUNCE to one node


def test_an_announcement_to_one_node_alone_starts_its_update():
    assert names(taking().data(data(0), 1)) == ["part", "request"]


def test_our_sender_announces_to_one_target_alone():
    said = wire(sender().announcement(NODE))
    assert said["routing"] == 1 and said["dest"] == NODE


# forced


def test_forced_goes_to_one_node_and_ends_with_its_first_request():
    made = sender(forced=True)
    assert wire(made.announcement(NODE))["forced"] is True
    assert "forced" not in wire(made.broadcast_announcement(made.offer_of("sensor", "ESP32")))
    made.on_request(request(0), 0)
    assert "forced" not in wire(made.announcement(NODE))


def test_our_receiver_takes_the_image_that_runs_only_when_forced():
    made = receiver()
    made.installed = MD5
    assert made.announce(announcement(), 0, 0) == []
    assert names(made.announce(announcement(forced=True), 0, 0)) == ["begin", "request"]


# A wrong md5, or none


def test_an_image_that_was_not_what_was_announced_is_forgotten_and_can_be_taken_again():
    made = taking(noPart=1)
    assert names(made.data(data(0, noPart=1), 1)) == ["part", "complete"]
    made.cancel()  # what the caller does when the md5 of the whole is another one
    assert made.md5 == "" and made.part == 0
    assert asked(made.announce(announcement(noPart=1), 2, 0)[1:]) == 0


def test_an_md5_that_is_not_32_digits_is_never_taken():
    for md5 in ("", "0" * 31, "0" * 33, "g" * 32, MD5.upper(), None, 5):
        assert receiver().announce(announcement(md5=md5), 0, 0) == []


def test_an_md5_that_is_not_32_lower_case_digits_is_never_offered():
    for md5 in ("", "0" * 31, "0" * 33, "g" * 32, MD5.upper()):
        assert raises(Offer, "sensor", "ESP32", md5, 5120)


def test_data_without_an_announcement_and_with_an_empty_md5_is_never_taken():
    made = receiver()
    assert made.data(data(0, md5=""), 1) == [] and not made.busy
    assert taking().data(data(0, md5=""), 1) == []


# noPart missing


def test_an_announcement_or_part_without_its_number_of_parts_is_ignored():
    said = announcement()
    del said["noPart"]
    assert receiver().announce(said, 0, 0) == []
    part = data(0)
    del part["noPart"]
    assert taking().data(part, 1) == []


def test_our_sender_says_the_number_of_parts_whatever_the_request_said():
    made = sender()
    asking = request(0)
    del asking["noPart"]
    found = made.on_request(asking, 0)
    assert wire(made.data_package(found, bytes(1024)))["noPart"] == 5


# Real flash: it refuses the first bytes, or the whole


def test_an_image_that_the_flash_refuses_at_a_part_is_forgotten_and_begun_anew_with_the_next_announcement():
    made = taking()
    assert names(made.data(data(0), 1)) == ["part", "request"]
    made.cancel()  # what the caller does when it cannot store a part
    assert made.data(data(1), 2) == [] and made.tick(60 * SECOND) == []
    assert asked(made.announce(announcement(), 61 * SECOND, 0)[1:]) == 0


def test_our_sender_serves_a_node_whose_flash_refused_the_image_again_from_the_first_part():
    made = sender()
    for part in (0, 1, 2):
        made.on_request(request(part), part)
    due(made, 10)
    assert made.on_request(request(0), 4 * SECOND).part == 0


# The whole table at once: a stock node under our sender ends with the image


def test_a_stock_node_gets_the_whole_image_once():
    net, gateway, node, _ = stock_net()
    gateway.announce(NODE)
    assert finished_within(net, node, 10) and node.finished == 1
    assert md5_of(node.image()) == gateway.offer.md5


def test_our_receiver_never_asks_beyond_the_end():
    made = Receiver(NODE, "pir", "ESP32-MPY")
    made.announce(announcement(), 0, 0)
    for part in range(5):
        events = made.data(data(part), part)
    assert names(events) == ["part", "complete"] and made.tick(90 * SECOND) == []
