"""Signatures on firmware: the key, the signed texts (docs/mesh-protocol.md §8), the counters. Pure, without Home Assistant.

What is kept of it, and when something is signed, is `signer`'s.
"""

import hashlib
from base64 import b64decode, b64encode
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from .firmware.record import Firmware

BITS = 3072
EXPONENT = 65537
"""Fixed on the node too."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What rides beside an image: the counter, and the signature in base64."""

    counter: int
    sig: str
    floor: int | None = None
    """Of a signed downgrade: where the node's floor goes."""


class SigningKey:
    """An RSA key of 3072 bits."""

    def __init__(self, pem: str) -> None:
        """Read a private key as `pem` writes it. Blocks: call it in the executor, as all of this."""
        private = load_pem_private_key(pem.encode(), password=None)
        if not isinstance(private, rsa.RSAPrivateKey) or private.key_size != BITS:
            raise ValueError("not an RSA key of 3072 bits")
        self._private = private
        self.pem = pem

    @classmethod
    def make(cls) -> SigningKey:
        """Draw a new key; takes up to some seconds."""
        private = rsa.generate_private_key(public_exponent=EXPONENT, key_size=BITS)
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return cls(pem.decode())

    @property
    def modulus(self) -> str:
        """The public key as a board's config.json holds it: base64 of 384 bytes."""
        number = self._private.public_key().public_numbers().n
        return b64encode(number.to_bytes(BITS // 8)).decode()

    @property
    def public_pem(self) -> str:
        """The public key as other programs read it."""
        public = self._private.public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def sign(self, text: str) -> str:
        """Return PKCS#1 v1.5 with SHA-256 over the text, in base64."""
        return b64encode(
            self._private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        ).decode()

    def sign_firmware(self, firmware: Firmware, counter: int) -> Signature:
        """Sign an image for every node of its type."""
        return Signature(counter, self.sign(firmware_text(firmware, counter)))

    def sign_downgrade(
        self, firmware: Firmware, counter: int, floor: int, node_id: str
    ) -> Signature:
        """Sign an image for one node, whose floor goes down with it."""
        lines = _lines("mesh-ota downgrade 1", firmware, counter)
        return Signature(counter, self.sign("\n".join([*lines, str(floor), node_id])), floor)

    def sign_key(self, modulus: str) -> str:
        """Sign the key that takes this one's place."""
        return self.sign(f"mesh-ota key 1\n{modulus}")


def firmware_text(firmware: Firmware, counter: int) -> str:
    """Return what is signed of an image."""
    return "\n".join(_lines("mesh-ota firmware 1", firmware, counter))


def _lines(title: str, firmware: Firmware, counter: int) -> list[str]:
    return [
        title,
        firmware.node_type,
        firmware.version,
        firmware.announced_hardware,
        firmware.kind,
        str(firmware.size_bytes),
        firmware.sha256,
        str(counter),
    ]


def key_id(modulus: str) -> str:
    """Return the 16 hex digits by which a node names its key."""
    return hashlib.sha256(b64decode(modulus)).hexdigest()[:16]


def next_counter(last: int, now: float) -> int:
    """Return a counter greater than every one before, and no smaller than the clock."""
    return max(last + 1, int(now))
