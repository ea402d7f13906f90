"""Makes `vectors.json`: what `cryptography` signs with a 3072-bit key, and forgeries made with the private key.

`python tests/recorded/signatures/record.py` writes it anew; the texts of every vector stay as they are, the key and
so the signatures change. A forgery holds exactly the bytes that a lenient verifier would let pass.
"""

import hashlib
import json
from base64 import b64encode
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

SIZE = 384
SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
SHA256_WITHOUT_NULL = bytes.fromhex("302f300b0609608648016503040201" + "0420")
SHA1 = bytes.fromhex("3021300906052b0e03021a05000414")
TEXT = (
    b"mesh-ota firmware 1\npir\n1.1.0\nESP32-MPY\napp-bundle\n41472\n"
    + b"2c" * 32
    + b"\n1795436000"
)


def forgeries(text: bytes) -> dict[str, bytes]:
    """Encoded messages of 384 bytes that are not the one PKCS#1 v1.5 allows."""
    digest = hashlib.sha256(text).digest()
    tail = SHA256 + digest
    full = b"\x00\x01" + b"\xff" * (SIZE - 3 - len(tail)) + b"\x00" + tail
    short = b"\x00\x01" + b"\xff" * 8 + b"\x00" + tail
    bare = SHA256_WITHOUT_NULL + digest
    sha1 = SHA1 + hashlib.sha1(text).digest()
    return {
        "garbage behind a short padding": short + b"\x55" * (SIZE - len(short)),
        "garbage in the padding": full[:100] + b"\x55" + full[101:],
        "a padding that begins with zero bytes": b"\x00\x01" + bytes(9) + full[11:],
        "block type 2": b"\x00\x02" + full[2:],
        "block type 0": b"\x00\x00" + full[2:],
        "no zero byte before the digest": full[: -len(tail) - 1] + b"\xff" + tail,
        "a DigestInfo without its null": b"\x00\x01"
        + b"\xff" * (SIZE - 3 - len(bare))
        + b"\x00"
        + bare,
        "the digest alone": b"\x00\x01" + b"\xff" * (SIZE - 35) + b"\x00" + digest,
        "SHA-1": b"\x00\x01" + b"\xff" * (SIZE - 3 - len(sha1)) + b"\x00" + sha1,
        "a digest with one bit flipped": full[:-1] + bytes([full[-1] ^ 1]),
        "garbage in front of the digest": full[:-33] + b"\x21" + digest,
        "the encoded message shifted by one byte": full[1:] + b"\x00",
    }


def vectors() -> dict[str, object]:
    """The key and every vector: name, text, signature and whether it holds."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=8 * SIZE)
    numbers = private.private_numbers()
    n, d = numbers.public_numbers.n, numbers.d
    good = private.sign(TEXT, padding.PKCS1v15(), hashes.SHA256())
    empty = private.sign(b"", padding.PKCS1v15(), hashes.SHA256())
    made = [("a good one", TEXT, good, True), ("of an empty text", b"", empty, True)]
    made += [
        (name, TEXT, pow(int.from_bytes(message), d, n).to_bytes(SIZE), False)
        for name, message in forgeries(TEXT).items()
        if int.from_bytes(message) < n
    ]
    beyond = int.from_bytes(good) + n
    made += [
        ("of another text", TEXT + b"0", good, False),
        ("one bit flipped", TEXT, bytes([good[0] ^ 1]) + good[1:], False),
        ("zero", TEXT, bytes(SIZE), False),
        ("one", TEXT, bytes(SIZE - 1) + b"\x01", False),
        ("the modulus itself", TEXT, n.to_bytes(SIZE), False),
        ("the modulus less one", TEXT, (n - 1).to_bytes(SIZE), False),
        ("a byte short", TEXT, good[1:], False),
        ("a zero byte in front", TEXT, b"\x00" + good, False),
        ("a zero byte behind", TEXT, good + b"\x00", False),
        ("the same plus the modulus", TEXT, beyond.to_bytes(SIZE + 1), False),
        ("empty", TEXT, b"", False),
    ]
    pss = private.sign(TEXT, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    sha512 = private.sign(TEXT, padding.PKCS1v15(), hashes.SHA512())
    made += [("of another scheme", TEXT, pss, False), ("with SHA-512", TEXT, sha512, False)]
    return {
        "modulus": b64encode(n.to_bytes(SIZE)).decode(),
        "vectors": [
            {"name": name, "text": text.decode(), "sig": b64encode(sig).decode(), "good": good_}
            for name, text, sig, good_ in made
        ],
    }


if __name__ == "__main__":
    target = Path(__file__).with_name("vectors.json")
    target.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
