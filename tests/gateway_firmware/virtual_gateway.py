"""The gateway's mesh side on a virtual clock: real meshes joined by virtual wires, real nodes at their ends.

Home Assistant is played by three attributes: `jobs` that are listed, `images` that blocks come from, and whether it is
there at all (`online`).
"""

from home_assistant_side import job
from mesh_net import SECOND, MeshNet
from node_side import OurNode, StockNode

from gateway.blocks import Blocks
from gateway.contact import Contact
from gateway.distributor import Distributor
from gateway.serving import Serving

GATEWAY = 1111111111
KEY = bytes(range(32, 64))
STEP = 50_000


class VirtualGateway:
    def __init__(self):
        self.net = MeshNet()
        self.images = {}
        self.jobs = []
        self.online = True
        self.fetched = []  # (source, start) of every block
        self.nodes = {}
        self.news = 0
        self.start()

    def start(self, nonce="9f86d081884c7d65"):
        """Power on; nothing is remembered but the key."""
        self.mesh = self.net.add(GATEWAY)
        self.mesh.root = True
        self.blocks = Blocks()
        self.contact = Contact(self.mesh, KEY, nonce)
        self.serving = Serving(self.mesh, self.blocks)
        self.distributor = Distributor(self.mesh, self.contact, self.serving)

    @property
    def now(self):
        return self.net.local(self.mesh)

    def add(self, node_id, parent=GATEWAY, delay=1000, key=KEY, **changes):
        """One of our nodes, joined."""
        node = OurNode(self.net.add(node_id), key, **changes)
        return self._join(node, node_id, parent, delay)

    def add_stock(self, node_id, parent=GATEWAY, delay=1000, **changes):
        return self._join(StockNode(self.net.add(node_id), **changes), node_id, parent, delay)

    def _join(self, node, node_id, parent, delay):
        self.nodes[node_id] = node
        node.parent, node.delay = parent, delay
        self.net.join(node_id, parent, delay)
        return node

    def leave(self, node_id):
        """Out of the mesh; the node itself stays as it is."""
        for wire in self.net.wires_at(node_id):
            wire.cut()

    def rejoin(self, node_id):
        node = self.nodes[node_id]
        self.net.join(node_id, node.parent, node.delay)

    def restart_node(self, node_id, seconds=1):
        self.leave(node_id)
        self.nodes[node_id].restart()
        self.run(seconds)
        self.rejoin(node_id)

    def job(self, image, targets, **changes):
        """List one more job; `targets` are node ids or (node id, attempt)."""
        pairs = [t if isinstance(t, tuple) else (t, 1) for t in targets]
        found = job(image, pairs, **changes)
        self.images["firmware/%d/download" % found["firmware_id"]] = image
        self.list(*[old for old in self.jobs if old["id"] != found["id"]], found)
        return found

    def pause(self, found, paused):
        """List that job once more, its targets held or let go."""
        mark = {"paused": True} if paused else {}
        self.list(dict(found, targets=[target | mark for target in found["targets"]]))

    def list(self, *jobs):
        self.jobs = list(jobs)
        if self.online:
            self.distributor.listed(self.jobs, self.now)

    def run(self, seconds, until=None):
        """Let time pass; stops early when `until()` holds. Answers whether it did."""
        end = self.net.now + int(seconds * SECOND)
        while self.net.now < end:
            self.net.run(STEP)
            self._beat()
            if until is not None and until():
                return True
        return until is None

    def run_to_restart(self, node_id, seconds=30):
        """Let time pass until that node has what it was sent and restarts."""
        assert self.run(seconds, lambda: self.nodes[node_id].phase == "restarting")

    def _beat(self):
        now = self.now
        self.contact.tick(now)
        self.distributor.tick(now)
        for node in list(self.nodes.values()):
            node.tick(self.net.local(node.mesh))
        if self.online:
            self.distributor.still_listed(now)
            self._fetch()

    def _fetch(self):
        wanted = self.blocks.next_wanted()
        while wanted is not None:
            source, start, _size = wanted
            self.fetched.append((source, start))
            content = self.images[source][start : start + 4096]
            self.blocks.claim()[: len(content)] = content
            self.blocks.filled(wanted, len(content))
            self.distributor.block_arrived(self.now)
            wanted = self.blocks.next_wanted()

    def entry(self, node_id):
        """What the next report would say of that node's delivery."""
        return self.delivery(node_id).entry()

    def state(self, node_id):
        delivery = self.delivery(node_id)
        return delivery.state if delivery else None

    def delivery(self, node_id):
        for delivery in self.serving.deliveries:
            if delivery.node_id == node_id:
                return delivery
        return None
