"""Level 1: package 71 and the announcement's `mac`, both under the mesh key. See docs/mesh-protocol.md, 3 to 5.

What lives here: who may be believed, and the order of messages. Not here: what a body means, except for the few keys
that make the order (`nonce`, `boot`, `heard`).
"""

from painlessmesh.mac import equal, hexmac
from painlessmesh.protocol import LEVEL_1, TO_ONE, decode, flag, lower_hex, number, text, u32

BODY_LIMIT = 2048
NONCE_LENGTH = 16
WHO_INTERVAL = 2_000_000  # us between two answers to "who are you"

# What each side may say.
OF_GATEWAY = ("hello", "go")
OF_NODE = ("status", "need")


def package(key: bytes, op: str, sender: int, dest: int, seq: int, nonce: str, body: str) -> tuple:
    """Package 71 as pairs. `nonce` is the receiver's; ValueError for a body beyond 2048 bytes."""
    if len(body.encode()) > BODY_LIMIT:
        raise ValueError("a body of more than %d bytes" % BODY_LIMIT)
    return (
        ("type", LEVEL_1),
        ("routing", TO_ONE),
        ("from", sender),
        ("dest", dest),
        ("op", op),
        ("seq", seq),
        ("nonce", nonce),
        ("body", body),
        ("mac", hexmac(key, _said(op, sender, dest, seq, nonce, body))),
    )


def _said(op: str, sender: int, dest: int, seq: int, nonce: str, body: str) -> str:
    return "71\n%s\n%d\n%d\n%d\n%s\n%s" % (op, sender, dest, seq, nonce, body)


def _genuine(key: bytes, package: dict, ops: tuple, me: int) -> bool:
    """Whether somebody who has the key said this to us; not yet, whether it is new."""
    op = text(package, "op", 6)
    body = text(package, "body", BODY_LIMIT)
    if op not in ops or u32(package, "dest") != me or not body:
        return False
    said = _said(
        op,
        u32(package, "from"),
        me,
        number(package, "seq", 0),
        text(package, "nonce", NONCE_LENGTH),
        body,
    )
    return equal(text(package, "mac", 64), hexmac(key, said))


def _object(body: str) -> dict:
    return decode(body.encode()) or {}


class GatewaySide:
    """What the gateway knows of the order of messages with one node."""

    def __init__(self, key: bytes, gateway_id: int, nonce: str, node_id: int) -> None:
        self.node_id = node_id
        self.node_nonce = ""  # of the node's present boot; "" until its first status
        self.boot = -1  # the node's boot number
        self._key = key
        self._me = gateway_id
        self._nonce = nonce
        self._seq = 0  # last one that we sent
        self._heard = 0  # last one accepted within the node's present boot

    def check(self, package: dict) -> str | None:
        """The body of a status or need that is genuine, for this boot of ours, and newer than all before; else None."""
        if u32(package, "from") != self.node_id or package.get("nonce") != self._nonce:
            return None
        if not _genuine(self._key, package, OF_NODE, self._me):
            return None
        if package["op"] == "status":
            return self._status(package)
        return package["body"] if self.node_nonce and self._newer(package) else None

    def build(self, op: str, body: str) -> tuple:
        """Pairs of a hello or go to the node; a hello before its first status says nothing but "who are you"."""
        self._seq += 1
        return package(self._key, op, self._me, self.node_id, self._seq, self.node_nonce, body)

    def sign(self, announcement: tuple) -> tuple:
        """The pairs of an announcement to this node, with its `mac` after them."""
        said = announcement_text(dict(announcement), self.node_nonce)
        return announcement + (("mac", hexmac(self._key, said)),)

    def _status(self, package: dict) -> str | None:
        # A node counts from 1 again after each boot. Its boot number only grows, so what it said before can not return.
        body = _object(package["body"])
        boot = number(body, "boot", -1)
        nonce = text(body, "nonce", NONCE_LENGTH)
        if boot < self.boot or not lower_hex(nonce, NONCE_LENGTH):
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
        if package.get("nonce") != self.nonce or not _genuine(
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
        if package.get("nonce") != "" or not _genuine(self._key, package, ("hello",), self._me):
            return None
        if self._answered_at is not None and now - self._answered_at < WHO_INTERVAL:
            return None
        nonce = text(_object(package["body"]), "nonce", NONCE_LENGTH)
        if not lower_hex(nonce, NONCE_LENGTH):
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
        return equal(
            text(package, "mac", 64), hexmac(self._key, announcement_text(package, self.nonce))
        )

    def _greeted(self, package: dict) -> bool:
        nonce = text(_object(package["body"]), "nonce", NONCE_LENGTH)
        if not lower_hex(nonce, NONCE_LENGTH):
            return False
        self.gateway = u32(package, "from")
        self._gateway_nonce = nonce
        return True


def announcement_text(package: dict, nonce: str) -> str:
    """What the `mac` of an announcement covers; `nonce` is the boot nonce of the node it is for."""
    return "\n".join(
        (
            "announce",
            text(package, "md5", 32),
            text(package, "sha256", 64),
            str(u32(package, "size")),
            text(package, "role", 30),
            text(package, "hardware", 10),
            text(package, "kind", 10),
            text(package, "version", 20),
            "1" if flag(package, "forced") else "0",
            str(u32(package, "noPart")),
            str(u32(package, "dest")),
            nonce,
        )
    )
