"""The gateway and its nodes get to know each other, and what they say is kept until it is told."""

import json

import pytest
from virtual_gateway import GATEWAY, KEY

from gateway.contact import WAITING_MAX
from painlessmesh.level1_node import NodeSide

A, B = 2222222222, 3333333333


def entries(gateway):
    return {
        node.node_id: json.loads(whole(node.entry(gateway.now)))
        for node in gateway.contact.to_tell(gateway.now)
    }


def whole(pieces):
    return b"".join(piece if isinstance(piece, bytes) else piece.encode() for piece in pieces)


def tell_all(gateway):
    for node in gateway.contact.to_tell(gateway.now):
        node.entry(gateway.now)
        node.told()


def test_a_new_node_is_met_within_a_second(gateway):
    node = gateway.add(A)
    gateway.run(1)
    assert node.side.gateway == GATEWAY
    found = entries(gateway)[A]
    assert found["node_id"] == str(A)
    assert found["status"] == node.status() | {"heard": found["status"]["heard"]}


def test_a_gateway_that_restarts_meets_its_nodes_again(gateway):
    node = gateway.add(A)
    gateway.run(40)
    gateway.net.remove(GATEWAY)
    gateway.run(1)
    gateway.start(nonce="11" * 8)
    gateway.rejoin(A)
    gateway.run(1)
    assert entries(gateway)[A]["status"]["phase"] == "idle"
    node.say()
    gateway.run(0.5)
    assert not gateway.contact.node(A).silent(gateway.now + 27_400_000)


def test_a_trial_is_greeted_until_it_ends(gateway):
    node = gateway.add(A)
    gateway.run(1)
    node.phase = "restarting"
    node.next_proof, node.last = "ab" * 32, {}
    gateway.net.wires[-1].loses = lambda frame: b'"type":71' in frame
    gateway.restart_node(A)
    gateway.net.wires[-1].loses = lambda frame: b'"type":71' in frame
    gateway.run(10)
    assert node.phase == "trial"
    gateway.net.wires[-1].loses = None
    gateway.run(31)
    assert node.phase == "idle"


def test_a_silent_node_is_asked_again_and_a_stock_node_not_too_often(gateway):
    stock = gateway.add_stock(A)
    asked = []
    stock.mesh.on_package(71, lambda package, _link, _now: asked.append(package["op"]))
    gateway.run(300)
    assert 9 <= len(asked) <= 16
    assert set(asked) == {"hello"}


def test_only_what_matters_is_news(gateway):
    node = gateway.add(A)
    gateway.run(1)
    assert gateway.contact.has_news()
    tell_all(gateway)
    node.extra = {"heap": 5, "rssi": -70, "up": 99}
    node.say()
    gateway.run(1)
    assert not gateway.contact.has_news()
    node.error = {"md5": "00" * 16, "code": "space", "reason": "No room."}
    node.say()
    gateway.run(1)
    assert gateway.contact.has_news()


def test_what_was_told_is_not_kept(gateway):
    gateway.add(A)
    gateway.run(1)
    tell_all(gateway)
    assert gateway.contact.node(A).words is None
    assert entries(gateway) == {}


def test_what_was_lost_is_told_again(gateway):
    gateway.add(A)
    gateway.run(1)
    (node,) = gateway.contact.to_tell(gateway.now)
    first = node.entry(gateway.now)
    node.lost()
    assert gateway.contact.has_news()
    assert node.entry(gateway.now) == first


def test_what_changes_while_it_is_being_told_is_told_again(gateway):
    node = gateway.add(A)
    gateway.run(1)
    (known,) = gateway.contact.to_tell(gateway.now)
    known.entry(gateway.now)
    node.extra = {"version": "9.9.9"}
    node.say()
    gateway.run(1)
    known.told()
    assert entries(gateway)[A]["status"]["version"] == "9.9.9"


def test_a_new_session_hears_of_every_node_again(gateway):
    gateway.add(A)
    gateway.add(B)
    gateway.run(3)
    tell_all(gateway)
    gateway.contact.tell_everything()
    gateway.run(1)
    assert gateway.contact.has_news()
    assert sorted(entries(gateway)) == [A, B]


def test_a_day_without_home_assistant_costs_no_memory(gateway):
    for number in range(20):
        node = gateway.add(A + number, delay=1000 + number)
        node.extra = {"name": "x" * 30, "reason": "y" * 400}
    gateway.run(300)
    kept = [node.size for node in gateway.contact._nodes.values() if node.size]
    assert sum(kept) <= WAITING_MAX
    assert len(kept) < 20


def test_what_was_not_kept_is_asked_for_when_there_is_room(gateway):
    for number in range(20):
        node = gateway.add(A + number, delay=1000 + number)
        node.extra = {"name": "x" * 30, "reason": "y" * 400}
    gateway.run(60)
    told = set()
    for _ in range(60):
        for found in gateway.contact.to_tell(gateway.now)[:4]:
            told.add(found.node_id)
            found.entry(gateway.now)
            found.told()
        gateway.run(1)
    assert len(told) == 20


