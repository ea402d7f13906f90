"""Parts on their way to nodes: which one goes out next, as blocks and links allow.

The sender of painlessmesh says what each node should get; here it meets what there is: three blocks
in memory, and the room in the link that leads to the node. No node can hold up another: each has its
own queue, of at most one window of parts. Parts for all nodes of a job at once are `to_everybody`'s.
"""

from device import forget
from gateway.blocks import BLOCK, PART, Blocks
from gateway.delivery import BEFORE_COMMIT, DOWNLOADING, OFFERED, RESTARTING, VERIFYING, Delivery
from painlessmesh.mesh import Mesh
from painlessmesh.ota_sender import UNIT, Request, Sender
from painlessmesh.protocol import OTA_REQUEST

PARTS_IN_BLOCK = BLOCK // PART
LINK_ROOM = 2  # frames waiting in one link; more only fill the heap
ROOM = 3  # frames waiting in all links together, for transfers to one node each
REPEAT_AFTER = 1_000_000  # us after our last part, before silence may mean loss
REPEAT_AHEAD = 300_000  # the same for a node that says itself what it has not got
TOGETHER = 500_000  # us; a node that moved since then is waited for
START_TOGETHER = 1_000_000  # us from its first offer for a node to ask for part 0
FAR_BEHIND = 8  # blocks; a node that starts so much later goes its own way
SEVERAL = 3  # nodes; two that are served alone cost no more, and need less code
AHEAD_OF_ALL = 64  # parts that a node is told it may take out of order, where they go to everybody
AHEAD = 32  # the same for one that is served alone
OF_TRANSFERS = (
    "gateway.to_everybody",
    "painlessmesh.ota_push",
    "painlessmesh.ota_ahead",
    "painlessmesh.ota_target",
)
IN_ORDER = "esp-image"  # its parts go straight to a partition


