"""What a member with the WiFi password but without the mesh key can not do. Runs on both Pythons."""

from painlessmesh.mesh import Mesh
from painlessmesh.protocol import decode, encode
from tests.painlessmesh.mesh_net import SECOND, START, MeshNet, identified, take_all
from tests.painlessmesh.transfer import GATEWAY, image_of, net_with

OTA_FIELDS = b'"md5":"%s","hardware":"ESP32-MPY","role":"pir","noPart":49,"broadcasted":false'


def between():
    """Mesh 1 between the gateway 2 and the attacker 3, with what reached its application."""
    mesh = Mesh(1)
    heard = []
    for package_type in (10, 11, 12, 71):
        mesh.on_package(package_type, lambda package, link, now: heard.append(package["type"]))
    gateway, attacker = identified(mesh, 2), identified(mesh, 3)
    take_all(gateway)
    return mesh, gateway, attacker, heard


def test_firmware_packages_under_anothers_name_are_dropped():
    mesh, gateway, attacker, heard = between()
    for package_type in (10, 11, 12, 71):
        frame = b'{"type":%d,"routing":1,"dest":1,"from":2}\0' % package_type
        mesh.receive(attacker, frame, START)
        assert heard == []
        mesh.receive(gateway, frame, START)
        assert heard.pop() == package_type


def test_firmware_packages_without_a_name_or_under_our_own_are_dropped():
    mesh, _, attacker, heard = between()
    for sender in (b"", b',"from":0', b',"from":1', b',"from":null', b',"from":99'):
        mesh.receive(attacker, b'{"type":12,"routing":1,"dest":1' + sender + b"}\0", START)
    assert heard == []


def test_firmware_packages_over_a_link_without_a_name_are_dropped():
    mesh, _, _, heard = between()
    stranger = mesh.link_up(START, False)
    mesh.receive(stranger, b'{"type":12,"routing":1,"dest":1,"from":9}\0', START)
    mesh.receive(stranger, b'{"type":71,"routing":1,"dest":1,"from":2}\0', START)
    assert heard == []


def test_a_broadcast_announcement_under_the_gateways_name_is_neither_heard_nor_passed_on():
    mesh, gateway, attacker, heard = between()
    mesh.receive(attacker, b'{"type":10,"routing":2,"from":2}\0', START)
    assert heard == [] and take_all(gateway) == []


def test_a_member_that_claims_the_gateway_below_itself_does_not_speak_for_it():
    mesh, gateway, attacker, heard = between()
    mesh.receive(attacker, b'{"nodeId":3,"subs":[{"nodeId":2}],"type":5,"from":3}\0', START)
    assert mesh.link_to(2) is gateway and mesh.lies_behind(2, gateway)
    mesh.receive(attacker, b'{"type":12,"routing":1,"dest":1,"from":2}\0', START)
    assert heard == []


def test_a_node_claimed_twice_stays_where_it_was():
    mesh, gateway, attacker, heard = between()
    mesh.receive(gateway, b'{"nodeId":2,"subs":[{"nodeId":8}],"type":5,"from":2}\0', START)
    mesh.receive(attacker, b'{"nodeId":3,"subs":[{"nodeId":8}],"type":5,"from":3}\0', START)
    mesh.receive(attacker, b'{"type":71,"routing":1,"dest":1,"from":8}\0', START)
    assert heard == []
    mesh.receive(gateway, b'{"type":71,"routing":1,"dest":1,"from":8}\0', START)
    assert heard == [71]


def test_forged_parts_do_not_get_into_an_image():
    net, gateway, nodes = net_with(image_of(50_000), delay=20_000)
    attacker = net.add(3333333333)
    net.join(3333333333, GATEWAY)
    net.run(SECOND)
    md5 = gateway.offer.md5.encode()
    while not nodes[0].complete:
        for sender in (GATEWAY, 3333333333):
            part = nodes[0].receiver.part
            attacker.links[0].queue(
                b'{"from":%d,"routing":1,"type":12,' % sender
                + OTA_FIELDS % md5
                + b',"dest":2222222222,"partNo":%d,"data":"%s"}\0' % (part, b"AAAA" * 341)
            )
        net.run(20_000)
        assert net.now < 100 * SECOND
    assert nodes[0].image() == gateway.image


