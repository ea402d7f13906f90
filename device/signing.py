"""Which signatures this board believes: its public keys, the signed texts, the floor under their counters.

Loaded only where config.json has a `signing_key`. The signed texts are those of docs/mesh-protocol.md §8;
the floor is kept by the slots and moves with the confirmation of an image, never here. What is here on
flash is `signing.json`, the keys that came by air: one atomic rename each, and worth nothing once another
key came by cable.
"""

import binascii
import hashlib

from device import signature
from device.flash_files import FlashFiles
from device.image import ImageError
from device.slot_state import fits
from painlessmesh.protocol import text, u32

KEYS = "signing.json"
LONGEST = 2048  # bytes of that file: two keys of 512 characters and their names
ID_LENGTH = 16
FLOOR_FIELDS = (("floor", int), ("highest", int), ("key", str))
NOTHING = {"floor": 0, "highest": 0, "key": ""}  # confirmed yet

UNSIGNED = "The firmware is not signed, and this node takes signed firmware only."
STRANGE = "The firmware was not signed by this node's key, or not for this node."
OLD = (
    "The firmware was signed before the one confirmed here ({} < {}): a signed downgrade is needed."
)
USED = "This signed downgrade is older than what was confirmed here ({} <= {})."
STRANGE_KEY = "The new key was not signed by this node's key."


class Signing:
    """`cable_key` is config's modulus in base64; `slots` keep the floor."""

    def __init__(self, files: FlashFiles, cable_key: str, slots: object, node_id: int) -> None:
        self._files = files
        self._slots = slots
        self._node_id = node_id
        cable = decoded(cable_key)
        self._cable_id = id_of(cable)
        self._keys = [cable]  # the present one, then the one before it
        found = self._files.read_object(KEYS, LONGEST) or {}
        keys = [decoded(text(found, name, 512)) for name in ("key", "before")]
        if found.get("cable") == self._cable_id and keys[0]:
            self._keys = [key for key in keys if key]

    @property
    def key_id(self) -> str:
        return id_of(self._keys[0])

    @property
    def floor(self) -> int:
        """The counter below which nothing is taken; 0 before the first confirmation."""
        return self._known()["floor"]

    def check(self, announcement: dict) -> dict:
        """What confirming the announced image will make of the floor. Raises ImageError."""
        proof = decoded(text(announcement, "sig", 512))
        if not proof:
            raise ImageError("signature", UNSIGNED)
        counter = u32(announcement, "counter")
        downgrade = announcement.get("floor") is not None
        said = firmware_text(announcement, self._node_id if downgrade else 0).encode()
        for key in self._valid():
            if signature.verify(key, proof, said):
                break
        else:
            raise ImageError("signature", STRANGE)
        known = self._known()
        if downgrade and counter <= known["highest"]:
            raise ImageError("signature", USED.format(counter, known["highest"]))
        if not downgrade and counter < known["floor"]:
            raise ImageError("signature", OLD.format(counter, known["floor"]))
        return {
            "floor": u32(announcement, "floor") if downgrade else counter,
            "highest": max(counter, known["highest"]),
            "key": id_of(key),
        }

    def replace(self, order: dict) -> None:
        """Take the next key, which the present one has signed. Raises ImageError or OSError."""
        modulus = text(order, "modulus", 512)
        fresh, proof = decoded(modulus), decoded(text(order, "sig", 512))
        if fresh == self._keys[0]:
            return  # said again
        said = ("mesh-ota key 1\n" + modulus).encode()
        if not is_key(fresh) or not signature.verify(self._keys[0], proof, said):
            raise ImageError("signature", STRANGE_KEY)
        keys = [fresh, self._keys[0]]
        stored = {"cable": self._cable_id, "key": modulus, "before": encoded(keys[1])}
        self._files.replace_object(KEYS, stored)
        self._keys = keys

    def _valid(self) -> list:
        """The key before counts until an image that the present one signed has been confirmed: a Home
        Assistant that was set back in the middle of the change still reaches its nodes."""
        return self._keys[:1] if self._known()["key"] == self.key_id else self._keys

    def _known(self) -> dict:
        found = self._slots.signed
        return found if isinstance(found, dict) and fits(found, FLOOR_FIELDS) else NOTHING


def firmware_text(announcement: dict, downgrade_of: int = 0) -> str:
    """What is signed of an image; with a node id, of a downgrade of that node."""
    lines = [
        "mesh-ota downgrade 1" if downgrade_of else "mesh-ota firmware 1",
        text(announcement, "role", 30),
        text(announcement, "version", 20),
        text(announcement, "hardware", 10),
        text(announcement, "kind", 10),
        str(u32(announcement, "size")),
        text(announcement, "sha256", 64),
        str(u32(announcement, "counter")),
    ]
    if downgrade_of:
        lines += [str(u32(announcement, "floor")), str(downgrade_of)]
    return "\n".join(lines)


def is_key(modulus: bytes) -> bool:
    """3072 bits, all of them used, and odd."""
    return len(modulus) == signature.LENGTH and bool(modulus[0] & 0x80 and modulus[-1] & 1)


def id_of(modulus: bytes) -> str:
    """16 hex digits that name a key."""
    return binascii.hexlify(hashlib.sha256(modulus).digest()).decode()[:ID_LENGTH]


def decoded(characters: str) -> bytes:
    """b"" for what is no base64."""
    try:
        return binascii.a2b_base64(characters)
    except ValueError:
        return b""


def encoded(content: bytes) -> str:
    return binascii.b2a_base64(content).decode().strip()
