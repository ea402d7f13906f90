"""The gateway's lock (docs/gateway-api.md §1 to §3): setup keys, signatures, sessions and their counters.

Pure: no clock, no I/O, no Home Assistant. Nothing here tells the outside why it said no.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from .const import OPENING_LIFETIME, OPENINGS_MAX, WRONG_SIGNATURES_MAX, WRONG_SIGNATURES_WINDOW
from .errors import InvalidRequest

KEY_BYTES: Final = 32
SETUP_KEY_LENGTH: Final = 53
_NOT_BASE32 = re.compile(r"[^A-Z2-7]")
_NONCE = re.compile(r"[0-9a-f]{32}")
_COUNTER = re.compile(r"[1-9][0-9]{0,14}")
# Stands in where there is no such gateway, so that the answer takes as long.
_NO_KEY: Final = bytes(KEY_BYTES)


def encode_setup_key(key: bytes) -> str:
    """Return 32 bytes as the gateway shows them: base32, a check character, groups of four."""
    text = base64.b32encode(key).decode().rstrip("=") + _check_character(key)
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def decode_setup_key(text: str) -> bytes:
    """Return the 32 bytes of a setup key as typed: case, spaces and dashes do not matter.

    Raises InvalidRequest: `key_character`, `key_length` or `key_check`.
    """
    typed = re.sub(r"[\s-]", "", text).upper()
    if wrong := _NOT_BASE32.search(typed):
        raise InvalidRequest("key_character", character=wrong[0])
    if len(typed) != SETUP_KEY_LENGTH:
        raise InvalidRequest("key_length", length=len(typed))
    try:
        key = base64.b32decode(typed[:-1] + "====")
    except binascii.Error as err:
        raise InvalidRequest("key_check") from err
    # The last of 52 characters has four bits to spare: they must be zero, or two texts would be one key.
    if encode_setup_key(key).replace("-", "") != typed:
        raise InvalidRequest("key_check")
    return key


def _check_character(key: bytes) -> str:
    return base64.b32encode(hashlib.sha256(key).digest())[:1].decode()


def sign(key: bytes, *lines: str) -> str:
    """Return the lower-case hex HMAC-SHA256 over the lines, joined by newline."""
    return hmac.new(key, _raw("\n".join(lines)), hashlib.sha256).hexdigest()


def _holds(signature: str, key: bytes, *lines: str) -> bool:
    return hmac.compare_digest(_raw(signature), _raw(sign(key, *lines)))


def _raw(text: str) -> bytes:
    """Return the bytes as they came: header bytes that are no UTF-8 arrive as lone surrogates."""
    return text.encode(errors="surrogateescape")


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The parts of a request that its signature covers, as they came."""

    method: str
    target: str
    """The raw request target from `/api/` on."""
    asked_range: str
    body: bytes
    signature: str

    def lines(self, counter: str) -> tuple[str, ...]:
        """Return the request text's lines."""
        digest = hashlib.sha256(self.body).hexdigest()
        return ("request", counter, self.method, self.target, self.asked_range, digest)


@dataclass(slots=True, eq=False)
class Session:
    """One session: its key, whose it is, and the last counter taken."""

    id: str
    gateway_id: str
    gateway_key: bytes
    key: bytes
    opened_at: datetime
    counter: int = 0


@dataclass(slots=True)
class _Door:
    """What is known of one gateway that is set up."""

    key: bytes
    current: Session | None = None
    waiting: list[Session] = field(default_factory=list)
    wrong: list[datetime] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request whose signature and counter hold, with what is needed to sign the answer."""

    gateway_id: str
    key: bytes
    counter: str
    opened: Session | None = None
    """The new session and its nonce, for an opening."""
    server_nonce: str = ""

    def sign_answer(self, status: int, content_range: str, body: bytes) -> str:
        """Return the answer's `X-Mesh-Signature`."""
        digest = hashlib.sha256(body).hexdigest()
        return sign(self.key, "response", self.counter, str(status), content_range, digest)


