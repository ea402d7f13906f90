"""Parts on their way to nodes: which one goes out next, as blocks and links allow.

The sender of painlessmesh says what each node should get; here it meets what there is: three blocks
in memory, and the room in the link that leads to the node. No node can hold up another: each has its
own queue, of at most one window of parts.
"""

from gateway.blocks import BLOCK, PART, Blocks
from gateway.delivery import BEFORE_COMMIT, DOWNLOADING, OFFERED, RESTARTING, Delivery
from painlessmesh.mesh import Mesh
from painlessmesh.ota_sender import Request, Sender
from painlessmesh.protocol import OTA_REQUEST

PARTS_IN_BLOCK = BLOCK // PART
LINK_ROOM = 2  # frames waiting in one link; more only fill the heap
ROOM = 3  # frames waiting in all links together
REPEAT_AFTER = 1_000_000  # us after our last part, before silence may mean loss
TOGETHER = 500_000  # us; a node that moved since then is waited for
START_TOGETHER = 1_000_000  # us from its first offer for a node to ask for part 0
FAR_BEHIND = 8  # blocks; a node that starts so much later goes its own way


class Serving:
    """`announce(delivery, now)` repeats an offer, `on_want()` says that a block is to be fetched."""

    def __init__(self, mesh: Mesh, blocks: Blocks) -> None:
        self.sender = Sender(mesh.node_id)
        self.deliveries = []
        self.announce = None
        self.on_want = None
        self._mesh = mesh
        self._blocks = blocks
        mesh.on_package(OTA_REQUEST, self._requested)

    def forget(self, firmware_id: int) -> None:
        """No job needs that image any more."""
        self._blocks.forget(firmware_id)

    def pump(self, now: int) -> None:
        """Send what can be sent now; nodes take turns in being first."""
        if self.deliveries:
            self.deliveries.append(self.deliveries.pop(0))
        for delivery in self.deliveries:
            if delivery.target is not None and delivery.state != RESTARTING:
                self._pump(delivery, now)
        if self._blocks.next_wanted() is not None:
            self.on_want()

    def _requested(self, package: dict, link: object, now: int) -> None:
        delivery = self._delivery_to(package.get("from"))
        if delivery is None:
            return
        again = delivery.state == RESTARTING and delivery.job.stock  # it did not take the image
        if delivery.state not in BEFORE_COMMIT and not again:
            return
        request = self.sender.on_request(package, now)
        if request is None and again:
            return
        delivery.answered()
        base = delivery.target.base
        if base >= 0 and delivery.state in (OFFERED, DOWNLOADING, RESTARTING):
            delivery.move(DOWNLOADING, now, base)
            delivery.moved_at = now
        if request is not None:
            if delivery.waiting and request.part <= delivery.waiting[0].part:
                delivery.waiting = []  # the node is further back: those will be taken again
            delivery.waiting.append(request)
        self.pump(now)

    def _pump(self, delivery: Delivery, now: int) -> None:
        link = self._mesh.link_to(delivery.node_id)
        if link is None:
            delivery.waiting = []
            return
        while link.waiting < LINK_ROOM and self._waiting() < ROOM:
            if not delivery.waiting and not self._take(delivery, now):
                return
            request = delivery.waiting[0]
            if request.part >= delivery.target.base:
                if not self._in_step(delivery, request.part, now):
                    return
                if not self._send(delivery, request, now):
                    return
            delivery.waiting.pop(0)

    def _take(self, delivery: Delivery, now: int) -> bool:
        target = delivery.target
        if now - delivery.sent_at >= REPEAT_AFTER:
            target.tick(now)
        part = target.take(now)
        if part is not None:
            delivery.waiting.append(Request(target, part, target.announces()))
        return part is not None

    def _send(self, delivery: Delivery, request: Request, now: int) -> bool:
        if self._payload(delivery, request) is None:
            return False
        if request.announce:
            self.announce(delivery, now)
        link = self._mesh.link_to(delivery.node_id)
        link.queue(lambda: self._frame(delivery, request))
        delivery.sent_at = now
        return True

    def _frame(self, delivery: Delivery, request: Request) -> memoryview | None:
        """The link is free. By now the block may hold something else, or the delivery may have ended."""
        if delivery.target is None:
            return None
        payload = self._payload(delivery, request)
        if payload is None:
            delivery.waiting.insert(0, request)
            return None
        if request.part < delivery.furthest:
            delivery.resent += 1
        else:
            delivery.furthest = request.part + 1
        return self.sender.data_frame(request, payload)

    def _payload(self, delivery: Delivery, request: Request) -> memoryview | None:
        job = delivery.job
        return self._blocks.part(job.firmware_id, job.size, request.part)

    def _waiting(self) -> int:
        return sum([link.waiting for link in self._mesh.links])

    def _in_step(self, delivery: Delivery, part: int, now: int) -> bool:
        """Whether that part is in the blocks of the others too, so that each block is read once."""
        block = part // PARTS_IN_BLOCK
        for other in self.deliveries:
            if other.job is delivery.job and other is not delivery and _moving(other, now):
                behind = block - other.part // PARTS_IN_BLOCK
                if 1 < behind <= FAR_BEHIND and self._mesh.link_to(other.node_id):
                    return False
        return True

    def _delivery_to(self, node_id: int) -> Delivery | None:
        for delivery in self.deliveries:
            if delivery.node_id == node_id and delivery.target is not None:
                return delivery
        return None


def _moving(delivery: Delivery, now: int) -> bool:
    if delivery.state == DOWNLOADING:
        return now - delivery.moved_at < TOGETHER
    begun = delivery.announced_at
    return delivery.state == OFFERED and begun is not None and now - begun < START_TOGETHER
