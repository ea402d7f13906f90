"""An image on its way over a MeshNet: a gateway with a Sender, nodes with a Receiver or a stock node in their place."""

import binascii
import hashlib

from painlessmesh.ota import Offer, Receiver, Sender
from painlessmesh.protocol import decode
from tests.painlessmesh.mesh_net import MeshNet

GATEWAY = 1111111111
ROOM = 4  # frames that may wait at the gateway: more would only age there
ROLE, HARDWARE = "pir", "ESP32-MPY"


def image_of(size, seed=1):
    """Bytes that no two parts share."""
    return bytes([(index * 7 + (index >> 10) * 31 + seed) & 0xFF for index in range(size)])


def md5_of(image):
    return str(binascii.hexlify(hashlib.md5(image).digest()), "utf-8")


class Gateway:
    def __init__(self, net, image, role=ROLE, hardware=HARDWARE, forced=False):
        self.net = net
        self.image = image
        self.mesh = net.add(GATEWAY)
        self.sender = Sender(GATEWAY)
        self.offer = Offer(role, hardware, md5_of(image), len(image), forced)
        assert self.sender.offer(self.offer)
        self.mesh.on_package(11, self.requested)
        self.mesh.on_package(71, self.needed)
        self.mesh.on_idle = self.pump
        self.step()

    def needed(self, package, link, now):
        self.sender.on_need(package["from"], decode(package["body"].encode()), now)
        self.pump(now)

    def requested(self, package, link, now):
        self.give(self.sender.on_request(package, now))
        self.pump(now)

    def pump(self, now):
        while sum([link.waiting for link in self.mesh.links]) < ROOM:
            request = self.sender.due(now)
            if request is None:
                return
            self.give(request)

    def give(self, request):
        if request is None:
            return
        if request.announce:
            self.mesh.send(self.sender.announcement(request.node_id))
        start = request.part * 1024
        self.mesh.send(self.sender.data_package(request, self.image[start : start + 1024]))

    def step(self):
        self.pump(self.net.local(self.mesh))
        self.net.later(50_000, self.step)

    def announce(self, node_id):
        self.mesh.send(self.sender.announcement(node_id))


def need_package(node_id, body):
    """A package 71 of the right size; who may say so is test_level1's."""
    return (
        ("type", 71),
        ("routing", 1),
        ("from", node_id),
        ("dest", GATEWAY),
        ("op", "need"),
        ("seq", 1000),
        ("nonce", "0" * 16),
        ("body", body),
        ("mac", "0" * 64),
    )


class Taker:
    """One of our nodes. `first` is the part that its storage resumes at."""

    def __init__(self, net, node_id, first=0, role=ROLE, hardware=HARDWARE):
        self.net = net
        self.mesh = net.add(node_id)
        self.receiver = Receiver(node_id, role, hardware)
        self.got = {}
        self.events = []
        self.first = first
        self.mesh.on_package(10, self.announced)
        self.mesh.on_package(
            12, lambda package, link, now: self.take(self.receiver.data(package, now))
        )
        self.step()

    def step(self):
        self.take(self.receiver.tick(self.net.local(self.mesh)))
        self.net.later(100_000, self.step)

    def announced(self, package, link, now):
        self.take(self.receiver.announce(package, now, self.first + len(self.got)))

    def take(self, events):
        for event in events:
            self.events.append(event[0])
            if event[0] == "request":
                self.mesh.send(event[1])
            elif event[0] == "need":
                self.mesh.send(need_package(self.mesh.node_id, event[1]))
            elif event[0] == "part":
                assert event[1] not in self.got
                self.got[event[1]] = event[2]

    def image(self):
        return b"".join([self.got[part] for part in sorted(self.got)])

    @property
    def complete(self):
        return "complete" in self.events


class StockNode:
    """A C++ receiver as the specification describes it (7.3), with its timers; `forgets` makes it one of 1.4.1 to 1.4.3."""

    def __init__(self, net, node_id, role="sensor", hardware="ESP32", forgets=False):
        self.net = net
        self.node_id = node_id
        self.forgets = forgets
        self.role, self.hardware = role, hardware
        self.mesh = net.add(node_id)
        self.installed = self.md5 = ""
        self.part = 0
        self.written = []
        self.finished = 0  # how often the last part was taken
        self.restart_at = None
        self.server = 0
        self.parts = 0
        self.ask_at = None
        self.requests = 0
        self.mesh.on_package(10, self.announced)
        self.mesh.on_package(12, self.data)
        self.step()

    def step(self):
        if self.ask_at is not None and self.net.now >= self.ask_at:
            self.ask()
        self.net.later(100_000, self.step)

    def announced(self, package, link, now):
        if package["role"] != self.role or package["hardware"] != self.hardware:
            return
        if package["md5"] == self.md5 or (
            package["md5"] == self.installed and not package.get("forced")
        ):
            return
        self.md5 = package["md5"]
        self.server, self.parts = package["from"], package["noPart"]
        self.ask()

    def ask(self):
        self.requests += 1
        self.ask_at = self.net.now + 30_000_000
        self.mesh.send(
            (
                ("from", self.node_id),
                ("routing", 1),
                ("type", 11),
                ("md5", self.md5),
                ("hardware", self.hardware),
                ("role", self.role),
                ("noPart", self.parts),
                ("broadcasted", False),
                ("dest", self.server),
                ("partNo", self.part),
            )
        )

    def data(self, package, link, now):
        if self.restart_at and self.net.now >= self.restart_at:
            self.md5, self.installed = "", self.md5 or self.installed
        if package["md5"] != self.md5 or not self.md5 or package["partNo"] != self.part:
            return
        self.written.append(binascii.a2b_base64(package["data"]))
        if self.part == package["noPart"] - 1:
            self.finished += 1
            self.ask_at = None
            self.restart_at = self.restart_at or self.net.now + 2_000_000
            return
        self.part += 1
        self.ask()
        if self.forgets:
            self.md5 = ""
            self.ask_at = None

    def image(self):
        return b"".join(self.written)


class Losses:
    """Loses every so-manyth OTA message, at pseudo-random places."""

    def __init__(self, percent, seed=1):
        self.percent = percent
        self.state = seed
        self.lost = 0

    def __call__(self, frame):
        if decode(frame[:-1])["type"] not in (11, 12, 71):
            return False
        self.state = (self.state * 1103515245 + 12345) & 0x7FFFFFFF
        lose = (self.state >> 16) % 100 < self.percent
        self.lost += lose
        return lose


def net_with(image, takers=1, delay=5000, losses=None, forced=False, ahead=0):
    """(net, gateway, takers): a star; all are targets and announced to."""
    net = MeshNet()
    gateway = Gateway(net, image, forced=forced)
    nodes = []
    for index in range(takers):
        nodes.append(Taker(net, 2222222222 + index))
        wire = net.join(2222222222 + index, GATEWAY, delay)
        wire.loses = losses
    net.run(1_000_000)
    for node in nodes:
        gateway.sender.add_target(gateway.offer, node.mesh.node_id, ahead=ahead)
        gateway.announce(node.mesh.node_id)
    return net, gateway, nodes
