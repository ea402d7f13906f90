"""A mesh whose nodes have one radio each, on a virtual clock.

All links at a node share its rate: a message keeps its sender's radio busy, and its receiver's, for as long as its bytes
take. Between two nodes lie as many bytes as a TCP window holds; then the sender waits. A hop has a delay. A loss is a whole
message dropped at a relay; what TCP carries between two neighbours arrives.
"""

import random

from tests.painlessmesh.mesh_net import MeshNet, Wire

RATE = 1_000_000  # bytes per second of one radio, both directions together; an ESP32's TCP reaches about that
TCP_WINDOW = 5744  # bytes; four segments, as lwIP has on an ESP32
PEERS = 7  # that an ESP32 can serve directly


class RadioWire(Wire):
    """A link on the shared air. `carried` are the bytes of both directions, `parts` the DATA frames."""

    def __init__(self, net, dialling, accepting, delay):
        self.carried = 0
        self.parts = []  # every DATA
        self._busy = [False, False]
        super().__init__(net, dialling, accepting, delay)

    def look(self, side):
        mesh, link = self.ends[side]
        if not self.up or self._busy[side]:
            return
        if not link.waiting:
            mesh.idle(self.net.local(mesh))
        if not link.waiting:
            return
        free = self.net.free_at(mesh, self.ends[1 - side][0])
        self._busy[side] = True
        if free > self.net.now:
            self.net.later(free - self.net.now, self._try_again, side)
            return
        frame = link.next_frame()
        if frame is None:
            self._try_again(side)
            return
        frame = bytes(frame)  # the next one may be made in the same memory
        if self.net.dropped(mesh, frame):
            self._try_again(side)
            return
        self.carried += len(frame)
        if b'"type":12,' in frame:
            self.parts.append(frame)
        sent, arrived = self.net.occupy(mesh, self.ends[1 - side][0], len(frame))
        self.net.later(arrived + self.delay, self.arrive, 1 - side, frame)
        # A moment later than exactly: whoever waits for this radio has his turn.
        self.net.later(sent + 1, self._try_again, side)

    def _try_again(self, side):
        self._busy[side] = False
        self.look(side)


class Air(MeshNet):
    """Nodes, their radios, and the losses of their relays."""

    def __init__(self, loss=0.0, seed=1, rate=RATE):
        super().__init__()
        self.rate = rate
        self.loss = loss
        self._random = random.Random(seed)  # noqa: S311  losses are no secret
        self._free = {}

    def join(self, dialling, accepting, delay=1000):
        if len(self.wires_at(accepting)) >= PEERS:
            raise ValueError(f"{accepting} has {PEERS} peers already")
        wire = RadioWire(self, self.nodes[dialling], self.nodes[accepting], delay)
        self.wires.append(wire)
        return wire

    def free_at(self, sender, receiver):
        """When the sender's radio is free, and the receiver takes more."""
        held = self._free.get(receiver.node_id, 0) - TCP_WINDOW * 1_000_000 // self.rate
        return max(self._free.get(sender.node_id, 0), held)

    def occupy(self, sender, receiver, length):
        """That many bytes go out: microseconds until they have left the sender, and reached the receiver."""
        duration = length * 1_000_000 // self.rate
        self._free[sender.node_id] = self.now + duration
        arrived = max(self._free.get(receiver.node_id, 0), self.now) + duration
        self._free[receiver.node_id] = arrived
        return duration, arrived - self.now

    def dropped(self, mesh, frame):
        """Whether this node loses a message that it only passes on."""
        own = b'"from":%d' % mesh.node_id in frame
        return not own and bool(self.loss) and self._random.random() < self.loss


def star(net, centre, ids, round_trip):
    for node_id in ids:
        net.join(node_id, centre, round_trip // 2)


def chain(net, first, ids, round_trip):
    for node_id in ids:
        net.join(node_id, first, round_trip // 2)
        first = node_id


def tree(net, root, ids, round_trip, fan_out=4):
    """Filled level by level."""
    above = [root, *ids]
    for index, node_id in enumerate(ids):
        net.join(node_id, above[index // fan_out], round_trip // 2)
