"""Level 1, the node's side: which words of a gateway are believed, and what is said to it under the mesh key.

What lives here: the order of messages with the gateway within one boot. Not here: what a command does.
"""

from painlessmesh.level1 import (
    OF_GATEWAY,
    announcement_texts,
    genuine,
    keys_of,
    nonce_in,
    package,
)
from painlessmesh.mac import equal, hexmac
from painlessmesh.protocol import text, u32

WHO_INTERVAL = 2_000_000  # us between two answers to "who are you"


class NodeSide:
    """What a node knows of the order of messages with its gateway. `nonce` is this boot's."""

    def __init__(self, key: bytes, node_id: int, nonce: str) -> None:
        self.nonce = nonce
        self.gateway = 0  # node id of the gateway whose hello counted; 0 before
        self.heard = 0  # highest seq accepted from it in this boot
        self._key = key
        self._me = node_id
        self._gateway_nonce = ""
        self._seq = 0
        self._answered_at = None

    def check(self, package: dict) -> str | None:
        """The body of a hello or go that is genuine, for this boot, and newer than all before; else None."""
        if package.get("nonce") != self.nonce or not genuine(
            self._key, package, OF_GATEWAY, self._me
        ):
            return None
        if u32(package, "seq") <= self.heard:
            return None
        if package["op"] == "hello" and not self._greeted(package):
            return None
        self.heard = u32(package, "seq")
        return package["body"]

    def asked_by(self, package: dict, now: int) -> tuple | None:
        """(sender, its nonce) of a genuine hello without a nonce, at most once in 2 s; else None.

        It may be an old one played back: it is worth a status to that nonce and nothing else.
        """
        if package.get("nonce") != "" or not genuine(self._key, package, ("hello",), self._me):
            return None
        if self._answered_at is not None and now - self._answered_at < WHO_INTERVAL:
            return None
        nonce = nonce_in(keys_of(package["body"]))
        if not nonce:
            return None
        self._answered_at = now
        return u32(package, "from"), nonce

    def build(self, op: str, body: str, to: tuple | None = None) -> tuple | None:
        """Pairs of a status or need to the gateway, or to the one that `asked_by` gave; None while there is none."""
        gateway, nonce = to or (self.gateway, self._gateway_nonce)
        if not gateway:
            return None
        self._seq += 1
        return package(self._key, op, self._me, gateway, self._seq, nonce, body)

    def check_announcement(self, package: dict) -> bool:
        """Whether an announcement was made by a holder of the key, for this node in this boot."""
        if u32(package, "dest") != self._me:
            return False
        said = announcement_texts(package, self.nonce)
        return equal(text(package, "mac", 64), hexmac(self._key, *said))

    def _greeted(self, package: dict) -> bool:
        nonce = nonce_in(keys_of(package["body"]))
        if not nonce:
            return False
        self.gateway = u32(package, "from")
        self._gateway_nonce = nonce
        return True
