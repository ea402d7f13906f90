"""One image to all nodes of a job at once: whether that is worth it, when it begins, which links carry it.

Loaded while an image goes to several nodes. Which part is next, and how far ahead of the slowest node, is
`painlessmesh.ota_push`'s; blocks, and what goes to one node alone, are `serving`'s.
"""

from painlessmesh.layout import rows, size
from painlessmesh.ota_push import Push

WAIT_FOR_OTHERS = (
    3_000_000  # us from the first node that is ready; one that is later catches up alone
)


def worth_it(deliveries: list, links: list) -> bool:
    """Whether flooding the mesh costs no more than as many transfers: every link below ours carries each part
    once, instead of once for each node that is reached over it."""
    alone = together = 0
    for link in links:
        depths = [
            row[0] + 1
            for row in rows(link.tree)
            if any([delivery.node_id == row[1] for delivery in deliveries])
        ]
        if depths:
            alone += sum(depths)
            together += size(link.tree)
    return alone >= together > 1


class ToEverybody:
    """`job` is the one whose image it is."""

    def __init__(self, job: object) -> None:
        self.job = job
        job.offer.broadcast = True
        self.push = Push(job.offer, [])
        self._begin_by = None

    @property
    def over(self) -> bool:
        return not self.push.targets

    def add(self, target: object) -> None:
        self.push.add(target)

    def remove(self, target: object) -> None:
        """The last one that leaves ends it, and further offers are to one node again."""
        if target in self.push.targets:
            self.push.targets.remove(target)
        if self.over:
            self.job.offer.broadcast = False

    def links(self, mesh: object) -> list:
        """Those that lead to a node which takes the image."""
        found = []
        for target in self.push.targets:
            link = mesh.link_to(target.node_id)
            if link is not None and link not in found:
                found.append(link)
        return found

    def begins(self, takers: int, now: int) -> bool:
        """Whether it is time for the first part; `takers` nodes are there that should have it."""
        ready = len([target for target in self.push.targets if target.base >= 0])
        if not ready:
            return False
        if self._begin_by is None:
            self._begin_by = now + WAIT_FOR_OTHERS
        if ready < takers and now < self._begin_by:
            return False
        return self.push.begin()
