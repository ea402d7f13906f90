"""An image that goes to all nodes of a job at once: each link carries each part once, and nobody waits for the slowest."""

import itertools

import pytest
from gateway_in_house import image_of

from painlessmesh.protocol import decode

FIRST = 2000000001
IMAGE = image_of(200_000)
PARTS = 196


def tree(gateway, count, fan_out=4):
    """`count` of our nodes, each of which carries at most `fan_out` others."""
    ids = [FIRST + number for number in range(count)]
    for number, node_id in enumerate(ids):
        parent = gateway.mesh.node_id if number < fan_out else ids[number // fan_out - 1]
        gateway.add(node_id, parent=parent, delay=2_000)
        gateway.run(0.2)
    gateway.run(3)
    return ids


def parts_on(wire):
    """The number of each part that went over a wire."""
    packages = [decode(frame[:-1]) for _, frame in wire.log if b'"data"' in frame]
    return [package["partNo"] for package in packages]


def all_have(gateway, ids, image=IMAGE):
    return lambda: all(gateway.nodes[node_id].images == [image] for node_id in ids)


def losing_every(count):
    """Loses one in `count` of the parts."""
    number = itertools.count(1)
    return lambda frame: b'"data"' in frame and next(number) % count == 0


def test_each_link_carries_each_part_once(gateway):
    ids = tree(gateway, 20)
    gateway.job(IMAGE, ids)
    assert gateway.run(60, all_have(gateway, ids))
    for wire in gateway.net.wires:
        assert sorted(parts_on(wire)) == list(range(PARTS))


def test_the_image_of_twenty_nodes_is_read_once(gateway):
    ids = tree(gateway, 20)
    gateway.job(IMAGE, ids)
    assert gateway.run(60, all_have(gateway, ids))
    assert len(gateway.fetched) == len(set(gateway.fetched)) == (len(IMAGE) + 4095) // 4096


def test_links_that_lead_to_no_target_carry_nothing(gateway):
    ids = [FIRST, FIRST + 1, FIRST + 2]
    for node_id in ids:
        gateway.add(node_id)
    gateway.run(2)
    gateway.job(IMAGE, ids[:2])
    assert gateway.run(30, all_have(gateway, ids[:2]))
    assert parts_on(gateway.net.wires_at(ids[2])[0]) == []


def test_two_nodes_of_a_large_mesh_are_served_alone(gateway):
    ids = tree(gateway, 20)
    gateway.job(IMAGE, [ids[0], ids[1]])
    assert gateway.run(60, all_have(gateway, ids[:2]))
    assert all(package["broadcasted"] is False for package in gateway.nodes[ids[0]].announcements)
    busy = [wire for wire in gateway.net.wires if parts_on(wire)]
    assert len(busy) == 2


@pytest.mark.parametrize("one_in", [50, 20])
def test_parts_lost_at_a_relay_are_made_good_to_those_that_miss_them(gateway, one_in):
    ids = tree(gateway, 12)
    for wire in gateway.net.wires[4:]:
        wire.loses = losing_every(one_in)
    gateway.job(IMAGE, ids)
    assert gateway.run(120, all_have(gateway, ids))
    near = gateway.net.wires[0]
    missed = 3 * PARTS // one_in  # three nodes hang on it
    assert len(parts_on(near)) <= PARTS + 3 * missed


def test_a_node_that_is_silent_holds_nobody_up(gateway):
    ids = tree(gateway, 4)
    gateway.nodes[ids[0]].receiver.announce = lambda *_: []
    gateway.job(IMAGE, ids)
    assert gateway.run(20, all_have(gateway, ids[1:]))


def test_a_node_that_comes_late_catches_up_alone(gateway):
    ids = tree(gateway, 4)
    late = gateway.nodes[ids[3]]
    gateway.leave(ids[3])
    gateway.run(1)
    image = image_of(900_000)
    gateway.job(image, ids)
    assert gateway.run(30, lambda: len(gateway.nodes[ids[0]].parts) > 200)
    gateway.rejoin(ids[3])
    assert gateway.run(30, all_have(gateway, ids[:3], image))
    assert gateway.run(60, lambda: late.images == [image])


def test_a_node_that_leaves_in_the_middle_holds_nobody_up_and_goes_on_where_it_was(gateway):
    ids = tree(gateway, 4)
    away = gateway.nodes[ids[2]]
    gateway.job(IMAGE, ids)
    assert gateway.run(30, lambda: len(away.parts) > 50)
    gateway.leave(ids[2])
    assert gateway.run(20, all_have(gateway, ids[:2]))
    gateway.rejoin(ids[2])
    assert gateway.run(60, lambda: away.images == [IMAGE])
    assert sorted(away.parts) == list(range(PARTS))


def test_a_pause_stops_what_goes_to_everybody_and_it_goes_on_where_it_was(gateway):
    ids = tree(gateway, 6)
    image = image_of(900_000)
    found = gateway.job(image, ids)
    node = gateway.nodes[ids[0]]
    assert gateway.run(30, lambda: len(node.parts) > 100)
    gateway.pause(found, True)
    gateway.run(0.5)
    parts = len(node.parts)
    gateway.run(20)
    assert len(node.parts) == parts
    gateway.pause(found, False)
    assert gateway.run(60, all_have(gateway, ids, image))
    assert len(node.parts) <= 879 + 4


def test_a_cancel_reaches_every_node_and_stops_the_parts_at_once(gateway):
    ids = tree(gateway, 6)
    found = gateway.job(image_of(900_000), ids)
    assert gateway.run(30, lambda: len(gateway.nodes[ids[0]].parts) > 100)
    gateway.list()
    gateway.run(0.5)
    assert all(gateway.nodes[node_id].cancelled == [found["md5"]] for node_id in ids)
    sent = [len(parts_on(wire)) for wire in gateway.net.wires]
    gateway.run(20)
    assert [len(parts_on(wire)) for wire in gateway.net.wires] == sent


def test_two_types_go_to_everybody_side_by_side(gateway):
    ids = [FIRST + number for number in range(4)]
    for node_id in ids:
        gateway.add(node_id, role="pir" if node_id % 2 else "led")
    gateway.run(2)
    one, other = image_of(100_000, 1), image_of(100_000, 2)
    gateway.job(one, ids[::2], id=3, token="aa", firmware_id=2, role="pir")
    gateway.job(other, ids[1::2], id=4, token="bb", firmware_id=5, role="led")
    assert gateway.run(60, all_have(gateway, ids[::2], one))
    assert gateway.run(60, all_have(gateway, ids[1::2], other))


def test_a_home_assistant_that_is_away_for_twenty_seconds_costs_no_node_its_place(gateway):
    ids = tree(gateway, 4)
    gateway.job(IMAGE, ids)
    assert gateway.run(30, lambda: len(gateway.nodes[ids[0]].parts) > 50)
    gateway.online = False
    gateway.run(20)
    gateway.online = True
    gateway.list(*gateway.jobs)
    assert gateway.run(60, all_have(gateway, ids))
    assert gateway.entry(ids[0]).get("resent", 0) <= 4


def test_who_may_not_commit_yet_takes_the_image_with_the_others_and_restarts_when_it_may(gateway):
    ids = tree(gateway, 4)
    nodes = [gateway.nodes[node_id] for node_id in ids]
    found = gateway.job(IMAGE, ids)
    found["targets"] = [target | {"commit": False} for target in found["targets"]]
    gateway.list(found)
    assert gateway.run(60, lambda: all(node.phase == "ready" for node in nodes))
    gateway.run(200)
    assert all(node.phase == "ready" and node.commits == [] for node in nodes)
    assert gateway.state(ids[0]) == "verifying"
    found["targets"] = [target | {"commit": i < 3} for i, target in enumerate(found["targets"])]
    gateway.list(found)
    assert gateway.run(1, lambda: [len(node.commits) for node in nodes] == [1, 1, 1, 0])


def test_an_image_that_comes_in_another_form_begins_anew(gateway):
    """Home Assistant has lost the deflated one, or has it now."""
    ids = tree(gateway, 4)
    carried = image_of(120_000, 7)  # nothing here inflates: any bytes do
    gateway.images["firmware/2/download?encoding=deflate"] = carried
    found = gateway.job(IMAGE, ids, deflate=len(carried))
    node = gateway.nodes[ids[0]]
    assert gateway.run(30, lambda: len(node.parts) > 20)
    assert node.receiver.parts == 118
    gateway.list({key: found[key] for key in found if key != "deflate"})
    assert gateway.run(60, all_have(gateway, ids))
    assert node.cancelled == [found["md5"]]