class Sessions:
    """All gateways' keys and sessions."""

    def __init__(
        self,
        draw: Callable[[int], str] = secrets.token_hex,
        alarm: Callable[[str], None] = lambda _gateway_id: None,
    ) -> None:
        """`draw(n)` gives n random bytes in hex; `alarm(gateway_id)` is called for repeated wrong signatures."""
        self._draw = draw
        self._alarm = alarm
        self._doors: dict[str, _Door] = {}
        self._sessions: dict[str, Session] = {}
        self._expected: list[tuple[bytes, Callable[[str], None]]] = []

    def set_key(self, gateway_id: str, key: bytes) -> None:
        """Let this gateway in with this key; another key ends what the old one opened."""
        door = self._doors.get(gateway_id)
        if door is None or not hmac.compare_digest(door.key, key):
            self.drop(gateway_id)
            self._doors[gateway_id] = _Door(key)

    def drop(self, gateway_id: str) -> None:
        """Forget the gateway's key and sessions."""
        self._doors.pop(gateway_id, None)
        for session in [s for s in self._sessions.values() if s.gateway_id == gateway_id]:
            del self._sessions[session.id]

    def expect(self, key: bytes, heard: Callable[[str], None]) -> None:
        """Let the key open sessions, and those only; `heard(gateway_id)` at each opening."""
        self._expected.append((key, heard))

    def expect_no_more(self, key: bytes, heard: Callable[[str], None]) -> None:
        """Drop an expected key; another dialog may still wait for the same one."""
        if (key, heard) in self._expected:
            self._expected.remove((key, heard))

    def open(
        self, gateway_id: str, nonce: object, request: SignedRequest, now: datetime
    ) -> Accepted | None:
        """Take an opening; None if it is not accepted, for whatever reason."""
        if not isinstance(nonce, str) or not _NONCE.fullmatch(nonce):
            return None
        door = self._doors.get(gateway_id)
        lines = (*request.lines(nonce), gateway_id)
        known = _holds(request.signature, door.key if door else _NO_KEY, *lines)
        # All are tried, so that the time says nothing about which one fitted.
        fitting = [each for each in self._expected if _holds(request.signature, each[0], *lines)]
        if door is not None and known:
            return self._opened(gateway_id, door.key, nonce, now, door)
        for _key, heard in fitting:
            heard(gateway_id)
        if fitting:
            return self._opened(gateway_id, fitting[0][0], nonce, now, None)
        if door is not None:
            self._wrong(gateway_id, door, now)
        return None

    def _opened(
        self, gateway_id: str, key: bytes, nonce: str, now: datetime, door: _Door | None
    ) -> Accepted:
        server_nonce = self._draw(16)
        secret = f"mesh-ota session 1\n{nonce}\n{server_nonce}".encode()
        session_key = hmac.new(key, secret, hashlib.sha256).digest()
        session = Session(self._draw(8), gateway_id, key, session_key, now)
        if door is not None:
            self._wait(door, session, now)
        return Accepted(gateway_id, key, nonce, session, server_nonce)

    def _wait(self, door: _Door, session: Session, now: datetime) -> None:
        fresh = [s for s in door.waiting if now - s.opened_at <= OPENING_LIFETIME]
        # The oldest has to go, not the newest: otherwise four replayed openings would lock the gateway out.
        kept = [*fresh, session][-OPENINGS_MAX:]
        for old in door.waiting:
            if old not in kept:
                self._sessions.pop(old.id, None)
        door.waiting = kept
        self._sessions[session.id] = session

    def check(
        self, session_id: str, counter: str, request: SignedRequest, now: datetime
    ) -> Accepted | None:
        """Take a request of a session and claim its counter; None if it is not accepted.

        Nothing is awaited between the check and the claim.
        """
        session = self._sessions.get(session_id)
        key = session.key if session else _NO_KEY
        holds = _holds(request.signature, key, *request.lines(counter))
        if session is None or not _COUNTER.fullmatch(counter):
            return None
        door = self._doors.get(session.gateway_id)
        if door is None:
            return None
        if not holds:
            self._wrong(session.gateway_id, door, now)
            return None
        if int(counter) <= session.counter or not self._established(door, session, now):
            return None
        session.counter = int(counter)
        return Accepted(session.gateway_id, session.key, counter)

    def _established(self, door: _Door, session: Session, now: datetime) -> bool:
        """Whether the session may be used; its first signed request ends the one before it."""
        if door.current is session:
            return True
        if session not in door.waiting or now - session.opened_at > OPENING_LIFETIME:
            return False
        door.waiting.remove(session)
        if door.current is not None:
            self._sessions.pop(door.current.id, None)
        door.current = session
        return True

    def _wrong(self, gateway_id: str, door: _Door, now: datetime) -> None:
        recent = [moment for moment in door.wrong if now - moment < WRONG_SIGNATURES_WINDOW]
        door.wrong = [*recent, now][-WRONG_SIGNATURES_MAX:]
        if len(door.wrong) == WRONG_SIGNATURES_MAX:
            door.wrong = []
            self._alarm(gateway_id)
