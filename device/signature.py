"""Whether a text was signed by the holder of an RSA-3072 key: PKCS#1 v1.5 with SHA-256 (RFC 8017, 8.2.2).

Arithmetic and bytes only; whose key it is and what the text says is `signing`'s. The padding is never
parsed: the one encoded message that the text can have is built anew and compared whole, so there is no
room in it for a forger (Bleichenbacher 2006 lived on the bytes that a lenient parser skips).
"""

import hashlib

LENGTH = 384  # bytes of modulus and signature
EXPONENT = 65537  # fixed: a key with a small exponent cannot be smuggled in
# DigestInfo of SHA-256 up to the digest (RFC 8017, 9.2, note 1).
PREFIX = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"


def verify(modulus: bytes, signature: bytes, text: bytes) -> bool:
    """`modulus` and `signature` are 384 bytes, big-endian."""
    if len(modulus) != LENGTH or len(signature) != LENGTH:
        return False
    n = int.from_bytes(modulus, "big")
    s = int.from_bytes(signature, "big")
    if s >= n:
        return False
    return pow(s, EXPONENT, n).to_bytes(LENGTH, "big") == encoded(text)


def encoded(text: bytes) -> bytes:
    """EMSA-PKCS1-v1_5 of the text, 384 bytes."""
    tail = b"\x00" + PREFIX + hashlib.sha256(text).digest()
    return b"\x00\x01" + b"\xff" * (LENGTH - 2 - len(tail)) + tail
