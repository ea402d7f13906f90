"""Level 1, the gateway's side: which words of one node are believed, and what is said to it under the mesh key.

What lives here: the order of messages with a node, across boots of either. Not here: what a body means, except for the
keys that make the order (`nonce`, `boot`, `heard`).
"""

from painlessmesh.level1 import OF_NODE, announcement_texts, genuine, keys_of, nonce_in, package
from painlessmesh.mac import hexmac
from painlessmesh.protocol import number, u32


class GatewayBoot:
    """What is the same for all nodes: the mesh key, the gateway's id, the nonce of its present boot."""

    def __init__(self, key: bytes, gateway_id: int, nonce: str) -> None:
        self.key = key
        self.gateway_id = gateway_id
        self.nonce = nonce


class GatewaySide:
    """What the gateway knows of the order of messages with one node.

    There are many of these on a board: few attributes.
    """

    def __init__(self, gateway: GatewayBoot, node_id: int) -> None:
        self.node_id = node_id
        self.node_nonce = ""  # of the node's present boot; "" until its first status
        self.boot = -1  # the node's boot number
        self._gateway = gateway
        self._seq = 0  # last one that we sent
        self._heard = 0  # last one accepted within the node's present boot

    def check(self, package: dict) -> str | None:
        """The body of a status or need that is genuine, for this boot of ours, and newer than all before; else None."""
        if u32(package, "from") != self.node_id or package.get("nonce") != self._gateway.nonce:
            return None
        if not genuine(self._gateway.key, package, OF_NODE, self._gateway.gateway_id):
            return None
        if package["op"] == "status":
            return self._status(package)
        return package["body"] if self.node_nonce and self._newer(package) else None

    def build(self, op: str, body: str) -> tuple:
        """Pairs of a hello or go to the node; a hello before its first status says nothing but "who are you"."""
        self._seq += 1
        me = self._gateway
        return package(me.key, op, me.gateway_id, self.node_id, self._seq, self.node_nonce, body)

    def sign(self, announcement: tuple) -> tuple:
        """The pairs of an announcement to this node, with its `mac` after them."""
        said = announcement_texts(dict(announcement), self.node_nonce)
        return announcement + (("mac", hexmac(self._gateway.key, *said)),)

    def _status(self, package: dict) -> str | None:
        # A node counts from 1 again after each boot. Its boot number only grows, so what it said before can not return.
        body = keys_of(package["body"])
        boot = number(body, "boot", -1)
        nonce = nonce_in(body)
        if boot < self.boot or not nonce:
            return None
        if boot > self.boot:
            self._heard = 0
        elif nonce != self.node_nonce:
            return None
        if not self._newer(package):
            return None
        self.boot = boot
        self.node_nonce = nonce
        self._seq = max(self._seq, u32(body, "heard"))
        return package["body"]

    def _newer(self, package: dict) -> bool:
        seq = u32(package, "seq")
        if seq <= self._heard:
            return False
        self._heard = seq
        return True
