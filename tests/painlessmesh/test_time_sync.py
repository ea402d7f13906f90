"""Mesh time between nodes. Runs on both Pythons."""

from painlessmesh import ntp
from painlessmesh.mesh import Mesh
from painlessmesh.protocol import decode
from tests.painlessmesh.mesh_net import SECOND, START, MeshNet, identified, pair, take_all


def time_packages(wire):
    return [decode(frame[:-1]) for _, frame in wire.log if b'"type":4,' in frame]


def apart(net):
    """Largest difference between any two nodes' mesh time, in microseconds."""
    times = [mesh.get_node_time(net.local(mesh)) for mesh in net.nodes.values()]
    return max([abs(ntp.int32(a - b)) for a in times for b in times])


def said(mesh, link, frame, now=START):
    mesh.receive(link, frame + b"\0", now)
    return [decode(answer[:-1]) for answer in take_all(link)]


def test_five_hops_agree_within_ten_milliseconds_after_two_rounds():
    net = MeshNet()
    for node_id in range(1, 7):
        net.add(node_id, skew=node_id * 777 * SECOND)
        if node_id > 1:
            net.join(node_id, node_id - 1, 10_000)
    net.run(140 * SECOND)
    assert apart(net) < 10_000


def test_a_lopsided_trip_costs_half_of_its_difference_at_most():
    net = MeshNet()
    net.add(1)
    net.add(2, skew=-3000 * SECOND)
    wire = net.join(2, 1, 1000)
    arrive = wire.arrive
    wire.arrive = lambda side, frame: (
        net.later(4000, arrive, side, frame) if side else arrive(side, frame)
    )
    net.run(30 * SECOND)
    assert apart(net) <= 2500


def test_nobody_asks_five_times_a_second_for_ever():
    net, _, _, wire = pair(1111111111, 2222222222)
    net.run(240 * SECOND)
    assert len(time_packages(wire)) < 40


def test_a_wrapping_clock_is_followed():
    net = MeshNet()
    net.add(1, skew=(1 << 32) - START - 3 * SECOND)
    net.add(2)
    net.join(2, 1)
    net.run(20 * SECOND)
    assert apart(net) < 5000


def test_the_smaller_side_takes_the_larger_sides_time():
    net = MeshNet()
    for node_id in (1, 2, 3):
        net.add(node_id, skew=node_id * 10 * SECOND)
    net.join(2, 1)
    net.run(70 * SECOND)
    old = net.nodes[1].get_node_time(0)
    net.join(3, 1)
    net.run(70 * SECOND)
    assert abs(ntp.int32(net.nodes[1].get_node_time(0) - old)) < 5000
    assert apart(net) < 5000


def test_the_exchange_has_the_shapes_of_the_specification():
    mesh = Mesh(1111111111)
    link = identified(mesh, 2222222222)
    mesh.receive(link, b'{"type":4,"dest":1111111111,"from":2222222222,"msg":{"type":0}}\0', START)
    assert take_all(link) == [
        b'{"type":4,"dest":2222222222,"from":1111111111,"msg":{"type":1,"t0":5000000}}\0'
    ]
    mesh.receive(
        link,
        b'{"type":4,"dest":1111111111,"from":2222222222,"msg":{"type":1,"t0":131013121}}\0',
        START,
    )
    assert take_all(link) == [
        b'{"type":4,"dest":2222222222,"from":1111111111,"msg":{"type":2,"t0":131013121,"t1":4999000,"t2":5001000}}\0'
    ]


def test_the_larger_id_of_two_asks_to_be_asked():
    mesh = Mesh(2222222222)
    link = mesh.link_up(START, True)
    mesh.receive(
        link, b'{"nodeId":1111111111,"type":6,"dest":2222222222,"from":1111111111}\0', START
    )
    take_all(link)
    mesh.tick(START)
    assert take_all(link) == [b'{"type":4,"dest":1111111111,"from":2222222222,"msg":{"type":0}}\0']


def test_a_long_round_trip_widens_the_answer():
    mesh = Mesh(1)
    link = mesh.link_up(START, True)
    mesh.receive(link, b'{"nodeId":2,"type":6,"from":2}\0', START + 800_000)
    assert link.round_trip == 800_000
    take_all(link)
    msg = said(mesh, link, b'{"type":4,"dest":1,"from":2,"msg":{"type":1,"t0":5}}')[0]["msg"]
    assert msg["t2"] - msg["t1"] >= 800_000 // 80


def test_a_stamp_that_is_no_uint32_counts_as_zero():
    mesh = Mesh(1)
    link = identified(mesh, 2)
    for t0 in (b"-5", b"4294967296", b"null", b'"x"', b"[]"):
        answer = said(mesh, link, b'{"type":4,"dest":1,"from":2,"msg":{"type":1,"t0":' + t0 + b"}}")
        assert answer[0]["msg"]["t0"] == 0


def test_a_forged_answer_moves_no_time():
    mesh = Mesh(1)
    link = identified(mesh, 2)
    before = mesh.get_node_time(START)
    assert (
        said(
            mesh,
            link,
            b'{"type":4,"dest":1,"from":2,"msg":{"type":2,"t0":1,"t1":99999999,"t2":99999999}}',
        )
        == []
    )
    assert mesh.get_node_time(START) == before


def test_minus_one_starts_the_round_again():
    mesh = Mesh(1)
    link = identified(mesh, 2)
    assert link.time.due > START
    said(mesh, link, b'{"type":4,"dest":1,"from":2,"msg":{"type":-1}}')
    assert link.time.due == START


def test_time_packages_without_sense_are_ignored():
    mesh = Mesh(1)
    link = identified(mesh, 2)
    for msg in (b"5", b"null", b'"x"', b"[]", b'{"type":9}', b"{}", b'{"type":"x"}'):
        for package_type in (b"3", b"4"):
            assert (
                said(
                    mesh,
                    link,
                    b'{"type":' + package_type + b',"dest":1,"from":2,"msg":' + msg + b"}",
                )
                == []
            )
    assert said(mesh, link, b'{"type":4,"dest":1,"from":2}') == []


def test_a_delay_measurement_is_answered_on_the_link_it_came_from():
    mesh = Mesh(3333333333)
    link = identified(mesh, 2222222222)
    answers = said(
        mesh,
        link,
        b'{"type":3,"dest":3333333333,"from":1111111111,"msg":{"type":1,"t0":132672401}}',
    )
    assert len(answers) == 1
    msg = answers[0].pop("msg")
    assert answers[0] == {"type": 3, "dest": 1111111111, "from": 3333333333}
    assert msg["type"] == 2 and msg["t0"] == 132672401 and msg["t2"] > msg["t1"]


def test_an_impatient_peer_gets_wider_and_wider_stamps():
    """What a node of 1.5.1 or newer does that finds our answers too fast."""
    mesh = Mesh(1)
    link = identified(mesh, 2)
    widths = []
    for repeat in range(4):
        frame = b'{"type":4,"dest":1,"from":2,"msg":{"type":1,"t0":5}}'
        msg = said(mesh, link, frame, START + repeat * 200_000)[0]["msg"]
        widths.append(msg["t2"] - msg["t1"])
    assert widths == [2000, 4000, 8000, 16000]
