"""The gateway's lock by itself: setup keys and sessions."""

import hashlib
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from custom_components.mesh_ota.const import OPENINGS_MAX, WRONG_SIGNATURES_MAX
from custom_components.mesh_ota.errors import InvalidRequest
from custom_components.mesh_ota.gateway_auth import (
    Accepted,
    Sessions,
    SignedRequest,
    decode_setup_key,
    encode_setup_key,
    sign,
)

KEY = bytes(range(32))
OTHER_KEY = bytes(32)
GATEWAY = "1111111111"
SETUP_KEY = "AAAQ-EAYE-AUDA-OCAJ-BIFQ-YDIO-B4IB-CEQT-CQKR-MFYY-DENB-WHA5-DYPQ-M"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NONCES = (f"{number:032x}" for number in itertools.count())


def test_the_setup_key_is_the_one_of_the_contract():
    assert encode_setup_key(KEY) == SETUP_KEY
    assert decode_setup_key(SETUP_KEY) == KEY


@pytest.mark.parametrize(
    "typed",
    [SETUP_KEY.lower(), SETUP_KEY.replace("-", ""), f"  {SETUP_KEY.replace('-', ' ')}\n"],
)
def test_case_spaces_and_dashes_do_not_matter(typed: str):
    assert decode_setup_key(typed) == KEY


def is_taken(typed: str) -> bool:
    """Whether a setup key passes its own check."""
    try:
        decode_setup_key(typed)
    except InvalidRequest:
        return False
    return True


def test_one_wrong_character_is_found_nearly_always():
    """One check character finds 31 of 32 single mistakes, and each change of the last data character's spare bits."""
    text = SETUP_KEY.replace("-", "")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    wrong = [
        text[:at] + char + text[at + 1 :]
        for at in range(len(text))
        for char in alphabet
        if char != text[at]
    ]
    assert sum(is_taken(typed) for typed in wrong) < len(wrong) / 20


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("", "key_length"),
        (SETUP_KEY[:-2], "key_length"),
        (SETUP_KEY + "A", "key_length"),
        (SETUP_KEY.replace("A", "1"), "key_character"),
        ("é" * 53, "key_character"),
        (SETUP_KEY[:-1] + "N", "key_check"),
    ],
)
def test_a_mistyped_key_says_what_is_wrong(typed: str, key: str):
    with pytest.raises(InvalidRequest) as error:
        decode_setup_key(typed)
    assert error.value.key == key


def request(
    key: bytes, counter: str, *more: str, body: bytes = b"", target: str = "/api/x"
) -> SignedRequest:
    """A request, signed as the contract says."""
    digest = hashlib.sha256(body).hexdigest()
    signature = sign(key, "request", counter, "POST", target, "", digest, *more)
    return SignedRequest("POST", target, "", body, signature)


class Door:
    """Sessions with one gateway, and what a gateway does to get in."""

    def __init__(self) -> None:
        """The gateway is set up."""
        self.alarms: list[str] = []
        self.sessions = Sessions(alarm=self.alarms.append)
        self.sessions.set_key(GATEWAY, KEY)
        self.now = NOW

    def open(self, key: bytes = KEY, gateway: str = GATEWAY) -> Accepted | None:
        """Open a session."""
        nonce = next(NONCES)
        return self.sessions.open(gateway, nonce, request(key, nonce, gateway), self.now)

    def say(self, opened: Accepted | None, counter: str = "1") -> Accepted | None:
        """Send a request in the session."""
        assert opened is not None
        assert opened.opened is not None
        session = opened.opened
        return self.sessions.check(session.id, counter, request(session.key, counter), self.now)


@pytest.fixture
def door() -> Door:
    """A door with one gateway."""
    return Door()


