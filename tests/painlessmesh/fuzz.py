"""Mutated frames for the protocol object: the same ones for the same seed, on both Pythons."""

from painlessmesh.layout import TREE_LIMIT
from painlessmesh.level1_gateway import GatewayBoot, GatewaySide
from painlessmesh.level1_node import NodeSide
from painlessmesh.mesh import Mesh
from painlessmesh.neighbour import WAITING_BYTES, WAITING_LIMIT
from painlessmesh.ota import Offer, Receiver, Sender
from tests.painlessmesh.mesh_net import START, identified, take_all

MD5 = b"e0ccfdbafdd6de45dd1c93de26f389fe"
SEEDS = (
    b'{"nodeId":3,"type":5,"dest":0,"from":3}',
    b'{"nodeId":3,"root":true,"subs":[{"nodeId":4,"subs":[{"nodeId":5}]},{"nodeId":6}],"type":6,"dest":1,"from":3}',
    b'{"type":4,"dest":1,"from":3,"msg":{"type":0}}',
    b'{"type":4,"dest":1,"from":3,"msg":{"type":1,"t0":131013121}}',
    b'{"type":4,"dest":1,"from":3,"msg":{"type":2,"t0":131013121,"t1":2926880231,"t2":2926880239}}',
    b'{"type":3,"dest":1,"from":3,"msg":{"type":1,"t0":132672401}}',
    b'{"type":8,"dest":0,"from":3,"msg":"hello all"}',
    b'{"type":9,"dest":1,"from":3,"msg":"{\\"k\\":\\"v\\\\\\"q\\"}"}',
    b'{"type":9,"dest":2,"from":3,"msg":[1.5,null,{"deep":true}]}',
    b'{"from":3,"routing":1,"type":10,"md5":"'
    + MD5
    + b'","hardware":"H","role":"r","noPart":3,"broadcasted":false,"dest":1}',
    b'{"from":3,"routing":1,"type":11,"md5":"'
    + MD5
    + b'","hardware":"H","role":"r","noPart":3,"dest":1,"partNo":1}',
    b'{"from":3,"routing":1,"type":12,"md5":"'
    + MD5
    + b'","hardware":"H","role":"r","noPart":3,"dest":1,"partNo":0,"data":"'
    + b"QUJD" * 341
    + b'QQ=="}',
    b'{"type":71,"routing":1,"from":3,"dest":1,"op":"go","seq":4,"nonce":"0123456789abcdef","body":"{}","mac":"0"}',
    b'{"routing":2,"type":610,"from":3,"x":{"y":[[[[]]]]}}',
)
BYTES = b'{}[]":,\\0123456789-+.eEtfn \x00\x01\x7f\x80\xc3\xff'


class Dice:
    def __init__(self, seed):
        self.state = (seed * 2654435761 + 88675123) & 0xFFFFFFFF

    def below(self, limit):
        """xorshift, 32 bits."""
        state = self.state
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
        self.state = state
        return state % limit


def mutated(dice):
    """A seed with one to four bytes, stretches or numbers changed."""
    frame = SEEDS[dice.below(len(SEEDS))]
    for _ in range(dice.below(4) + 1):
        at = dice.below(len(frame) + 1)
        kind = dice.below(6)
        if kind == 0:
            frame = frame[:at] + frame[at + 1 + dice.below(8) :]
        elif kind == 1:
            place = dice.below(len(BYTES))
            frame = frame[:at] + BYTES[place : place + 1] + frame[at + dice.below(2) :]
        elif kind == 2:
            stop = at + dice.below(40)
            frame = frame[:stop] + frame[at:]
        elif kind == 3:
            frame = (
                frame[:at]
                + (b"[", b"{", b'{"a":', b"9")[dice.below(4)] * dice.below(300)
                + frame[at:]
            )
        elif kind == 4:
            other = SEEDS[dice.below(len(SEEDS))]
            frame = frame[:at] + other[dice.below(len(other)) :]
        else:
            digit = b"%d" % dice.below(1 << 31)
            frame = frame[:at] + digit + frame[at + len(digit) :]
    return frame


class Victim:
    """A node with everything that listens to the mesh."""

    def __init__(self):
        self.now = START
        self.mesh = Mesh(1)
        self.other = identified(self.mesh, 2)
        self.link = identified(self.mesh, 3)
        self.receiver = Receiver(1, "r", "H")
        self.sender = Sender(1)
        offer = Offer("r", "H", str(MD5, "utf-8"), 3000)
        self.sender.offer(offer)
        self.sender.add_target(offer, 3)
        self.gateway_side = GatewaySide(GatewayBoot(bytes(32), 1, "0123456789abcdef"), 3)
        self.node_side = NodeSide(bytes(32), 1, "0123456789abcdef")
        self.mesh.on_package(10, lambda package, link, now: self.receiver.announce(package, now, 0))
        self.mesh.on_package(11, lambda package, link, now: self.sender.on_request(package, now))
        self.mesh.on_package(12, lambda package, link, now: self.receiver.data(package, now))
        self.mesh.on_package(71, self.level_1)

    def level_1(self, package, link, now):
        assert self.gateway_side.check(package) is None
        assert self.node_side.check(package) is None
        assert self.node_side.asked_by(package, now) is None

    def take(self, frame):
        self.now += 1000
        self.mesh.receive(self.link, frame + b"\0", self.now)
        self.mesh.tick(self.now)
        self.receiver.tick(self.now)
        self.sender.due(self.now)
        self.check()

    def check(self):
        for link in self.mesh.links:
            assert link.waiting <= WAITING_LIMIT + 4
            assert link._bytes <= WAITING_BYTES
        assert len(self.mesh.get_node_list()) < TREE_LIMIT
        assert not self.other.closing or self.other.closing.startswith(("node sync", "replaced"))
        if self.link.closing:
            self.mesh.link_down(self.link, self.now)
            self.link = identified(self.mesh, 3, self.now)
        if self.other not in self.mesh.links or self.other.closing or self.now % 5_000_000 == 0:
            self.mesh.link_down(self.other, self.now)
            self.other = identified(self.mesh, 2, self.now)
        take_all(self.other)
        take_all(self.link)


def run(count, seed):
    """Feeds `count` mutated frames; whatever escapes is a defect."""
    dice = Dice(seed)
    victim = Victim()
    for number in range(count):
        frame = mutated(dice)
        try:
            victim.take(frame)
        except Exception:
            print("seed", seed, "frame", number, frame)
            raise
        if number % 1000 == 999:
            victim = Victim()
