"""What a new pending list changes: jobs begin and end, nodes come to them, leave them, and are held.

Loaded for each list that is new, and forgotten after it. What follows for a node is `distributor`'s.
"""

from gateway.contact import Contact
from gateway.delivery import BEFORE_COMMIT, Delivery, Job
from gateway.serving import Serving


class Wanted:
    """`jobs` is {(id, token): Job}, the distributor's own."""

    def __init__(self, jobs: dict, serving: Serving, contact: Contact) -> None:
        self._jobs = jobs
        self._serving = serving
        self._contact = contact

    def listed(self, jobs: object, now: int) -> None:
        """`jobs` are all there are, as dicts; they are gone through twice."""
        listed = [(fields["id"], fields["token"], fields.get("deflate") or None) for fields in jobs]
        # One that comes in another form begins anew: the parts of one are not those of the other.
        self.drop([key for key, job in self._jobs.items() if key + (job.deflate,) not in listed])
        for fields in jobs:
            key = (fields["id"], fields["token"])
            if key not in self._jobs:
                try:
                    self._jobs[key] = Job(fields)
                except ValueError as error:
                    print("job", fields["id"], "cannot be served:", error)
                    continue
            self._jobs[key].sign(fields)
            self._set_targets(self._jobs[key], fields["targets"], now)

    def drop(self, keys: list) -> None:
        for key in keys:
            job = self._jobs.pop(tuple(key), None)
            if job is None:
                continue
            for delivery in self._of(job):
                self._remove(delivery)
            offer = job.offer
            if self._serving.sender.offer_of(offer.role, offer.hardware) is offer:
                self._serving.sender.withdraw(offer.role, offer.hardware)
            if not [other for other in self._jobs.values() if other.source == job.source]:
                self._serving.forget(job.source)

    def _set_targets(self, job: Job, targets: list, now: int) -> None:
        wanted = {int(target["node_id"]): target["attempt"] for target in targets}
        held = [int(target["node_id"]) for target in targets if target.get("paused") is True]
        last = [int(target["node_id"]) for target in targets if target.get("commit") is False]
        for delivery in self._of(job):
            if wanted.get(delivery.node_id) == delivery.attempt:
                self._hold(delivery, delivery.node_id in held, now)
                self._let_commit(delivery, delivery.node_id not in last, now)
                del wanted[delivery.node_id]
            else:
                self._remove(delivery)
        busy = [delivery.node_id for delivery in self._serving.deliveries]
        for node_id in wanted:
            if node_id in busy:
                continue  # one image at a time; its turn comes with a list that has only this one
            node = self._contact.node(node_id)
            # The same number, which a board has in its heap already: another takes 32 bytes of it.
            node_id_there = node_id if node is None else node.node_id
            delivery = Delivery(job, node_id_there, wanted[node_id], now)
            self._hold(delivery, node_id in held, now)
            self._let_commit(delivery, node_id not in last, now)
            self._serving.deliveries.append(delivery)

    def _hold(self, delivery: Delivery, held: bool, now: int) -> None:
        """A held node gets nothing more and keeps what it has; let go, it is told at once to go on."""
        if held == delivery.held:
            return
        if held:
            self._serving.end(delivery)
        else:
            delivery.act_in(0, now)
        delivery.held = held

    def _let_commit(self, delivery: Delivery, may: bool, now: int) -> None:
        if may == delivery.may_commit:
            return
        if may:
            delivery.act_in(0, now)  # it waits for that
        delivery.may_commit = may

    def _remove(self, delivery: Delivery) -> None:
        self._serving.deliveries.remove(delivery)
        self._serving.end(delivery)
        node = self._contact.node(delivery.node_id)
        if node is not None and not delivery.job.stock and delivery.state in BEFORE_COMMIT[1:]:
            self._contact.command(node, "cancel", delivery.job.md5)

    def _of(self, job: Job) -> list:
        return [delivery for delivery in self._serving.deliveries if delivery.job is job]
