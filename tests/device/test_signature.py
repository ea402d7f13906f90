"""Recorded signatures of `cryptography`, and forgeries, against the board's own verification. Runs on both Pythons."""

import binascii
import hashlib
import json

from device import signature

with open("tests/recorded/signatures/vectors.json") as file:
    RECORDED = json.load(file)
MODULUS = binascii.a2b_base64(RECORDED["modulus"])
GOOD = binascii.a2b_base64(RECORDED["vectors"][0]["sig"])
TEXT = RECORDED["vectors"][0]["text"].encode()


def test_each_recorded_signature_is_judged_as_recorded():
    judged = 0
    for vector in RECORDED["vectors"]:
        found = signature.verify(
            MODULUS, binascii.a2b_base64(vector["sig"]), vector["text"].encode()
        )
        assert found is vector["good"], vector["name"]
        judged += 1
    assert judged >= 20


def test_a_signature_does_not_hold_under_another_key():
    other = MODULUS[:-1] + bytes([MODULUS[-1] ^ 2])
    assert signature.verify(MODULUS, GOOD, TEXT)
    assert not signature.verify(other, GOOD, TEXT)


def test_a_modulus_of_another_length_is_no_key():
    assert not signature.verify(MODULUS[1:], GOOD, TEXT)
    assert not signature.verify(MODULUS + b"\x00", GOOD, TEXT)
    assert not signature.verify(b"", GOOD, TEXT)


def test_the_encoded_message_is_as_long_as_the_key_and_ends_with_the_digest():
    message = signature.encoded(b"hello")
    assert len(message) == 384
    assert message[:2] == b"\x00\x01"
    assert message[-32:] == hashlib.sha256(b"hello").digest()
    assert message[2 : message.find(b"\x00", 2)] == b"\xff" * (384 - 3 - 51)
