"""HMAC-SHA256 and a comparison that does not tell where it failed. MicroPython has neither in its firmware."""

import binascii
import hashlib


def hmac_sha256(key: bytes, *pieces: bytes) -> bytes:
    """The 32 bytes of RFC 2104 with SHA-256, over the pieces one after the other; a board need not hold them in one."""
    if len(key) > 64:
        key = hashlib.sha256(key).digest()
    key = key + bytes(64 - len(key))
    inner = hashlib.sha256(_padded(key, b"\x36"))
    for piece in pieces:
        inner.update(piece)
    outer = hashlib.sha256(_padded(key, b"\x5c"))
    outer.update(inner.digest())
    return outer.digest()


def _padded(key: bytes, pad: bytes) -> bytes:
    """Each byte xor `pad`; as one number, for a list of the bytes would be 512 bytes in one piece."""
    number = int.from_bytes(key, "big") ^ int.from_bytes(pad * 64, "big")
    return number.to_bytes(64, "big")


def hexmac(key: bytes, *pieces: str | bytes) -> str:
    """Lower-case hex, 64 characters."""
    raw = [piece.encode() if isinstance(piece, str) else piece for piece in pieces]
    return str(binascii.hexlify(hmac_sha256(key, *raw)), "utf-8")


def equal(a: str | bytes, b: str | bytes) -> bool:
    """Whether both are the same, in a time that depends on their length alone."""
    if isinstance(a, str):
        a = a.encode()
    if isinstance(b, str):
        b = b.encode()
    if len(a) != len(b):
        return False
    different = 0
    for left, right in zip(a, b):
        different |= left ^ right
    return different == 0
