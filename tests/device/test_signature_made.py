"""Fresh keys and signatures of `cryptography`, and forged paddings made with the private key."""

import importlib.util
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from device import signature

SPEC = importlib.util.spec_from_file_location(
    "record_signatures", Path(__file__).parents[1] / "recorded" / "signatures" / "record.py"
)
record = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(record)


@pytest.fixture(scope="module")
def private():
    return rsa.generate_private_key(public_exponent=65537, key_size=3072)


def modulus_of(private):
    return private.public_key().public_numbers().n.to_bytes(384)


def sign(private, text):
    return private.sign(text, padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("text", [b"", b"a", b"mesh-ota firmware 1\n" + b"x" * 500])
def test_what_cryptography_signs_is_believed(private, text):
    assert signature.verify(modulus_of(private), sign(private, text), text)


@pytest.mark.parametrize("name", list(record.forgeries(b"text")))
def test_a_forged_padding_is_refused_even_from_the_holder_of_the_key(private, name):
    numbers = private.private_numbers()
    message = int.from_bytes(record.forgeries(b"text")[name])
    n = numbers.public_numbers.n
    forged = pow(message % n, numbers.d, n).to_bytes(384)
    assert not signature.verify(modulus_of(private), forged, b"text")


def test_a_key_with_a_small_exponent_opens_nothing():
    """With e = 3 a cube root would be a signature; here e is fixed."""
    small = rsa.generate_private_key(public_exponent=3, key_size=3072)
    assert not signature.verify(modulus_of(small), sign(small, b"text"), b"text")
    encoded = int.from_bytes(signature.encoded(b"text")[:43] + bytes(341))
    low, high = 0, 1 << 1100
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**3 <= encoded else (low, middle)
    assert not signature.verify(modulus_of(small), (low + 1).to_bytes(384), b"text")


@pytest.mark.parametrize("bits", [2048, 4096])
def test_a_key_of_another_size_is_none(bits):
    private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    n = private.public_key().public_numbers().n.to_bytes(bits // 8)
    assert not signature.verify(n, sign(private, b"text"), b"text")
