"""The order that the mesh tree asks for: who hangs on whom, and whose restart waits for whose outcome.

Pure. Transfers run together; what is put in order is the commit, since a node that restarts cuts off those that hang on
it. That takes a gateway that holds a commit back when the list says so (`commit` in docs/gateway-api.md §4), and a node
that waits for one: a C++ node commits itself with its last part.
"""

from collections.abc import Iterable

from ..const import MICROPYTHON
from ..nodes import Node, NodeRegistry
from .fit import chip_known
from .job import Job, NodeRow
from .states import NodeStatus

type Pick = tuple[Job, NodeRow]
type Held = dict[tuple[int, str], tuple[str, dict[str, str | int]]]
"""(job id, node id): code and gaps of the sentence that says what its commit waits for."""


class Order:
    """Asks the nodes where they hang."""

    def __init__(self, nodes: NodeRegistry) -> None:
        """Keep nothing but them."""
        self._nodes = nodes

    # The tree

    def carriers(self, node: Node) -> list[str]:
        """Return the nodes between this one and its gateway, nearest first; none if the way leads nowhere."""
        way: list[str] = []
        above: Node | None = node
        while above is not None and (parent := above.hangs_on) is not None:
            if parent in way or parent == node.node_id:
                return []  # a ring: what the gateway has told cannot be
            way.append(parent)
            above = self._nodes.nodes.get(parent)
        return way

    def depth(self, node: Node) -> int:
        """Return how many hops the node is away from its gateway."""
        return len(self.carriers(node))

    def carried(self, node: Node) -> int:
        """Return how many nodes hang on this one, directly or not."""
        return sum(node.node_id in self.carriers(other) for other in self._nodes.nodes.values())

    def rank(self, row: NodeRow) -> tuple[bool, int]:
        """Sort those deep in the tree first and a gateway last."""
        node = self._nodes.nodes.get(row.node_id)
        if node is None:
            return False, 0
        return node.is_gateway, -self.depth(node)

    def first_below(self, job: Job, row: NodeRow) -> str | None:
        """Return an open node of the job that hangs on this one and can go before it, None if there is none."""
        for other in job.nodes.values():
            if other.final or (
                job.canaries and not (other.started or other.node_id in job.canaries)
            ):
                continue  # what waits for the canary cannot go before it
            if row.node_id in self._cut_off_by(job, other):
                return other.node_id
        return None

    def _cut_off_by(self, job: Job, other: NodeRow) -> list[str]:
        """Return the nodes whose restart would cut this one off: it is there, or restarts and is about to come back."""
        node = self._nodes.nodes.get(other.node_id)
        if node is None or not (node.online or other.status is NodeStatus.RESTARTING):
            return []
        return self.carriers(node) if chip_known(job, node) else []

    # Commits

    def waits(self, job: Job, row: NodeRow) -> bool:
        """Whether node and gateway could hold the commit back after the transfer."""
        gateway = self._nodes.nodes.get(row.gateway_id)
        able = gateway is not None and gateway.room > 0 and row.node_id != row.gateway_id
        return able and job.runtime == MICROPYTHON and job.mode != "flip"

    def held(self, picks: Iterable[Pick], *, full: bool) -> Held:
        """Return whose commit waits, of those that a gateway is to serve now.

        In a list that is `full` nobody waits for a node that it does not hold: that one would never come in.
        """
        moving = [
            pick for pick in picks if not pick[0].held or pick[1].status is NodeStatus.RESTARTING
        ]
        held: Held = {}
        first_below = self._first_below_each(moving)
        for job, row in moving:
            if row.status is NodeStatus.RESTARTING or not self.waits(job, row):
                continue
            below = first_below.get(row.node_id)
            if below is None and job.rollout.leaves_first and not full:
                below = self.first_below(job, row)
            if below is not None:
                held[job.id, row.node_id] = "carries", {"node": below}
        self._ration(moving, held)
        return held

    def _first_below_each(self, moving: list[Pick]) -> dict[str, str]:
        """Return, for each node that carries some of these, the first of them; the tree is walked once for each."""
        first: dict[str, str] = {}
        for job, other in moving:
            for carrier in self._cut_off_by(job, other):
                first.setdefault(carrier, other.node_id)
        return first

    def _ration(self, moving: list[Pick], held: Held) -> None:
        """Of a job that failures may stop, let go no more nodes at a time than may fail before it does."""
        moving = sorted(moving, key=lambda pick: (not pick[1].let_go, self.rank(pick[1])))
        for job, row in moving:
            failures_left = job.failures_left
            if row.status is NodeStatus.RESTARTING or failures_left is None:
                continue
            if not self.waits(job, row):
                continue
            key, node = (job.id, row.node_id), self._nodes.nodes.get(row.node_id)
            # Who leaves just then may have been committed, and keeps its turn (`deadlines` takes it back).
            ready = row.let_go or (node is not None and node.online)
            ready = ready and row.status is NodeStatus.VERIFYING and key not in held
            row.let_go = ready and job.let_go - row.let_go < failures_left
            if not row.let_go:
                held.setdefault(key, ("commit_turn", {}))
