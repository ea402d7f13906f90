"""Home Assistant's part in signed firmware: keys, and the texts of docs/mesh-protocol.md §8, written from that page alone."""

import hashlib
from base64 import b64encode

import house as h
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

COUNTER = 1_795_436_000


class Signer:
    """Home Assistant's part: a key, and the texts of docs/mesh-protocol.md §8."""

    def __init__(self):
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=3072)
        n = self.private.public_key().public_numbers().n
        self.modulus = b64encode(n.to_bytes(384)).decode()
        self.id = hashlib.sha256(n.to_bytes(384)).hexdigest()[:16]

    def sign(self, *lines):
        text = "\n".join([str(line) for line in lines]).encode()
        return b64encode(self.private.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()

    def keys(self, image, version="1.1.0", counter=COUNTER, **changes):
        """The keys of an announcement of that image."""
        said = {"role": "watcher", "hardware": "ESP32-MPY", "kind": "app-bundle"} | changes
        lines = [said["role"], version, said["hardware"], said["kind"]]
        lines += [len(image), hashlib.sha256(image).hexdigest(), counter]
        return {"counter": counter, "sig": self.sign("mesh-ota firmware 1", *lines)}

    def downgrade(self, image, version, counter, floor, node=h.NODE):
        lines = ["watcher", version, "ESP32-MPY", "app-bundle", len(image)]
        lines += [hashlib.sha256(image).hexdigest(), counter, floor, node]
        sig = self.sign("mesh-ota downgrade 1", *lines)
        return {"counter": counter, "floor": floor, "sig": sig}

    def hand_over(self, fresh):
        """The body of the `go` that makes `fresh` the key."""
        sig = self.sign("mesh-ota key 1", fresh.modulus)
        return {"do": "key", "modulus": fresh.modulus, "sig": sig}


HOME, NEXT, STRANGER = Signer(), Signer(), Signer()
