"""One image to everybody: the original's broadcast mode row by row (7.5), and our push with repair. Runs on both Pythons."""

import binascii

from painlessmesh.ota_ahead import AHEAD_OF_ALL
from painlessmesh.ota_push import LAST_REPEATS, LEAST, MOST, Push
from painlessmesh.protocol import decode
from tests.painlessmesh.mesh_net import SECOND, MeshNet
from tests.painlessmesh.test_ota_receiver import (
    GATEWAY,
    NODE,
    STRANGER,
    announcement,
    asked,
    data,
    names,
    receiver,
    wire,
)
from tests.painlessmesh.test_ota_sender import request, sender
from tests.painlessmesh.transfer import (
    Gateway,
    Losses,
    StockNode,
    Taker,
    image_of,
    md5_of,
)

IMAGE = image_of(60_000)
PARTS = 59
MS = 1000


class PushingGateway(Gateway):
    """Offers to everybody; `push` is there once it has begun."""

    def __init__(self, net, image, role="pir", hardware="ESP32-MPY", stock=False):
        self.push = None
        self.stock = stock
        super().__init__(net, image, role, hardware)
        self.offer.broadcast = True
        self.mesh.on_idle = None
        self.beat()
        self.mesh.on_nameless_request = self.nameless

    def begin(self, node_ids):
        for node_id in node_ids:
            self.sender.add_target(self.offer, node_id, ahead=AHEAD_OF_ALL)
            self.announce(node_id)
        if self.stock:
            self.mesh.send(self.sender.broadcast_announcement(self.offer))
        targets = [self.sender.target(node_id) for node_id in node_ids]
        self.push = Push(self.offer, targets, GATEWAY if self.stock else None)

    def needed(self, package, link, now):
        Gateway.needed(self, package, link, now)
        self.push.heard(self.sender.target(package["from"]), now)

    def nameless(self, package, link, now):
        self.give(self.push.asked(package, now))

    def beat(self):
        """One message each 2 ms: the wires have no rate of their own."""
        self.pace(self.net.local(self.mesh))
        self.net.later(2 * MS, self.beat)

    def pump(self, now):
        pass

    def pace(self, now):
        if self.push is None:
            return
        for target in self.push.targets:
            if target.base < 0 and self.push.part < 0:
                return
        if self.push.part < 0:
            self.push.begin()
        self.give(self.sender.due(now) or self.push.take(now))


class ListeningNode(StockNode):
    """A C++ node of 1.5.4 or newer in broadcast mode: it only notes the md5, and asks in a wrong name (7.5)."""

    def announced(self, package, link, now):
        if package["role"] == self.role and package["md5"] != self.md5:
            self.md5, self.server, self.parts = package["md5"], package["from"], package["noPart"]

    def data(self, package, link, now):
        if package["md5"] != self.md5 or self.finished:
            return
        if package["partNo"] == self.part:
            self.written.append(binascii.a2b_base64(package["data"]))
            self.finished = int(self.part == package["noPart"] - 1)
            self.part += 1
            if not package["broadcasted"] and not self.finished:
                self.say(package["dest"], package["from"])
        elif package["broadcasted"]:
            self.say(package["dest"], package["from"])

    def say(self, name, to):
        self.requests += 1
        asking = request(self.part, role=self.role, hardware=self.hardware, md5=self.md5)
        asking["from"], asking["dest"] = name, to
        keys = ("from", "routing", "type", "md5", "hardware", "role", "noPart", "broadcasted")
        pairs = tuple([(key, asking[key]) for key in keys + ("dest", "partNo")])
        link = self.mesh.link_to(to)
        from painlessmesh.protocol import encode

        link.queue(encode(pairs))


def house(loss=0, nodes=6):
    """A tree of two levels, all targets; (net, gateway, nodes)."""
    net = MeshNet()
    gateway = PushingGateway(net, IMAGE)
    takers = []
    for index in range(nodes):
        takers.append(Taker(net, 21 + index))
        wire = net.join(21 + index, GATEWAY if index < 2 else 21 + index % 2, 5000)
        wire.loses = Losses(loss, index + 1) if loss else None
    net.run(2 * SECOND)
    return net, gateway, takers


