"""Who gives an image to whom: the original's sender, ours at both levels, and the nodes that take it."""

from painlessmesh.ota import Offer, Sender
from painlessmesh.ota_ahead import AHEAD, AHEAD_OF_ALL
from painlessmesh.ota_push import Push
from painlessmesh.protocol import decode
from scripts.benchmark.radio import Air
from tests.painlessmesh.transfer import GATEWAY, StockNode, Taker, md5_of

BEAT = 100_000  # us between two looks of our gateway at what is due, as in the firmware
TOGETHER = 1_000_000  # us for all nodes to take up an offer to everybody
ROOM = 2  # frames waiting in all the gateway's links


class StopAndWait:
    """The sender of the original (7.2): one part for each request, nothing by itself."""

    announce_again = 60_000_000  # us, to a node that has not asked yet

    def __init__(self, net: Air, image: bytes, role: str, hardware: str) -> None:
        self.net = net
        self.image = image
        self.mesh = net.add(GATEWAY)
        self.sender = Sender(GATEWAY)  # makes the packages; decides nothing
        self.offer = Offer(role, hardware, md5_of(image), len(image))
        self.sender.offer(self.offer)
        self.mesh.on_package(11, self._requested)

    def offer_to(self, node_ids: list[int]) -> None:
        for node_id in node_ids:
            self._add(node_id)
            self._announce(node_id)

    def _add(self, node_id: int) -> None:
        self.sender.add_target(self.offer, node_id, True, 1)

    def _announce(self, node_id: int) -> None:
        """Again until the node asks: an announcement may be lost."""
        if self.sender.target(node_id).base < 0:
            self.mesh.send(self.sender.announcement(node_id))
            self.net.later(self.announce_again, self._announce, node_id)

    def _requested(self, package: dict, link: object, now: int) -> None:
        request = self.sender.on_request(package, now)
        if request:
            start = request.part * 1024
            payload = self.image[start : start + 1024]
            self.mesh.send(self.sender.data_package(request, payload))


class Pushing(StopAndWait):
    """Our sender, as the gateway's firmware uses it: few frames wait in its links, more follow when they have left."""

    def __init__(self, net: Air, image: bytes, role: str, hardware: str, level: int) -> None:
        super().__init__(net, image, role, hardware)
        self.level = level
        self.announce_again = 2_000_000 if level else 30_000_000
        self.mesh.on_package(71, self._needed)
        self.mesh.on_idle = self._pump
        self._beat()

    def _add(self, node_id: int) -> None:
        ahead = AHEAD if self.level else 0
        self.sender.add_target(self.offer, node_id, not self.level, ahead=ahead)

    def _requested(self, package: dict, link: object, now: int) -> None:
        self._give(self.sender.on_request(package, now))
        self._pump(now)

    def _needed(self, package: dict, link: object, now: int) -> None:
        self.sender.on_need(package["from"], decode(package["body"].encode()), now)
        self._pump(now)

    def _pump(self, now: int) -> None:
        while sum(link.waiting for link in self.mesh.links) < ROOM:
            request = self.sender.due(now)
            if request is None:
                return
            self._give(request)

    def _give(self, request: object) -> None:
        if request is None:
            return
        if request.announce:
            self.mesh.send(self.sender.announcement(request.node_id))
        start = request.part * 1024
        payload = self.image[start : start + 1024]
        self.mesh.send(self.sender.data_package(request, payload))

    def _beat(self) -> None:
        self._pump(self.net.now)
        self.net.later(BEAT, self._beat)


class Broadcasting(Pushing):
    """Our sender to everybody at once: level 1 only."""

    def __init__(self, net: Air, image: bytes, role: str, hardware: str) -> None:
        self.push = None
        super().__init__(net, image, role, hardware, 1)
        self.announce_again = 300_000

    def offer_to(self, node_ids: list[int]) -> None:
        self.offer.broadcast = True
        super().offer_to(node_ids)
        targets = [self.sender.target(node_id) for node_id in node_ids]
        self.push = Push(self.offer, targets)
        self.begin_by = self.net.now + TOGETHER

    def _add(self, node_id: int) -> None:
        self.sender.add_target(self.offer, node_id, ahead=AHEAD_OF_ALL)

    def _needed(self, package: dict, link: object, now: int) -> None:
        self.sender.on_need(package["from"], decode(package["body"].encode()), now)
        self.push.heard(self.sender.target(package["from"]), now)
        self._pump(now)

    def _pump(self, now: int) -> None:
        push = self.push
        if push is None:
            return
        if push.part < 0 and (
            now > self.begin_by or all(target.base >= 0 for target in push.targets)
        ):
            push.begin()
        while sum(link.waiting for link in self.mesh.links) < ROOM * len(self.mesh.links):
            request = self.sender.due(now) or push.take(now)
            if request is None:
                return
            self._give(request)


def taker(net: Air, node_id: int, stock: bool) -> "Taker | StockNode":
    if stock:
        return StockNode(net, node_id, "pir", "ESP32")
    return Taker(net, node_id)


def is_complete(node: "Taker | StockNode") -> bool:
    return bool(node.finished) if isinstance(node, StockNode) else node.complete


def parts_of(node: "Taker | StockNode") -> int:
    """Parts that the node has."""
    return len(node.written) if isinstance(node, StockNode) else len(node.got)
