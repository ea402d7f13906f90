"""The update under the names that painlessMesh users know. Runs on both Pythons."""

import painlessmesh
from painlessmesh.ota import ANNOUNCEMENTS
from painlessmesh.protocol import decode
from tests.painlessmesh.mesh_net import SECOND, MeshNet
from tests.painlessmesh.test_ota_sender import raises
from tests.painlessmesh.transfer import StockNode, image_of, md5_of

US, NODE = 1111111111, 2222222222
IMAGE = image_of(20_000)
MD5 = md5_of(IMAGE)


def part_of(offer, part):
    return IMAGE[part * 1024 : (part + 1) * 1024]


def often(net, what):
    """Calls what.tick for ever."""

    def step():
        what.tick(net.now)
        net.later(SECOND // 10, step)

    step()


def joined(stock=False):
    """(net, giving side, taking side, what it heard)."""
    net, heard = MeshNet(), []
    giving = painlessmesh.init_ota_send(net.add(US), part_of)
    if stock:
        node = StockNode(net, NODE, "led", "ESP32")
    else:
        node = painlessmesh.init_ota_receive(net.add(NODE), "led", "ESP32", heard.append)
        often(net, node)
    net.join(NODE, US, 5000)
    net.run(SECOND)
    often(net, giving)
    return net, giving, node, heard


def announcements(net):
    return [frame for _, frame in net.wires[0].log if b'"type":10' in frame]


def test_an_image_that_is_offered_arrives_at_whoever_takes_that_role():
    net, giving, _node, heard = joined()
    giving.offer_ota("led", "ESP32", MD5, len(IMAGE))
    net.run(5 * SECOND)
    assert heard[0][0] == "begin" and heard[-1] == ("complete",)
    assert b"".join([event[2] for event in heard if event[0] == "part"]) == IMAGE


def test_a_stock_node_is_served():
    net, giving, node, _ = joined(stock=True)
    giving.offer_ota("led", "ESP32", MD5, len(IMAGE))
    net.run(10 * SECOND)
    assert node.image() == IMAGE and node.finished == 1


def test_a_part_that_is_not_there_yet_is_sent_when_it_is_asked_for_again():
    net, giving, _node, heard = joined()
    there = []
    giving._read = lambda offer, part: part_of(offer, part) if there else None
    giving.offer_ota("led", "ESP32", MD5, len(IMAGE))
    net.run(2 * SECOND)
    assert [event[0] for event in heard] == ["begin"]
    there.append(1)
    net.run(10 * SECOND)
    assert heard[-1] == ("complete",)


def test_an_offer_is_announced_to_all_every_minute_for_an_hour_and_never_forced():
    net, giving, _node, _ = joined()
    giving.offer_ota("other", "ESP32", MD5, len(IMAGE), True)
    net.run(3510 * SECOND)
    assert len(announcements(net)) == ANNOUNCEMENTS - 1
    net.run(5 * 60 * SECOND)
    said = announcements(net)
    assert len(said) == ANNOUNCEMENTS
    assert "forced" not in decode(said[0][:-1]) and decode(said[0][:-1])["routing"] == 2


def test_an_offer_that_is_withdrawn_is_announced_no_more_and_serves_nobody():
    net, giving, _node, heard = joined()
    offer = giving.offer_ota("other", "ESP32", MD5, len(IMAGE))
    net.run(SECOND)
    giving.withdraw(offer)
    net.run(300 * SECOND)
    assert len(announcements(net)) == 1 and heard == []


def test_an_offer_is_not_replaced_while_a_node_is_on_it():
    net, giving, _node, _ = joined()
    giving.offer_ota("led", "ESP32", MD5, len(IMAGE))
    net.run(SECOND // 2)
    assert raises(giving.offer_ota, "led", "ESP32", "0" * 32, 1024)


def test_a_slow_link_holds_back_what_is_pushed_ahead():
    net, giving, _node, heard = joined()
    net.wires[0].look = lambda side: None  # nothing leaves
    giving._mesh.links[0].wake = None
    giving.offer_ota("led", "ESP32", MD5, len(IMAGE))
    for part in (0, 1, 2):
        request = {"from": NODE, "type": 11, "md5": MD5, "role": "led", "hardware": "ESP32"}
        request["partNo"] = part
        giving._requested(request, None, net.now)
    assert giving._mesh.links[0].waiting <= 4 and heard == []


def test_where_to_go_on_can_be_said_after_the_beginning():
    net, giving, node, heard = joined()
    node._take = lambda event: (
        heard.append(event),
        node.start(12, net.now) if event[0] == "begin" else None,
    )
    giving.offer_ota("led", "ESP32", MD5, len(IMAGE))
    net.run(5 * SECOND)
    parts = [event[1] for event in heard if event[0] == "part"]
    assert parts == list(range(12, 20)) and heard[-1] == ("complete",)


def test_the_root_is_set_and_expected_by_name():
    net, _giving, _node, _ = joined()
    mesh = net.nodes[US]
    mesh.set_root(True)
    mesh.set_contains_root(True)
    assert mesh.contains_root() and mesh.expects_root
    mesh.set_root(False)
    assert not mesh.contains_root()