def test_counters_must_grow_and_gaps_are_fine(door: Door):
    opened = door.open()
    assert [door.say(opened, counter) is not None for counter in ("1", "5", "5", "4", "6")] == [
        True,
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("counter", ["0", "-1", "01", "1.0", "", "x", "9" * 16, "\uff11"])
def test_a_malformed_counter_is_not_accepted(door: Door, counter: str):
    assert door.say(door.open(), counter) is None


def test_a_replay_changes_nothing(door: Door):
    opened = door.open()
    session = opened.opened
    once = request(session.key, "1")
    assert door.sessions.check(session.id, "1", once, NOW)
    assert door.sessions.check(session.id, "1", once, NOW) is None
    assert door.say(opened, "2")


def test_a_new_session_replaces_the_old_one_only_with_its_first_request(door: Door):
    old = door.open()
    assert door.say(old, "1")
    new = door.open()
    assert door.say(old, "2")
    assert door.say(new, "1")
    assert door.say(old, "3") is None


def test_replaying_an_old_opening_leaves_the_session_as_it_is(door: Door):
    nonce = next(NONCES)
    opening = request(KEY, nonce, GATEWAY)
    opened = door.sessions.open(GATEWAY, nonce, opening, NOW)
    assert door.say(opened, "1")
    for _ in range(2 * OPENINGS_MAX):
        assert door.sessions.open(GATEWAY, nonce, opening, NOW)
    assert door.say(opened, "2")


def test_at_most_four_openings_wait(door: Door):
    opened = [door.open() for _ in range(OPENINGS_MAX + 2)]
    assert [door.say(each) is not None for each in opened[:2]] == [False, False]
    assert door.say(opened[-1])
    assert len(door.sessions._sessions) <= OPENINGS_MAX + 1


def test_an_opening_waits_a_minute(door: Door):
    opened = door.open()
    door.now += timedelta(seconds=61)
    assert door.say(opened) is None


def test_a_session_has_no_end_of_its_own(door: Door):
    opened = door.open()
    assert door.say(opened, "1")
    door.now += timedelta(days=100)
    assert door.say(opened, "2")


def test_one_gateways_session_is_not_anothers(door: Door):
    door.sessions.set_key("1111111112", OTHER_KEY)
    mine, theirs = door.open(), door.open(OTHER_KEY, "1111111112")
    forged = request(mine.opened.key, "1")
    assert door.sessions.check(theirs.opened.id, "1", forged, NOW) is None
    assert door.say(theirs)


def test_the_gateway_id_is_signed_too(door: Door):
    door.sessions.set_key("1111111112", KEY)
    nonce = next(NONCES)
    assert door.sessions.open("1111111112", nonce, request(KEY, nonce, GATEWAY), NOW) is None


@pytest.mark.parametrize("nonce", ["", "0" * 31, "A" * 32, "0" * 33, None, 5, ["0" * 32]])
def test_a_malformed_nonce_opens_nothing(door: Door, nonce: object):
    assert door.sessions.open(GATEWAY, nonce, request(KEY, str(nonce), GATEWAY), NOW) is None


def test_a_gateway_that_was_removed_is_unknown(door: Door):
    opened = door.open()
    door.sessions.drop(GATEWAY)
    assert door.say(opened) is None
    assert door.open() is None


def test_a_new_key_ends_what_the_old_one_opened(door: Door):
    opened = door.open()
    assert door.say(opened, "1")
    door.sessions.set_key(GATEWAY, KEY)
    assert door.say(opened, "2")
    door.sessions.set_key(GATEWAY, OTHER_KEY)
    assert door.say(opened, "3") is None
    assert door.open() is None
    assert door.open(OTHER_KEY)


def test_an_expected_key_opens_a_session_and_nothing_else(door: Door):
    heard: list[str] = []
    door.sessions.expect(OTHER_KEY, heard.append)
    opened = door.open(OTHER_KEY, "1111111112")
    assert heard == ["1111111112"]
    assert door.say(opened) is None
    door.sessions.expect_no_more(OTHER_KEY, heard.append)
    assert door.open(OTHER_KEY, "1111111112") is None


def test_two_dialogs_may_wait_for_the_same_key(door: Door):
    first: list[str] = []
    second: list[str] = []
    door.sessions.expect(OTHER_KEY, first.append)
    door.sessions.expect(OTHER_KEY, second.append)
    door.sessions.expect_no_more(OTHER_KEY, first.append)
    assert door.open(OTHER_KEY, "1111111112")
    assert (first, second) == ([], ["1111111112"])


def test_a_known_gateway_may_show_a_new_key_while_it_is_expected(door: Door):
    """It was erased and is being paired again; its old session goes on until then."""
    opened, heard = door.open(), []
    assert door.say(opened, "1")
    door.sessions.expect(OTHER_KEY, heard.append)
    assert door.open(OTHER_KEY)
    assert heard == [GATEWAY]
    assert door.say(opened, "2")


def test_wrong_signatures_raise_one_alarm_and_end_no_session(door: Door):
    opened = door.open()
    for _ in range(WRONG_SIGNATURES_MAX):
        assert door.open(OTHER_KEY) is None
    assert door.alarms == [GATEWAY]
    assert door.say(opened)


def test_a_wrong_signature_now_and_then_raises_no_alarm(door: Door):
    for _ in range(3 * WRONG_SIGNATURES_MAX):
        door.open(OTHER_KEY)
        door.now += timedelta(minutes=3)
    assert door.alarms == []


def test_strangers_raise_no_alarm(door: Door):
    for _ in range(3 * WRONG_SIGNATURES_MAX):
        assert door.open(KEY, "1111111112") is None
    assert door.alarms == []
