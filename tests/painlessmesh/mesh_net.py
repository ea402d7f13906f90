"""A mesh of real Mesh objects on a virtual clock. Wires have a delay and may lose messages; nothing else is simulated."""

import heapq

from painlessmesh.mesh import Mesh

SECOND = 1_000_000
TICK = 100_000
START = 5 * SECOND


class Wire:
    """A connection: `ends` are (mesh, link) of the dialling and of the accepting node."""

    def __init__(self, net, dialling, accepting, delay):
        self.net = net
        self.delay = delay
        self.up = True
        self.log = []  # (dialling node id or accepting one, frame) of every frame that was sent
        self.loses = None  # called with a frame: True loses it
        self.ends = (
            (dialling, dialling.link_up(net.local(dialling), True)),
            (accepting, accepting.link_up(net.local(accepting), False)),
        )
        for side in (0, 1):
            self.ends[side][1].wake = self.waker(side)
        self.look(0)

    def waker(self, side):
        return lambda: self.net.later(0, self.look, side)

    def look(self, side):
        """What the I/O side does when woken: send everything, close when asked to."""
        mesh, link = self.ends[side]
        while self.up:
            frame = link.next_frame()
            if frame is None:
                mesh.idle(self.net.local(mesh))
                frame = link.next_frame()
            if frame is None:
                break
            frame = bytes(frame)  # the next one may be made in the same memory
            self.log.append((mesh.node_id, frame))
            if not (self.loses and self.loses(frame)):
                self.net.later(self.delay, self.arrive, 1 - side, frame)
        if link.closing:
            if self.up:
                self.cut()
            else:
                mesh.link_down(link, self.net.local(mesh))

    def arrive(self, side, frame):
        if self.up:
            mesh, link = self.ends[side]
            mesh.receive(link, frame, self.net.local(mesh))
            self.look(side)

    def cut(self):
        """Both ends notice at once."""
        self.up = False
        for mesh, link in self.ends:
            mesh.link_down(link, self.net.local(mesh))

    def go_silent(self):
        """One end has lost its power: no FIN, and what is sent vanishes."""
        self.up = False

    def reason(self):
        return self.ends[0][1].closing + " / " + self.ends[1][1].closing


class MeshNet:
    """Nodes and wires; every node has a clock of its own, off by `skew` microseconds."""

    def __init__(self):
        self.now = START
        self.nodes = {}
        self.wires = []
        self.received = []  # (at node, from node, text)
        self.skew = {}
        self._queue = []
        self._count = 0

    def add(self, node_id, skew=0):
        mesh = Mesh(node_id)
        mesh.on_receive(lambda sender, msg: self.received.append((node_id, sender, msg)))
        self.nodes[node_id] = mesh
        self.skew[node_id] = skew
        return mesh

    def local(self, mesh):
        return self.now + self.skew[mesh.node_id]

    def join(self, dialling, accepting, delay=1000):
        """`dialling` opens a connection to `accepting`; both are node ids."""
        wire = Wire(self, self.nodes[dialling], self.nodes[accepting], delay)
        self.wires.append(wire)
        return wire

    def remove(self, node_id):
        """The node is gone; its neighbours see its sockets close."""
        for wire in self.wires_at(node_id):
            wire.cut()
        return self.nodes.pop(node_id)

    def wires_at(self, node_id):
        return [
            w
            for w in self.wires
            if w.up and node_id in (w.ends[0][0].node_id, w.ends[1][0].node_id)
        ]

    def later(self, delay, call, *arguments):
        self._count += 1
        heapq.heappush(self._queue, (self.now + delay, self._count, call, arguments))

    def run(self, duration):
        end = self.now + duration
        self._tick(end)
        while self._queue and self._queue[0][0] <= end:
            when, _, call, arguments = heapq.heappop(self._queue)
            self.now = max(self.now, when)
            call(*arguments)
        self.now = end

    def _tick(self, end):
        for mesh in list(self.nodes.values()):
            mesh.tick(self.local(mesh))
        if self.now + TICK <= end:
            self.later(TICK, self._tick, end)

    def edges(self, node_id):
        """The tree as one node knows it, as a sorted list of (smaller id, larger id)."""
        return sorted([(min(pair), max(pair)) for pair in self.nodes[node_id].tree()])

    def real_edges(self):
        pairs = [(w.ends[0][0].node_id, w.ends[1][0].node_id) for w in self.wires if w.up]
        return sorted([(min(pair), max(pair)) for pair in pairs])

    def component(self, node_id):
        """Every node that can be reached from this one."""
        found = [node_id]
        for reached in found:
            for edge in self.real_edges():
                if reached in edge:
                    other = edge[0] + edge[1] - reached
                    if other not in found:
                        found.append(other)
        return sorted(found)

    def agrees(self):
        """Whether every node knows exactly the real tree it is in."""
        for node_id in self.nodes:
            inside = self.component(node_id)
            if self.edges(node_id) != [edge for edge in self.real_edges() if edge[0] in inside]:
                return False
        return True


def pair(first=1111111111, second=2222222222, delay=1000):
    """Two joined nodes: (net, the one that was dialled, the one that dialled, wire)."""
    net = MeshNet()
    accepting, dialling = net.add(first), net.add(second)
    wire = net.join(second, first, delay)
    net.run(SECOND)
    return net, accepting, dialling, wire


def identified(mesh, peer_id, now=START, dialled=False):
    """A link of `mesh` over which a made-up peer has said who it is; its first answers have been taken."""
    link = mesh.link_up(now, dialled)
    mesh.receive(link, b'{"nodeId":%d,"type":5,"dest":0,"from":%d}\0' % (peer_id, peer_id), now)
    take_all(link)
    return link


def take_all(link):
    """Every frame that waits on a link."""
    frames = []
    while True:
        frame = link.next_frame()
        if frame is None:
            return frames
        frames.append(frame)
