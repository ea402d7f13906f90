"""Level 1: package 71 and the announcement's `mac`, both under the mesh key. See docs/mesh-protocol.md, 3 to 5.

What lives here: what both sides make and check in the same way. Who may be believed, and the order of messages, is in
`level1_gateway.py` and `level1_node.py`, so that a board loads its own side only.
"""

from painlessmesh.mac import equal, hexmac
from painlessmesh.protocol import LEVEL_1, TO_ONE, decode, flag, lower_hex, number, text, u32

BODY_LIMIT = 2048
NONCE_LENGTH = 16

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
        ("mac", hexmac(key, _before(op, sender, dest, seq, nonce), body)),
    )


def _before(op: str, sender: int, dest: int, seq: int, nonce: str) -> str:
    """What the `mac` covers before the body."""
    return "71\n%s\n%d\n%d\n%d\n%s\n" % (op, sender, dest, seq, nonce)


def genuine(key: bytes, package: dict, ops: tuple, me: int) -> bool:
    """Whether somebody who has the key said this to us; not yet, whether it is new."""
    op = text(package, "op", 6)
    body = text(package, "body", BODY_LIMIT)
    if op not in ops or u32(package, "dest") != me or not body:
        return False
    nonce = text(package, "nonce", NONCE_LENGTH)
    before = _before(op, u32(package, "from"), me, number(package, "seq", 0), nonce)
    return equal(text(package, "mac", 64), hexmac(key, before, body))


def keys_of(body: str) -> dict:
    """The object that a body is; {} when it is none."""
    return decode(body) or {}


def nonce_in(keys: dict) -> str:
    """The boot nonce that a body's keys name; "" when it is none."""
    nonce = text(keys, "nonce", NONCE_LENGTH)
    return nonce if lower_hex(nonce, NONCE_LENGTH) else ""


def announcement_texts(package: dict, nonce: str) -> tuple:
    """What the `mac` of an announcement covers, in pieces; `nonce` is the boot nonce of the node it is for."""
    said = "\n".join(
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
    if package.get("deflate") is not None:
        said += "\ndeflate\n%d" % u32(package, "deflate")
    if package.get("sig") is None:
        return (said,)
    # A relay could otherwise spoil the signature, and the node would blame the firmware.
    floor = "" if package.get("floor") is None else str(u32(package, "floor"))
    return said, "\n%d\n%s\n" % (u32(package, "counter"), floor), text(package, "sig", 512)
