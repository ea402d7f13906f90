"""HMAC-SHA256 and a comparison that does not tell where it failed. MicroPython has neither in its firmware."""

import binascii
import hashlib


def hmac_sha256(key: bytes, text: bytes) -> bytes:
    """The 32 bytes of RFC 2104 with SHA-256."""
    if len(key) > 64:
        key = hashlib.sha256(key).digest()
    key = key + bytes(64 - len(key))
    inner = hashlib.sha256(bytes([byte ^ 0x36 for byte in key]))
    inner.update(text)
    outer = hashlib.sha256(bytes([byte ^ 0x5C for byte in key]))
    outer.update(inner.digest())
    return outer.digest()


def hexmac(key: bytes, text: str | bytes) -> str:
    """Lower-case hex, 64 characters."""
    if isinstance(text, str):
        text = text.encode()
    return str(binascii.hexlify(hmac_sha256(key, text)), "utf-8")


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