def test_a_stock_node_is_known_by_what_it_asks_for(gateway):
    stock = gateway.add_stock(A)
    gateway.run(1)
    stock.mesh.send(
        (
            ("from", A),
            ("routing", 1),
            ("type", 11),
            ("md5", "0" * 32),
            ("hardware", "ESP8266"),
            ("role", "dht"),
            ("noPart", 5),
            ("dest", GATEWAY),
            ("partNo", 0),
        )
    )
    gateway.run(0.5)
    assert gateway.contact.has_news()
    assert entries(gateway)[A]["asks_for"] == {"role": "dht", "hardware": "ESP8266"}
    assert "status" not in entries(gateway).get(A, {})


def test_one_of_our_nodes_is_not_known_by_what_it_asks_for(gateway):
    node = gateway.add(A)
    gateway.run(1)
    gateway.job(bytes(5000), [A])
    gateway.run(5)
    assert node.images
    assert all("asks_for" not in entry for entry in entries(gateway).values())


# ---- members of the mesh that mean harm


def forged(node_id, key, seq, nonce, body):
    side = NodeSide(key, node_id, "ab" * 8)
    side._seq = seq - 1
    return side.build("status", body, (GATEWAY, nonce))


def test_a_status_without_the_mesh_key_changes_nothing(gateway):
    node = gateway.add(A)
    gateway.run(1)
    tell_all(gateway)
    body = json.dumps(node.status() | {"version": "6.6.6", "boot": 99})
    node.mesh.send(forged(A, bytes(32), 99, "9f86d081884c7d65", body))
    gateway.run(1)
    assert entries(gateway) == {}


def test_a_status_of_an_earlier_boot_played_back_changes_nothing(gateway):
    node = gateway.add(A)
    recorded = []
    gateway.mesh.on_package(71, lambda package, _link, _now: recorded.append(dict(package)))
    gateway.run(1)
    node.phase = "idle"
    node.extra = {"version": "2.0.0"}
    gateway.restart_node(A)
    gateway.run(2)
    tell_all(gateway)
    for package in recorded[:3]:
        order = ("type", "routing", "from", "dest", "op", "seq", "nonce", "body", "mac")
        node.mesh.send([(key, package[key]) for key in order])
    gateway.run(1)
    assert entries(gateway) == {}


def test_a_status_that_is_no_json_for_others_is_written_anew(gateway):
    node = gateway.add(A)
    gateway.run(1)
    tell_all(gateway)
    body = json.dumps(
        node.status() | {"boot": 8, "nonce": "ab" * 8, "name": 'a"b\\c\n', "x": [1, {}]}
    )
    node.mesh.send(forged(A, KEY, 1, "9f86d081884c7d65", body))
    gateway.run(1)
    assert entries(gateway)[A]["status"]["name"] == 'a"b\\c\n'


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        '"x"',
        "{}",
        '{"boot": 8}',
        '{"boot": "x", "nonce": "abababababababab"}',
        "{" * 600,
    ],
)
def test_a_status_that_makes_no_sense_is_ignored(gateway, body):
    node = gateway.add(A)
    gateway.run(1)
    tell_all(gateway)
    node.mesh.send(forged(A, KEY, 1, "9f86d081884c7d65", body))
    gateway.run(1)
    assert entries(gateway) == {}


@pytest.mark.parametrize(
    "change",
    [{"phase": 7}, {"md5": []}, {"error": "x"}, {"last": 7}, {"part": "x"}, {"error": {"md5": 7}}],
)
def test_a_status_with_wrong_types_does_not_stop_the_gateway(gateway, change):
    gateway.mesh.on_error = lambda error: None
    node = gateway.add(A)
    gateway.run(1)
    gateway.job(bytes(50_000), [A])
    gateway.run(0.1)
    body = json.dumps(node.status() | {"boot": 8, "nonce": "ab" * 8} | change)
    node.mesh.send(forged(A, KEY, 1, "9f86d081884c7d65", body))
    gateway.run(2)
    gateway.restart_node(A)
    gateway.nodes[A].boot = 20
    gateway.restart_node(A)
    assert gateway.run(60, lambda: node.phase == "restarting")


def test_a_tree_full_of_made_up_nodes_does_not_fill_the_memory(gateway):
    gateway.add(A)
    gateway.run(1)
    for number in range(500):
        subs = ",".join('{"nodeId":%d}' % (5000 + 60 * number + n) for n in range(60))
        frame = '{"nodeId":%d,"subs":[%s],"type":6,"dest":%d,"from":%d}\0' % (A, subs, GATEWAY, A)
        link = gateway.mesh.links[0]
        gateway.mesh.receive(link, frame.encode(), gateway.now)
        gateway.contact.tick(gateway.now)
    assert len(gateway.contact._nodes) <= 80