def run_until(net, condition, seconds=60):
    end = net.now + seconds * SECOND
    while not condition():
        assert net.now < end
        net.run(SECOND // 20)


def all_complete(nodes):
    return lambda: all([node.complete for node in nodes])


# The original's mode, row by row


def test_only_a_root_asks_and_the_others_note_the_image():
    listener, root = receiver(), receiver()
    root.root = True
    assert names(listener.announce(announcement(broadcasted=True), 0, 0)) == ["begin"]
    assert names(root.announce(announcement(broadcasted=True), 0, 0)) == ["begin", "request"]


def test_with_a_sender_that_serves_the_root_alone_ours_asks_for_itself():
    made = receiver()
    made.announce(announcement(broadcasted=True), 0, 0)
    assert asked(made.tick(3 * SECOND)) == 0


def test_what_goes_to_everybody_is_taken_whoever_it_is_addressed_to():
    made = receiver()
    made.announce(announcement(broadcasted=True), 0, 0)
    events = made.data(data(0, broadcasted=True, routing=2, dest=STRANGER), 1)
    assert names(events) == ["part"]


def test_a_gateway_that_is_the_root_itself_needs_nobody_to_ask():
    made = sender()
    push = Push(made.offer_of("sensor", "ESP32"), [], GATEWAY)
    assert push.begin() and push.take(0).part == 0


def test_nodes_up_to_1_5_3_ask_alone_and_are_answered_alone():
    made = sender()
    made.offer_of("sensor", "ESP32").broadcast = True
    asking = request(0)
    del asking["broadcasted"]
    said = wire(made.data_package(made.on_request(asking, 0), bytes(1024)))
    assert said["routing"] == 1 and said["dest"] == NODE and "broadcasted" not in said


def test_a_listener_of_ours_that_misses_a_part_asks_in_its_own_name():
    made = receiver()
    made.announce(announcement(broadcasted=True), 0, 0)
    said = wire(made.data(data(1, broadcasted=True, dest=STRANGER), 1)[0][1])
    assert said["from"] == NODE and said["dest"] == GATEWAY and said["partNo"] == 0


def stock_house(loss=0):
    net = MeshNet()
    gateway = PushingGateway(net, IMAGE, "sensor", "ESP32", True)
    nodes = [ListeningNode(net, NODE + index) for index in range(3)]
    for index in range(3):
        wire = net.join(NODE + index, NODE + index - 1 if index == 2 else GATEWAY, 5000)
        wire.loses = Losses(loss, 5 + index) if loss else None
    net.run(2 * SECOND)
    gateway.begin([])
    return net, gateway, nodes


def test_c_nodes_take_what_is_pushed_to_everybody_without_a_word():
    net, _, nodes = stock_house()
    run_until(net, lambda: all([node.finished for node in nodes]))
    assert [node.image() == IMAGE for node in nodes] == [True] * 3
    assert [node.requests for node in nodes] == [0] * 3


def test_a_part_that_a_c_node_misses_and_asks_for_in_our_name_is_repeated():
    net, _, nodes = stock_house(loss=4)
    run_until(net, lambda: all([node.finished for node in nodes]), 120)
    assert [node.image() == IMAGE for node in nodes] == [True] * 3
    assert sum([node.requests for node in nodes]) > 0


def test_pushed_parts_have_the_shape_that_c_nodes_take():
    made = sender()
    push = Push(made.offer_of("sensor", "ESP32"), [], GATEWAY)
    push.begin()
    said = wire(made.data_package(push.take(0), bytes(1024)))
    assert said["routing"] == 2 and said["broadcasted"] is True and said["dest"] == GATEWAY
    push.take(0)
    said = wire(made.data_package(push.asked(request(0), 0), bytes(1024)))
    assert said["routing"] == 2 and said["broadcasted"] is False


def test_many_that_miss_the_same_part_get_one_answer():
    made = sender()
    push = Push(made.offer_of("sensor", "ESP32"), [], GATEWAY)
    push.begin()
    for _ in range(3):
        push.take(0)
    assert push.asked(request(1), 0).part == 1 and push.asked(request(1), 50 * MS) is None
    assert push.asked(request(1), 100 * MS).part == 1


def test_nameless_requests_for_other_images_or_parts_not_sent_yet_get_nothing():
    made = sender()
    push = Push(made.offer_of("sensor", "ESP32"), [], GATEWAY)
    push.begin()
    push.take(0)
    for wrong in ({"md5": "0" * 32}, {"role": "x"}, {"hardware": "x"}, {"partNo": 1}):
        assert push.asked(request(0, **wrong), 0) is None


def test_a_nameless_request_reaches_only_who_asks_for_it():
    from painlessmesh.mesh import Mesh
    from tests.painlessmesh.mesh_net import START, identified

    mesh, heard = Mesh(GATEWAY), []
    mesh.on_package(11, lambda *package: heard.append("plugin"))
    link = identified(mesh, NODE)
    frame = b'{"from":1111111111,"routing":1,"type":11,"dest":1111111111,"partNo":0}\0'
    mesh.receive(link, frame, START)
    assert heard == []
    mesh.on_nameless_request = lambda package, link, now: heard.append(package["partNo"])
    mesh.receive(link, frame, START)
    assert heard == [0]


def test_the_last_part_is_repeated_for_c_nodes_a_few_times():
    made = sender()
    push = Push(made.offer_of("sensor", "ESP32"), [], GATEWAY)
    push.begin()
    parts = [push.take(0).part for _ in range(5)]
    assert parts == [0, 1, 2, 3, 4] and push.take(0) is None
    again = [push.take(second * SECOND) for second in range(60)]
    assert [one.part for one in again if one] == [4] * LAST_REPEATS


# Our nodes


def test_each_link_carries_each_part_once():
    net, gateway, nodes = house()
    gateway.begin([node.mesh.node_id for node in nodes])
    run_until(net, all_complete(nodes))
    assert [node.image() == IMAGE for node in nodes] == [True] * 6
    for wire_ in net.wires:
        assert len([1 for _, frame in wire_.log if b'"type":12' in frame]) == PARTS


def test_what_a_node_misses_goes_to_it_alone():
    net, gateway, nodes = house(loss=5)
    gateway.begin([node.mesh.node_id for node in nodes])
    for _ in range(10):
        net.run(SECOND // 3)
        for node in nodes:
            if gateway.sender.target(node.mesh.node_id).base < 0:
                gateway.announce(node.mesh.node_id)
    run_until(net, all_complete(nodes))
    assert [node.image() == IMAGE for node in nodes] == [True] * 6
    pushed, repaired = 0, 0
    for _, frame in net.wires[0].log:
        package = decode(frame[:-1])
        if package["type"] == 12 and package["routing"] == 2:
            pushed += 1
        elif package["type"] == 12:
            assert package["broadcasted"] is False
            repaired += 1
    assert pushed == PARTS and 0 < repaired < PARTS


def test_who_joins_late_catches_up_alone_and_nobody_waits():
    net, gateway, nodes = house()
    late = nodes.pop()
    gateway.begin([node.mesh.node_id for node in nodes])
    net.run(SECOND // 20)
    gateway.push.add(
        gateway.sender.add_target(gateway.offer, late.mesh.node_id, ahead=AHEAD_OF_ALL)
    )
    run_until(net, all_complete(nodes), 5)
    assert not late.complete
    gateway.announce(late.mesh.node_id)
    run_until(net, lambda: late.complete)
    assert late.image() == IMAGE


def test_a_node_that_falls_silent_holds_nobody_up():
    net, gateway, nodes = house()
    gateway.begin([node.mesh.node_id for node in nodes])
    net.run(SECOND // 20)
    silent = nodes.pop()
    silent.mesh.on_package(12, lambda *package: None)
    silent.take = lambda events: None
    run_until(net, all_complete(nodes), 20)


def test_slow_answers_shrink_the_window_and_fast_ones_widen_it():
    made = sender(size=1000 * 1024)
    offer = made.offer_of("sensor", "ESP32")
    target = made.add_target(offer, NODE, ahead=AHEAD_OF_ALL)
    push = Push(offer, [target])
    assert not push.begin()
    target.told(0, 0, 0, 0)
    assert push.begin()
    now = 0
    for trip in [20] * 10 + [500] * 10:
        while push.take(now):
            pass
        now += trip * MS
        target.told(push.part, push.part, 0, now)
        push.heard(target, now)
        if trip == 20:
            assert push.window >= 32
            widest = push.window
    assert widest == MOST and push.window == LEAST
    target.told(0, 0, 0, now)
    push.heard(target, now)


def test_the_image_is_what_was_offered():
    assert md5_of(IMAGE) == PushingGateway(MeshNet(), IMAGE).offer.md5