def test_forged_requests_under_a_targets_name_give_nobody_a_part():
    net, gateway, nodes = net_with(image_of(50_000))
    attacker = net.add(3333333333)
    wire = net.join(3333333333, GATEWAY)
    net.run(10 * SECOND)
    assert nodes[0].complete
    md5 = gateway.offer.md5.encode()
    for sender in (2222222222, 3333333333):
        attacker.links[0].queue(
            b'{"from":%d,"routing":1,"type":11,' % sender
            + OTA_FIELDS % md5
            + b',"dest":%d,"partNo":0}\0' % GATEWAY
        )
    net.run(SECOND)
    assert not [frame for sender, frame in wire.log if sender == GATEWAY and b'"type":12' in frame]
    assert gateway.sender.target(2222222222).base > 0


def test_wrong_types_in_every_field_change_nothing():
    """Each key of each package, replaced by each kind of JSON value."""
    values = (
        None,
        True,
        False,
        -1,
        0,
        1,
        4294967296,
        1.5,
        1e30,
        "",
        "x",
        "1",
        "ä" * 50,
        [],
        [1],
        {},
        {"type": 1},
    )
    packages = (
        {"nodeId": 3, "root": True, "subs": [{"nodeId": 4}], "type": 5, "dest": 1, "from": 3},
        {"type": 4, "dest": 1, "from": 3, "msg": {"type": 1, "t0": 5}},
        {"type": 3, "dest": 1, "from": 3, "msg": {"type": 2, "t0": 5, "t1": 6, "t2": 7}},
        {"type": 8, "dest": 0, "from": 3, "msg": "x"},
        {"type": 9, "dest": 1, "from": 3, "msg": "x"},
        {
            "type": 12,
            "routing": 1,
            "dest": 1,
            "from": 3,
            "partNo": 0,
            "data": "QUJD",
            "noPart": 1,
            "md5": "x",
        },
        {
            "type": 71,
            "routing": 1,
            "from": 3,
            "dest": 1,
            "op": "go",
            "seq": 1,
            "nonce": "",
            "body": "{}",
            "mac": "x",
        },
    )
    for package in packages:
        for key in package:
            for value in values:
                mesh, gateway, attacker, _ = between()
                mesh.receive(attacker, as_json(dict(package, **{key: value})) + b"\0", START)
                mesh.tick(START + SECOND)
                assert mesh.link_to(2) is gateway and not gateway.closing


def as_json(package):
    import json

    return json.dumps(package).encode()


def test_a_peer_that_sends_for_a_slow_neighbour_does_not_fill_the_heap():
    mesh, slow, attacker, _ = between()
    for number in range(2000):
        mesh.receive(
            attacker, b'{"type":9,"dest":2,"from":3,"msg":"%s"}\0' % (b"x" * (number % 4000)), START
        )
    assert slow.waiting <= 32


def test_trees_that_change_all_the_time_pile_up_nowhere():
    mesh, other, attacker, _ = between()
    for number in range(500):
        mesh.receive(
            attacker,
            b'{"nodeId":3,"subs":[{"nodeId":%d}],"type":5,"from":3}\0' % (number + 10),
            START,
        )
    assert other.waiting == 1 and attacker.waiting <= 2


def test_a_relay_never_parses_what_it_would_not_send_back():
    """A frame with a broken tail goes on as it came, and cannot become two frames."""
    net = MeshNet()
    for node_id in (1, 2, 3):
        net.add(node_id)
    net.join(2, 1)
    net.join(3, 2)
    net.run(SECOND)
    net.nodes[1].links[0].queue(
        b'{"type":9,"dest":3,"from":1,"msg":"a"}{"type":9,"dest":3,"from":1,"msg":"b"}\0'
    )
    net.run(SECOND)
    assert net.received == [(3, 1, "a")]


def test_encode_cannot_be_made_to_break_out_of_a_string():
    nasty = '","from":5,"x":"\\'
    assert decode(encode((("msg", nasty), ("from", 1)))[:-1]) == {"msg": nasty, "from": 1}