class Serving:
    """`announce(delivery, now)` repeats an offer, `on_want()` says that a block is to be fetched."""

    def __init__(self, mesh: Mesh, blocks: Blocks) -> None:
        self.sender = Sender(mesh.node_id)
        self.deliveries = []
        self.announce = None
        self.on_want = None
        self._mesh = mesh
        self._blocks = blocks
        self._to_everybody = []  # one for each job whose image goes to all of its nodes at once
        mesh.on_package(OTA_REQUEST, self._requested)
        mesh.on_idle = self.pump

    def forget(self, source: str) -> None:
        """No job needs that image any more."""
        self._blocks.forget(source)

    # ---- who takes an image

    def begin(self, delivery: Delivery) -> None:
        """The sender has the job's offer; this node is a target of it from now on."""
        job = delivery.job
        in_order = job.stock or job.kind == IN_ORDER
        everybody = None if in_order else self._of(job) or self._gather(job)
        ahead = 0 if in_order else AHEAD_OF_ALL if everybody else AHEAD
        delivery.target = self.sender.add_target(
            job.offer, delivery.node_id, stock=job.stock, ahead=ahead
        )
        if everybody is not None:
            everybody.add(delivery.target)

    def end(self, delivery: Delivery) -> None:
        """Nothing more goes to that node."""
        self._leave_the_others(delivery)
        self.sender.remove_target(delivery.node_id)
        taken, delivery.target = delivery.target, None
        delivery.waiting = ()
        if taken is not None and not any([other.target for other in self.deliveries]):
            forget(OF_TRANSFERS)  # 6 KB of heap that the next transfer may not be near

    def _leave_the_others(self, delivery: Delivery) -> None:
        """What goes to everybody does not wait for this node any more."""
        everybody = self._of(delivery.job)
        if everybody is None:
            return
        everybody.remove(delivery.target)
        if everybody.over:
            self._to_everybody.remove(everybody)
            if not self._to_everybody:
                forget(("gateway.to_everybody", "painlessmesh.ota_push"))

    def _of(self, job: object) -> object:
        for everybody in self._to_everybody:
            if everybody.job is job:
                return everybody
        return None

    def _gather(self, job: object) -> object:
        """Begins to send to everybody, if that is worth it; not while nodes of this job are served alone."""
        deliveries = self._there(job)
        if len(deliveries) < SEVERAL or any([delivery.target for delivery in deliveries]):
            return None
        from gateway import to_everybody

        if not to_everybody.worth_it(deliveries, self._mesh.links):
            return None
        found = to_everybody.ToEverybody(job)
        self._to_everybody.append(found)
        return found

    def _there(self, job: object) -> list:
        """Deliveries of that job that want parts, to nodes that are in the tree."""
        return [
            delivery
            for delivery in self.deliveries
            if delivery.job is job
            and not delivery.held
            and delivery.state in BEFORE_COMMIT
            and delivery.state != VERIFYING
            and self._mesh.link_to(delivery.node_id) is not None
        ]

    # ---- what nodes ask for

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
        self._instead(delivery)
        self._moved(delivery, now)
        if request is not None:
            if delivery.waiting and request.part <= delivery.waiting[0].part:
                delivery.waiting = ()  # the node is further back: those will be taken again
            delivery.waiting += (request,)
        self.pump(now)

    def _instead(self, delivery: Delivery) -> None:
        """The sender serves a node in another way when it does not know how to ask for parts out of order."""
        target = self.sender.target(delivery.node_id)
        if target is not delivery.target:
            self._leave_the_others(delivery)
            delivery.target = target

    def needed(self, node_id: int, need: dict, now: int) -> None:
        """The body of a genuine `need` of that node."""
        delivery = self._delivery_to(node_id)
        if delivery is None or not self.sender.on_need(node_id, need, now):
            return
        self._moved(delivery, now)
        everybody = self._of(delivery.job)
        if everybody is not None:
            everybody.push.heard(delivery.target, now)
        self.pump(now)

    def _moved(self, delivery: Delivery, now: int) -> None:
        base = delivery.target.base
        if base >= 0 and delivery.state in (OFFERED, DOWNLOADING, RESTARTING):
            delivery.move(DOWNLOADING, now, base)
            delivery.alive(now)

    # ---- what goes out

    def pump(self, now: int) -> None:
        """Send what can be sent now; nodes take turns in being first."""
        if self.deliveries:
            self.deliveries.append(self.deliveries.pop(0))
        for delivery in self.deliveries:
            if delivery.target is not None and delivery.state != RESTARTING:
                self._pump(delivery, now)
        for everybody in self._to_everybody:
            self._pump_all(everybody, now)
        if self._blocks.next_wanted() is not None:
            self.on_want()

    def _pump(self, delivery: Delivery, now: int) -> None:
        link = self._mesh.link_to(delivery.node_id)
        if link is None:
            delivery.waiting = ()
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
            delivery.waiting = delivery.waiting[1:]

    def _take(self, delivery: Delivery, now: int) -> bool:
        target = delivery.target
        pause = REPEAT_AHEAD if target.ahead else REPEAT_AFTER
        if (now >> UNIT) - delivery.sent_at >= pause >> UNIT:
            target.tick(now)
        part = target.take(now)
        if part is not None:
            delivery.waiting += (Request(target, part, target.announces()),)
        return part is not None

    def _send(self, delivery: Delivery, request: Request, now: int) -> bool:
        if self._payload(delivery.job, request.part) is None:
            return False
        if request.announce:
            self.announce(delivery, now)
        link = self._mesh.link_to(delivery.node_id)
        link.queue(lambda: self._frame(delivery, request))
        delivery.sent_at = now >> UNIT
        return True

    def _frame(self, delivery: Delivery, request: Request) -> memoryview | None:
        """The link is free. By now the block may hold something else, or the delivery may have ended."""
        if delivery.target is None:
            return None
        payload = self._payload(delivery.job, request.part)
        if payload is None:
            delivery.waiting = (request,) + delivery.waiting
            return None
        if request.part < delivery.furthest:
            delivery.resent += 1
        else:
            delivery.furthest = request.part + 1
        return self.sender.data_frame(request, payload)

    def _pump_all(self, everybody: object, now: int) -> None:
        """The next parts, to every link that leads to a node which takes the image."""
        job, push = everybody.job, everybody.push
        if push.part < 0 and not everybody.begins(len(self._there(job)), now):
            return
        links = everybody.links(self._mesh)
        while links and push.due and all([link.waiting < LINK_ROOM for link in links]):
            if self._payload(job, push.part) is None:
                break
            self._queue_to_all(job, push.take(now), links)
        for delivery in self.deliveries:
            if delivery.job is job and delivery.target is not None and delivery.target.ahead:
                delivery.furthest = max(delivery.furthest, delivery.target.next_part)

    def _queue_to_all(self, job: object, part: object, links: list) -> None:
        for link in links:
            link.queue(lambda: self._frame_to_all(job, part))

    def _frame_to_all(self, job: object, part: object) -> memoryview | None:
        """Who does not get it, for its link was slow and the block is gone, will say so."""
        payload = self._blocks.there(job.source, part.part)
        return None if payload is None else self.sender.data_frame(part, payload)

    def _payload(self, job: object, part: int) -> memoryview | None:
        return self._blocks.part(job.source, job.carried, part)

    def _waiting(self) -> int:
        return sum([link.waiting for link in self._mesh.links])

    def _in_step(self, delivery: Delivery, part: int, now: int) -> bool:
        """Whether that part is in the blocks of the others too, so that each block is read once."""
        if self._of(delivery.job) is not None:
            return True  # what it has missed of what went to everybody
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
        return delivery.silent_for(now) < TOGETHER
    known = delivery.known_for(now)
    return delivery.state == OFFERED and known is not None and known < START_TOGETHER
