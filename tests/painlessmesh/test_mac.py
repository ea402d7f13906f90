"""HMAC-SHA256. Runs on both Pythons."""

from painlessmesh.mac import equal, hexmac, hmac_sha256


def test_the_vectors_of_rfc_4231():
    for key, text, expected in (
        (
            b"\x0b" * 20,
            "Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe",
            "what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            b"\xaa" * 20,
            b"\xdd" * 50,
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        ),
        (
            b"\xaa" * 131,
            "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ):
        assert hexmac(key, text) == expected
    assert len(hmac_sha256(b"", b"")) == 32


def test_equality_of_texts_and_bytes():
    assert equal("abc", "abc") and equal(b"abc", "abc") and equal(b"abc", b"abc")
    for other in ("abd", "ab", "", "abcd", "Abc"):
        assert not equal("abc", other)
