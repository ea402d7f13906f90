"""The jobs of the pending list and how far each node is: who is offered what, committed, given up.

Works on the latest signed list alone: what is not in it has ended, and on a list older than a minute
nothing is begun and nothing committed; what a new list changes is `wanted`. All state but the progress of running transfers can be had
again from Home Assistant and the nodes, so a restart of the gateway loses nothing.
"""

from device import forget
from gateway.contact import Contact
from gateway.delivery import (
    BEFORE_COMMIT,
    DOWNLOADING,
    FAILED,
    NEW,
    OFFERED,
    RESTARTING,
    VERIFYING,
    Delivery,
)
from gateway.known_node import KnownNode
from gateway.serving import Serving
from painlessmesh.mesh import Mesh

SECOND = 1_000_000
FRESH = 60 * SECOND  # how old a signed list may be to act upon it
ANNOUNCE_AGAIN = 10 * SECOND  # one of our nodes that does not react
ANNOUNCE_STOCK = 35 * SECOND  # a C++ node asks again by itself after 30 s
SILENT_ENOUGH = 2  # offers that a C++ node leaves unanswered when it runs that image
COMMIT_AGAIN = 3 * SECOND
NO_ANSWER = 180 * SECOND
RESTART_LONGEST = 300 * SECOND  # a trial takes 120 s; beyond that nobody is in a hurry

DEAF = "The node is there, but did not go back within {} s."
SILENT = "The node is there, but did not ask for the image within {} s."
UNPROVED = "The node has not proved that it has this gateway's mesh key within {} s."


