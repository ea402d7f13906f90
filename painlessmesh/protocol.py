"""Packages as bytes: one writer with the exact shapes of the C++ library, one reader as tolerant as it is.

What lives here: type numbers, encode, decode, field readers. Not here: what a package does.
"""

import json

TIME_DELAY = 3
TIME_SYNC = 4
NODE_SYNC_REQUEST = 5
NODE_SYNC_REPLY = 6
BROADCAST = 8
SINGLE = 9
OTA_ANNOUNCE = 10
OTA_REQUEST = 11
OTA_DATA = 12
LEVEL_1 = 71

# How a package travels.
TO_NEIGHBOUR = 0
TO_ONE = 1
TO_ALL = 2
LOCAL = -1  # no routing key and none by its type: handled where it arrives

_ROUTING_OF_TYPE = {
    TIME_DELAY: TO_ONE,
    TIME_SYNC: TO_NEIGHBOUR,
    NODE_SYNC_REQUEST: TO_NEIGHBOUR,
    NODE_SYNC_REPLY: TO_NEIGHBOUR,
    BROADCAST: TO_ALL,
    SINGLE: TO_ONE,
}

PART_SIZE = 1024  # bytes of an image in one OTA_DATA; only the last part may have fewer
PARTS_LIMIT = 16384  # parts of one image

SEND_LIMIT = 4096  # bytes of a frame that we make, terminator included
TAIL_LIMIT = (
    2048  # bytes of a frame in which we look for the end of its object when something follows it
)
ONE_PIECE = 64  # characters of a text that is one piece with its quotes; the list of pieces has to fit into a torn heap too
BRACKET_LIMIT = 512  # each level of nesting costs the parser heap

# The C++ side of version 1.4.2 rejects a message with \uXXXX, so only these are escaped; the rest goes out raw.
_ESCAPES = (
    ("\\", "\\\\"),
    ('"', '\\"'),
    ("\n", "\\n"),
    ("\r", "\\r"),
    ("\t", "\\t"),
    ("\b", "\\b"),
    ("\f", "\\f"),
)

# CPython's default parser refuses raw control characters in a string; MicroPython's and ArduinoJson take them.
_parse = json.JSONDecoder(strict=False).decode if hasattr(json, "JSONDecoder") else json.loads


def encode(pairs: object) -> bytes:
    """One frame with its terminator, keys in the order given.

    `pairs` is a list or tuple of (key, value). A value is str, bool, int, bytes (JSON text, put in as it is), a tuple of
    pairs (an object), or None, which leaves the key out. ValueError when the frame would be too long or hold a NUL.
    """
    # In pieces: a board has room for the frame once, not for each step on the way to it.
    pieces = []
    _object(pairs, pieces)
    pieces.append(b"\0")
    frame = b"".join(pieces)
    if len(frame) > SEND_LIMIT:
        raise ValueError("a message of %d bytes is longer than %d" % (len(frame), SEND_LIMIT))
    if frame.find(b"\0") != len(frame) - 1:
        raise ValueError("a message must not contain a zero byte")
    return frame


def _object(pairs: object, pieces: list) -> None:
    opening = "{"
    for key, value in pairs:
        if value is not None:
            pieces.append((opening + quote(key) + ":").encode())
            _value(value, pieces)
            opening = ","
    pieces.append(b"{}" if opening == "{" else b"}")


def _value(value: object, pieces: list) -> None:
    if isinstance(value, bool):
        pieces.append(b"true" if value else b"false")
    elif isinstance(value, int):
        pieces.append(str(value).encode())
    elif isinstance(value, str) and len(value) <= ONE_PIECE:
        pieces.append(quote(value).encode())
    elif isinstance(value, str):
        pieces.append(b'"')
        pieces.append(_escaped(value).encode())
        pieces.append(b'"')
    elif isinstance(value, bytes):
        pieces.append(value)
    else:
        _object(value, pieces)


def quote(text: str) -> str:
    """A JSON string."""
    return '"' + _escaped(text) + '"'


def _escaped(text: str) -> str:
    for raw, escaped in _ESCAPES:
        if raw in text:
            text = text.replace(raw, escaped)
    return text


def decode(frame: bytes | str) -> dict | None:
    """The object in a frame or in a body, or None when it is to be ignored; never raises."""
    if _brackets(frame) > BRACKET_LIMIT:
        return None
    try:
        try:
            package = _parse(frame if isinstance(frame, str) else _text(frame))
        except ValueError:
            # Whatever follows the object is ignored; finding its end costs time, so only when the parser complained.
            raw = frame.encode() if isinstance(frame, str) else frame
            package = _parse(_text(raw[: _object_end(raw[:TAIL_LIMIT])]))
    except (ValueError, MemoryError, RuntimeError):  # RuntimeError: nested too deeply
        return None
    return package if isinstance(package, dict) else None


def _brackets(frame: bytes | str) -> int:
    if isinstance(frame, str):
        return frame.count("{") + frame.count("[")
    return frame.count(b"{") + frame.count(b"[")


def _text(frame: bytes) -> str:
    """As text; bytes that are no UTF-8 become question marks (C++ nodes do not check them, relays keep the original)."""
    try:
        return str(frame, "utf-8")
    except ValueError:
        return str(bytes([byte if byte < 128 else 63 for byte in frame]), "utf-8")


def _object_end(frame: bytes) -> int:
    depth = 0
    quoted = escaped = False
    for index, byte in enumerate(frame):
        if escaped:
            escaped = False
        elif byte == 0x22:  # "
            quoted = not quoted
        elif quoted:
            escaped = byte == 0x5C  # backslash
        elif byte in b"{[":
            depth += 1
        elif byte in b"}]":
            depth -= 1
            if depth == 0:
                return index + 1
    return 0


def u32(package: dict, key: str) -> int:
    """An unsigned 32-bit number, also when written as a float or in quotes; 0 when absent or anything else."""
    return number(package, key, 0)


def number(package: dict, key: str, otherwise: int) -> int:
    """As `u32`, with a value of your own for "absent or anything else"."""
    value = package.get(key)
    if isinstance(value, str) and 0 < len(value) <= 10 and not value.strip("0123456789"):
        value = int(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 0xFFFFFFFF:
        return int(value)
    return otherwise


def text(package: dict, key: str, longest: int = SEND_LIMIT) -> str:
    """A string of at most `longest` characters; "" when absent or anything else."""
    value = package.get(key)
    return value if isinstance(value, str) and len(value) <= longest else ""


def flag(package: dict, key: str) -> bool:
    """True for true and, as ArduinoJson 6 does, for 1."""
    return package.get(key) in (True, 1)


def routing(package: dict) -> int:
    """How the package travels: its own routing key, else what its type says, else LOCAL."""
    way = number(package, "routing", LOCAL)
    if way in (TO_NEIGHBOUR, TO_ONE, TO_ALL):
        return way
    return _ROUTING_OF_TYPE.get(number(package, "type", LOCAL), LOCAL)


def lower_hex(value: str, length: int) -> bool:
    """Whether `value` is exactly `length` lower-case hex digits."""
    return len(value) == length and not value.strip("0123456789abcdef")
