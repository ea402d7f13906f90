"""Level 1 with our nodes: who is there, what they say, what they are told. docs/mesh-protocol.md §5.

What a status means for an update is the distributor's; how it gets to Home Assistant the reporter's.
"""

from gateway.known_node import NEWS, URGENT, KnownNode
from painlessmesh.level1_gateway import GatewayBoot
from painlessmesh.mesh import Mesh
from painlessmesh.protocol import LEVEL_1, OTA_REQUEST, decode, encode, quote, text, u32

SECOND = 1_000_000
ASK_FIRST = 3 * SECOND  # a node answers "who are you" at most once in 2 s
ASK_AGAIN = 30 * SECOND
ASK_IN_TRIAL = 3 * SECOND  # a trial waits for our hello, and has 120 s
ASKS_PER_TICK = 4  # so that a gateway that starts does not flood its mesh
KNOWN_MAX = 80  # nodes, 64 in the tree and some that have left it
WAITING_MAX = 2048  # bytes of statuses kept until they are told, six of them: a report takes four


class Contact:
    """`nonce` is this gateway's boot nonce, `on_status(node, status, now)` hears each new status."""

    def __init__(self, mesh: Mesh, key: bytes, nonce: str) -> None:
        self.on_status = None
        self.on_need = None  # called with (node id, parsed body, now) of each genuine `need`
        self.on_news = None  # called when something is worth a report at once
        self._key_changes = []
        self._mesh = mesh
        self._gateway = GatewayBoot(key, mesh.node_id, nonce)
        self._nodes = {}
        self._changed = True
        mesh.on_package(LEVEL_1, self._level_1)
        mesh.on_package(OTA_REQUEST, self._data_request)
        mesh.on_changed_connections(self._tree_changed)
        mesh.on_new_connection(self._joined)

    def tick(self, now: int) -> None:
        """Ask whoever has to be asked."""
        if self._changed:
            self._changed = False
            self._look_at_tree(now)
        left = ASKS_PER_TICK
        for node in self._nodes.values():
            if left and node.present and self._must_ask(node, now):
                left -= 1
                self._ask(node, now)

    def node(self, node_id: int) -> KnownNode | None:
        """What is known of a node that is in the tree now."""
        node = self._nodes.get(node_id)
        there = node is not None and node.present and self._mesh.link_to(node_id) is not None
        return node if there else None

    def command(self, node: KnownNode, do: str, md5: str, tag: str = "", proof: str = "") -> bool:
        """Send a `go`; whether there is a way to that node."""
        said = (("do", do), ("md5", md5), ("tag", tag), ("proof", proof))
        return self._go(node, said)

    def _go(self, node: KnownNode, said: tuple) -> bool:
        if not node.node_nonce:
            return False
        body = ",".join([quote(key) + ":" + quote(value) for key, value in said if value])
        return self._mesh.send(node.build("go", "{" + body + "}"))

    def announcement(self, sender: object, delivery: object) -> bytes | None:
        """The offer to a node as a frame. None where the delivery has ended by now, or the heap has no room: it is
        offered again soon."""
        job = delivery.job
        node = None if job.stock else self.node(delivery.node_id)
        if sender.target(delivery.node_id) is None or not (job.stock or node):
            return None
        try:
            pairs = sender.announcement(delivery.node_id)
            return encode(node.sign(pairs + job.signed_keys()) if node else pairs)
        except MemoryError:
            return None

    def take_keys(self, changes: list) -> None:
        """The changes of the signing key {from, modulus, sig} that nodes here have missed."""
        if changes == self._key_changes:
            return
        self._key_changes = changes
        for node in self._nodes.values():
            node.behind = bool(changes)  # until it has said its key again
            if changes:
                node.ask_now()

    def _give_key(self, node: KnownNode, key: object) -> None:
        node.behind = False
        for change in self._key_changes:
            if change["from"] == key:
                node.behind = True
                said = (("do", "key"), ("modulus", change["modulus"]), ("sig", change["sig"]))
                self._go(node, said)

    # ---- for the reporter

    def has_news(self) -> bool:
        return any(
            [node.news == URGENT and node.words is not None for node in self._nodes.values()]
        )

    def to_tell(self, now: int) -> list:
        """Nodes whose words are to be told, the most urgent first."""
        nodes = [node for node in self._nodes.values() if node.news and node.words is not None]
        return sorted(nodes, key=lambda node: -node.news)

    def promote(self) -> None:
        """The regular report: whatever there is, is worth telling, and what found no room is asked for again."""
        for node in self._nodes.values():
            if node.news == NEWS:
                node.news = URGENT
                if node.owed:
                    node.ask_now()

    def tell_everything(self) -> None:
        for node in self._nodes.values():
            if node.words is not None:
                node.news = URGENT
            elif node.ours and node.present:
                node.news = URGENT
                node.ask_now()

    # ---- what comes in

    def _level_1(self, package: dict, link: object, now: int) -> None:
        node = self._known(u32(package, "from"), now)
        before = "" if node is None else node.node_nonce
        body = node.check(package) if node is not None else None
        status = None if body is None else decode(body)
        if status is None:
            return
        if package["op"] == "need":
            if self.on_need is not None:
                self.on_need(node.node_id, status, now)
            return
        to_greet = node.greet or node.silent(now) or node.node_nonce != before
        node.said(status, now)
        phase = status.get("phase")
        node.ask_in(ASK_IN_TRIAL if phase in ("trial", "restarting") else ASK_AGAIN, now)
        if to_greet or phase == "trial":
            self._greet(node)
        self._make_room(node, now)
        if self._key_changes:
            self._give_key(node, status.get("key"))
        if self.on_status is not None:
            self.on_status(node, status, now)
        if node.news == URGENT:
            self._tell()

    def _data_request(self, package: dict, link: object, now: int) -> None:
        node = self._known(u32(package, "from"), now)
        role, hardware = text(package, "role", 30), text(package, "hardware", 10)
        if node is not None and role and hardware:
            node.asked(role, hardware, now)
            if node.news == URGENT:
                self._tell()

    # ---- what goes out

    def _must_ask(self, node: KnownNode, now: int) -> bool:
        if node.owed and self._waiting() > WAITING_MAX // 2:
            return False
        return node.must_be_asked(now)

    def _ask(self, node: KnownNode, now: int) -> None:
        """Who are you? Bound to no boot of the node: it may have restarted unseen."""
        node.ask_in(min(max(ASK_FIRST, node.ask_gap * 2), ASK_AGAIN), now)
        nonce, node.node_nonce = node.node_nonce, ""
        self._mesh.send(node.build("hello", self._hello()))
        node.node_nonce = nonce

    def _greet(self, node: KnownNode) -> None:
        """The hello that counts: bound to the node's boot, and a trial waits for it."""
        sent = self._mesh.send(node.build("hello", self._hello()))
        if node.greet == sent:
            node.greet = not sent

    def _hello(self) -> str:
        return '{{"gateway":{},"nonce":"{}","protocol":1}}'.format(
            self._mesh.node_id, self._gateway.nonce
        )

    # ---- who is there

    def _joined(self, node_id: int) -> None:
        """A neighbour that restarted may be back before anybody has seen that it was away."""
        node = self._nodes.get(node_id)
        if node is not None:
            node.ask_now()

    def _tree_changed(self) -> None:
        self._changed = True

    def _look_at_tree(self, now: int) -> None:
        there = self._mesh.get_node_list()
        for node in self._nodes.values():
            if node.node_id not in there:
                node.present = False
        for node_id in there:
            self._known(node_id, now)

    def _known(self, node_id: int, now: int) -> KnownNode | None:
        """The record of a node; a new one is asked at once. None when there are too many."""
        node = self._nodes.get(node_id)
        if node is None and (len(self._nodes) < KNOWN_MAX or self._forget_one()):
            node = KnownNode(self._gateway, node_id)
            self._nodes[node_id] = node
        if node is not None and not node.present and self._mesh.link_to(node_id):
            node.present = True
            node.ask_now()
        return node

    def _forget_one(self) -> bool:
        for node_id in self._nodes:
            if not self._nodes[node_id].present:
                del self._nodes[node_id]
                return True
        return False

    def _waiting(self) -> int:
        return sum([node.size for node in self._nodes.values()])

    def _make_room(self, latest: KnownNode, now: int) -> None:
        """Beyond the limit a status is not kept: its node is asked again as soon as there is room, or by the next regular
        report."""
        if self._waiting() > WAITING_MAX:
            latest.words = None
            if latest.owed:
                latest.ask_in(ASK_FIRST, now)
                latest.ask_gap = 0

    def _tell(self) -> None:
        if self.on_news is not None:
            self.on_news()