class Distributor:
    def __init__(self, mesh: Mesh, contact: Contact, serving: Serving) -> None:
        self.on_news = None  # called when there is progress to report
        self.on_want = None  # called when a block is to be fetched
        self.on_own = None  # called with (delivery, now) of a job for this gateway itself
        self._mesh = mesh
        self._contact = contact
        self._serving = serving
        self._jobs = {}  # (id, token): Job
        self._listed_at = None
        contact.on_status = self._status
        contact.on_need = serving.needed
        serving.announce = self._announce
        serving.on_want = self._want

    @property
    def distributing(self) -> bool:
        """Whether anything is under way that Home Assistant should hear of every second."""
        return self._under_way

    _under_way = False

    # ---- what Home Assistant wants

    def listed(self, jobs: object, now: int) -> None:
        """The complete wanted state, signed just now; `jobs` as `HomeAssistant.pending` gives them. What follows from
        it is for the next `tick`: offers find no room beside a long list and the code that reads it."""
        self._listed_at = now
        self._wanted().listed(jobs, now)

    def still_listed(self, now: int) -> None:
        """A signed answer has said that the list is the newest."""
        self._listed_at = now

    def drop(self, keys: list) -> None:
        """These jobs ([id, token] each) have ended: offers are withdrawn, nodes told to cancel."""
        if keys:
            self._wanted().drop(keys)

    def _wanted(self) -> object:
        try:
            from gateway.wanted import Wanted
        finally:
            forget(("gateway.wanted",))  # a list changes rarely, and parts need the room
        return Wanted(self._jobs, self._serving, self._contact)

    # ---- what the mesh says

    def _status(self, node: KnownNode, status: dict, now: int) -> None:
        delivery = self._delivery_to(node.node_id)
        self._leave_nobody_waiting(node, status, delivery, now)
        if delivery is None or delivery.job.stock:
            return
        restarted = delivery.node_boot not in (None, status.get("boot"))
        delivery.node_boot = status.get("boot")
        delivery.heard(status, now)
        if delivery.state not in BEFORE_COMMIT or restarted:
            self._serving.end(delivery)
        if restarted and delivery.state in (OFFERED, DOWNLOADING):
            delivery.act_in(0, now)
        self._act(delivery, node, now)
        self._tell(delivery)

    def _leave_nobody_waiting(
        self, node: KnownNode, status: dict, delivery: Delivery | None, now: int
    ) -> None:
        """A node that holds the image of a job which has ended would take no other one."""
        md5, phase = status.get("md5"), status.get("phase")
        if not self._fresh(now) or not isinstance(md5, str) or phase == "restarting":
            return
        other = delivery is not None and delivery.job.md5 != md5
        # Without a delivery it may be on its way from a C++ gateway; only ours leave a node ready.
        if other or (delivery is None and phase == "ready"):
            self._contact.command(node, "cancel", md5[:32])

    # ---- time

    def tick(self, now: int) -> None:
        """Offers, commits and deadlines; then whatever parts can go out."""
        under_way = False
        for delivery in list(self._serving.deliveries):
            node = self._contact.node(delivery.node_id)
            if delivery.node_id == self._mesh.node_id:
                if self._fresh(now) and not delivery.held:
                    self.on_own(delivery, now)
                under_way = under_way or delivery.state in BEFORE_COMMIT
            elif node is None:
                self._away(delivery, now)
            elif delivery.state == RESTARTING and delivery.job.stock:
                self._offer_in_vain(delivery, now)
            elif delivery.state in BEFORE_COMMIT:
                self._act(delivery, node, now)
                under_way = under_way or (delivery.state != FAILED and not delivery.held)
            if delivery.state == RESTARTING and delivery.silent_for(now) < RESTART_LONGEST:
                under_way = True
            self._tell(delivery)
        self._under_way = under_way
        self._serving.pump(now)

    def _away(self, delivery: Delivery, now: int) -> None:
        """Not in the tree: its clock stands, and it is offered the image when it is back."""
        last = delivery.job.offer.parts - 1
        if delivery.job.stock and delivery.state == DOWNLOADING and delivery.part >= last:
            delivery.move(RESTARTING, now, last + 1)  # a C++ node leaves without a word
        if delivery.target is not None and delivery.target.ahead:
            # It says what it has when it is back, and nobody waits for it until then.
            self._serving.end(delivery)
        delivery.answered()
        delivery.act_in(0, now)
        if delivery.state in BEFORE_COMMIT:
            delivery.alive(now)

    def _act(self, delivery: Delivery, node: KnownNode, now: int) -> None:
        """Whatever this delivery needs from us next, if its time has come."""
        if delivery.held:
            delivery.alive(now)
        elif not self._fresh(now):
            delivery.alive(now)  # Home Assistant is away, which is not the node's fault
        elif delivery.ready and delivery.state == VERIFYING:
            if delivery.may_act(now) and delivery.may_commit:
                delivery.act_in(COMMIT_AGAIN, now)
                self._contact.command(node, "commit", delivery.job.md5, delivery.tag)
        elif delivery.state in (NEW, OFFERED, DOWNLOADING):
            if delivery.silent_for(now) > NO_ANSWER:
                proved = delivery.job.stock or node.ours
                sentence = SILENT if proved else UNPROVED
                if proved and delivery.job.flip:
                    sentence = DEAF
                delivery.fail("no_answer", sentence.format(NO_ANSWER // SECOND), now)
            elif delivery.may_act(now):
                self._offer(delivery, node, now)

    def _offer(self, delivery: Delivery, node: KnownNode, now: int) -> None:
        job = delivery.job
        if job.flip:
            self._flip(delivery, node, now)
            return
        if job.sig and node.behind:
            return  # it would refuse what the new key has signed
        again = ANNOUNCE_STOCK if job.stock else ANNOUNCE_AGAIN
        left = again - delivery.silent_for(now)
        if delivery.state == DOWNLOADING and left > 0 and delivery.target is not None:
            delivery.act_in(left, now)
            return
        if not job.stock and not node.node_nonce:
            return  # it has not said who it is yet; contact is asking
        if not self._serving.sender.offer(job.offer):
            return  # nodes are on another image of that type until its job ends
        delivery.act_in(again, now)
        if delivery.target is None:
            self._serving.begin(delivery)
        elif job.stock and job.offer.forced:
            return  # a C++ node would install it again after each announcement
        if job.stock:
            delivery.offered()
        self._announce(delivery, now)
        if delivery.state == NEW:
            delivery.move(OFFERED, now)

    def _offer_in_vain(self, delivery: Delivery, now: int) -> None:
        """A C++ node that has come back: did it install the image, it wants no more of it."""
        if delivery.may_act(now) and delivery.silent < SILENT_ENOUGH and self._fresh(now):
            delivery.act_in(ANNOUNCE_STOCK, now)
            delivery.offered()
            if delivery.silent < SILENT_ENOUGH:
                self._announce(delivery, now)

    def _flip(self, delivery: Delivery, node: KnownNode, now: int) -> None:
        """Nothing is transferred: the order itself is the offer, until the node restarts."""
        job = delivery.job
        delivery.act_in(COMMIT_AGAIN, now)
        delivery.told_of_it(now)
        sent = self._contact.command(node, "flip", job.md5, delivery.tag, job.proof or "")
        if sent and delivery.state == NEW:
            delivery.move(OFFERED, now)

    def _announce(self, delivery: Delivery, now: int) -> None:
        link = self._mesh.link_to(delivery.node_id)
        if link is None:
            return
        delivery.told_of_it(now)
        # Made when the link is free: signed, each takes 1 KB, and a list may want one for every node at once.
        link.queue(lambda: self._contact.announcement(self._serving.sender, delivery))

    def _fresh(self, now: int) -> bool:
        return self._listed_at is not None and now - self._listed_at < FRESH

    def _delivery_to(self, node_id: int) -> Delivery | None:
        for delivery in self._serving.deliveries:
            if delivery.node_id == node_id:
                return delivery
        return None

    # ---- for the reporter

    def has_news(self) -> bool:
        return any([delivery.news for delivery in self._serving.deliveries])

    def to_tell(self) -> list:
        return [delivery for delivery in self._serving.deliveries if delivery.news]

    def tell_everything(self) -> None:
        for delivery in self._serving.deliveries:
            delivery.news = delivery.state != NEW

    def block_arrived(self, now: int) -> None:
        self._serving.pump(now)

    def _want(self) -> None:
        if self.on_want is not None:
            self.on_want()

    def _tell(self, delivery: Delivery) -> None:
        if delivery.news and self.on_news is not None:
            self.on_news()
