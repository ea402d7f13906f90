"""One transfer on the shaped air: who gives, to how many, over which links; and the ratios that are made of them."""

from collections.abc import Callable, Iterator

from scripts.benchmark.contestants import (
    Broadcasting,
    Pushing,
    StopAndWait,
    is_complete,
    parts_of,
    taker,
)
from scripts.benchmark.radio import Air, chain, star, tree
from tests.painlessmesh.transfer import GATEWAY, image_of

SECOND = 1_000_000
STEP = 10_000  # us between two looks
LONGEST = 20_000 * SECOND
FIRST_ID = 2_222_222_222
STOP_AND_WAIT, LEVEL_0, LEVEL_1, BROADCAST = "stop-and-wait", "level 0", "level 1", "broadcast"
LOSSES = (0.0, 0.01, 0.05)
BROADCAST_LOSS = 0.02

# name: (how the nodes hang together, how many, round trip of a hop in us, whether all of them take the image)
MESHES: dict[str, tuple[Callable[..., None], int, int, bool]] = {
    "one node, 10 ms": (star, 1, 10_000, True),
    "one node, 30 ms": (star, 1, 30_000, True),
    "three hops of 10 ms": (chain, 3, 10_000, False),
    "seven in a star": (star, 7, 10_000, True),
    "twenty in a tree": (tree, 20, 10_000, True),
}


class Transfer:
    """One run. `seconds`, `resent` parts, bytes of each `link`, and `progress`: (seconds, parts) of each node."""

    def __init__(
        self, mode: str, mesh: str, loss: float, image: int | bytes, seed: int = 1
    ) -> None:
        """`image`: its bytes, or how many there are."""
        arrange, count, round_trip, all_take = MESHES[mesh]
        self.image = image_of(image) if isinstance(image, int) else image
        self.net = Air(loss, seed)
        stock = mode in (STOP_AND_WAIT, LEVEL_0)
        gateway = self._gateway(mode, "ESP32" if stock else "ESP32-MPY")
        ids = [FIRST_ID + index for index in range(count)]
        self.nodes = []
        for node_id in ids:
            if all_take or node_id == ids[-1]:
                self.nodes.append(taker(self.net, node_id, stock))
            else:
                self.net.add(node_id)
        arrange(self.net, GATEWAY, ids, round_trip)
        self.net.run(15 * SECOND)
        for wire in self.net.wires:
            wire.carried = 0
        self._run(gateway)
        targets = [gateway.sender.target(node.mesh.node_id) for node in self.nodes]
        self.resent = sum(target.sent_again for target in targets if target)
        self.links = [wire.carried for wire in self.net.wires]

    def _gateway(self, mode: str, hardware: str) -> StopAndWait:
        if mode == STOP_AND_WAIT:
            return StopAndWait(self.net, self.image, "pir", hardware)
        if mode == BROADCAST:
            return Broadcasting(self.net, self.image, "pir", hardware)
        return Pushing(self.net, self.image, "pir", hardware, int(mode == LEVEL_1))

    def _run(self, gateway: StopAndWait) -> None:
        began = self.net.now
        self.progress: list[list[tuple[float, int]]] = [[] for _ in self.nodes]
        gateway.offer_to([node.mesh.node_id for node in self.nodes])
        while not all(is_complete(node) for node in self.nodes):
            if self.net.now - began > LONGEST:
                raise RuntimeError("A transfer on the shaped link does not end.")
            self.net.run(STEP)
            for node, row in zip(self.nodes, self.progress, strict=True):
                if not row or row[-1][1] != parts_of(node):
                    row.append(((self.net.now - began) / SECOND, parts_of(node)))
        self.seconds = (self.net.now - began) / SECOND


def table(size: int) -> Iterator[tuple[str, float, str, Transfer]]:
    """(mesh, loss, mode, transfer) of everything that is compared. Loss happens at relays, so a star has none."""
    for mesh, (arrange, count, _, _) in MESHES.items():
        for loss in LOSSES if arrange is not star else LOSSES[:1]:
            for mode in (STOP_AND_WAIT, LEVEL_0, LEVEL_1, BROADCAST):
                slow = count > 7 and loss and mode in (STOP_AND_WAIT, LEVEL_0)
                if not slow and (mode != BROADCAST or (count > 1 and arrange is not chain)):
                    yield mesh, loss, mode, Transfer(mode, mesh, loss, size)


def encoded_size(size: int) -> int:
    """Bytes of an image's DATA messages to everybody, each once."""
    link = Transfer(BROADCAST, "one node, 10 ms", 0.0, size).net.wires[0]
    return sum(len(frame) for frame in link.parts)


def broadcast_figures(size: int, runs: int) -> dict[str, float]:
    """A tree of twenty at 2 % loss: time against twenty transfers of ours, bytes of the busiest link, over several runs."""
    whole = encoded_size(size)
    seconds = alone = 0.0
    links = [0.0] * 20
    for seed in range(1, runs + 1):
        pushed = Transfer(BROADCAST, "twenty in a tree", BROADCAST_LOSS, size, seed)
        single = Transfer(LEVEL_1, "twenty in a tree", BROADCAST_LOSS, size, seed)
        seconds += pushed.seconds
        alone += single.seconds
        links = [total + carried / runs for total, carried in zip(links, pushed.links, strict=True)]
    return {
        "broadcast_tree20_vs_unicast": seconds / alone,
        "broadcast_link_bytes_per_image": max(links) / whole,
    }
