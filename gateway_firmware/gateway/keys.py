"""The gateway's two keys: made once, kept in keys.json, the first one shown as a setup key.

They are drawn only once the radio is on: before that an ESP32's random numbers are not random.
Nothing else on the board reads or writes keys.json; the mesh key goes into the nodes by cable.
"""

import binascii
import hashlib

KEYS = "keys.json"
NAMES = ("gateway_key", "mesh_key")
LONGEST_FILE = 512
KEY_BYTES = 32
BASE32 = (
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # bytes: MicroPython keeps each letter of a text for ever
)
SETUP_CHARACTERS = 52  # 256 bits, five in each, four bits of padding at the end
GROUP = 4


class KeysDamaged(ValueError):
    """keys.json is there and cannot be read. New keys would lock every node out, so none are made."""


class Keys:
    """`gateway` opens Home Assistant's gateway door, `mesh` commands our nodes: 32 bytes each."""

    def __init__(self, gateway: bytes, mesh: bytes) -> None:
        self.gateway = gateway
        self.mesh = mesh


def load(files: object, random: object) -> Keys:
    """The keys of this gateway; what is missing is drawn with `random(n)` and written at once.

    `files` is a `device.flash_files.FlashFiles`. Raises KeysDamaged.
    """
    written = files.read_object(KEYS, LONGEST_FILE)
    if written is None:
        if files.size(KEYS) >= 0:
            raise KeysDamaged("keys.json is damaged: restore it, or erase it and pair anew.")
        written = {}  # the first boot
    missing = [name for name in NAMES if name not in written]
    for name in missing:
        written[name] = binascii.hexlify(random(KEY_BYTES)).decode()
    if missing:
        files.replace_object(KEYS, written)
    return Keys(*[_key(written, name) for name in NAMES])


def setup_key(key: bytes) -> str:
    """What the user types into Home Assistant, in groups of four (docs/gateway-api.md §1)."""
    number = int.from_bytes(key, "big") << (SETUP_CHARACTERS * 5 - KEY_BYTES * 8)
    letters = [BASE32[number >> 5 * place & 31] for place in range(SETUP_CHARACTERS - 1, -1, -1)]
    letters.append(BASE32[hashlib.sha256(key).digest()[0] >> 3])
    text = bytes(letters).decode()
    return "-".join([text[start : start + GROUP] for start in range(0, len(text), GROUP)])


def _key(written: dict, name: str) -> bytes:
    try:
        key = binascii.unhexlify(written[name])
    except (ValueError, TypeError):
        key = b""
    if len(key) != KEY_BYTES:
        raise KeysDamaged("keys.json: {} must be 64 hex digits.".format(name))
    return key
