"""The gateway on MicroPython, compiled, in the heap it will have: the same Home Assistant, twenty nodes, a large image.

What it takes of that heap is in `test_gateway_heap.py`.
"""

import hashlib
from base64 import b64encode

import pytest
from compiled_gateway import joined, rollout
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from gateway_in_house import GATEWAY, image_of
from home_assistant_side import job


@pytest.mark.parametrize(
    ("size", "targets"), [(64 * 1024, 4), (2 * 1024 * 1024, 1)], ids=["64 KiB", "2 MiB"]
)
async def test_twenty_nodes_and_an_image_of_any_size_fit_into_the_heap(
    houses, until, size, targets
):
    house = await houses()
    await rollout(house, until, image_of(size), targets)
    assert house.process.returncode is None
    assert [line for line in house.output if "setup key" not in line] == []


class Signer:
    """Home Assistant's key, and what it signs of a gateway's firmware (docs/mesh-protocol.md §8)."""

    def __init__(self):
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=3072)
        self.modulus = b64encode(
            self.private.public_key().public_numbers().n.to_bytes(384)
        ).decode()

    def keys(self, image, counter):
        lines = ["mesh-ota firmware 1", "gateway", "1.1.0", "ESP32-MPY", "app-bundle"]
        lines += [str(len(image)), hashlib.sha256(image).hexdigest(), str(counter)]
        sig = self.private.sign("\n".join(lines).encode(), padding.PKCS1v15(), hashes.SHA256())
        return {"counter": counter, "sig": b64encode(sig).decode()}


async def test_among_twenty_nodes_the_gateway_takes_its_own_signed_update(houses, until):
    """Unsigned first, which it refuses. Home Assistant names a gateway while none of its nodes takes an image."""
    signer, image = Signer(), image_of(64 * 1024)
    house = await houses(signing_key=signer.modulus)
    await joined(house, until)
    ha = house.home_assistant
    ha.images[2] = image
    outcomes = []
    for attempt, signed in ((1, {}), (2, signer.keys(image, 1_795_436_000))):
        own = job(image, [(GATEWAY, attempt)], role="gateway", **signed)
        ha.set_jobs(own)
        told = len(ha.told(GATEWAY))
        await until(lambda seen=told: len(ha.told(GATEWAY)) > seen, 20)
        await until(lambda: ha.told(GATEWAY)[-1]["status"] in ("failed", "verifying"), 40)
        outcomes.append(ha.told(GATEWAY)[-1])
    assert outcomes[0]["reason"] == "signature"
    assert outcomes[1]["status"] == "verifying", outcomes[1]
    await until(lambda: "reset" in house.output, 20)
    assert [line for line in house.output if "setup key" not in line] == ["reset"]
