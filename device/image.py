"""What every image is measured by: its limits, the words it is described in, and why one is not taken.

Small, for it is in memory as long as the application runs; reading, checking and unpacking an image
is the business of modules that are loaded when one has arrived.
"""

from binascii import hexlify

HARDWARE = "ESP32-MPY"
LARGEST = 4194304  # bytes of an app-bundle, and so of everything in it
LONGEST_REASON = 120  # characters, docs/mesh-protocol.md §5.2
HEX = "0123456789abcdef"


class ImageError(Exception):
    """Why an image is not taken: a code of docs/mesh-protocol.md §6 and a sentence."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason[:LONGEST_REASON]


def is_word(value: object, longest: int, letters: str) -> bool:
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        return False
    return all([letter in letters for letter in value])


def hex_of(digest) -> str:
    """Of a hashlib object, which has no hexdigest on MicroPython."""
    return hexlify(digest.digest()).decode()
