"""What a board makes of a recorded signature, its floor and its node id. Runs on both Pythons."""

import json

from device import config
from device.bundle import ImageError
from device.flash_files import FlashFiles
from device.signing import Signing, firmware_text, id_of, is_key

FOLDER = "tests/recorded/signatures"  # no board, so there is no signing.json in it
with open(FOLDER + "/vectors.json") as file:
    RECORDED = json.load(file)
COUNTER = 1795436000
ANNOUNCED = {
    "role": "pir",
    "version": "1.1.0",
    "hardware": "ESP32-MPY",
    "kind": "app-bundle",
    "size": 41472,
    "sha256": "2c" * 32,
    "counter": COUNTER,
    "sig": RECORDED["vectors"][0]["sig"],
}


class Slots:
    def __init__(self, signed=None):
        self.signed = signed


def board(signed=None):
    return Signing(FlashFiles(FOLDER), RECORDED["modulus"], Slots(signed), 2222222222)


def refusal(signing, **changes):
    announced = dict(ANNOUNCED)
    announced.update(changes)
    found = None
    try:
        signing.check(announced)
    except ImageError as error:
        found = error
    if found is None:
        return None
    assert found.code == "signature"
    assert len(found.reason) <= 120
    return found.reason


def test_the_recorded_announcement_is_taken_and_says_the_floor_to_come():
    signing = board()
    assert firmware_text(ANNOUNCED) == RECORDED["vectors"][0]["text"]
    found = signing.check(ANNOUNCED)
    assert found == {"floor": COUNTER, "highest": COUNTER, "key": signing.key_id}


def test_the_key_of_a_board_passes_its_configuration_on_both_pythons():
    mesh = {"prefix": "house", "password": "long enough"}
    said = {"node_type": "pir", "mesh": mesh, "mesh_key": "ab" * 32}
    said["signing_key"] = RECORDED["modulus"]
    assert config.check(said)["signing_key"] == RECORDED["modulus"]
    for spoilt in (RECORDED["modulus"][:-1] + "A", "A" + RECORDED["modulus"][1:]):
        said["signing_key"] = spoilt
        found = None
        try:
            config.check(said)
        except config.ConfigError as error:
            found = error
        assert "signing_key must be the public key" in str(found)


def test_each_changed_word_of_the_announcement_is_refused():
    signing = board()
    for name in ("role", "version", "hardware", "kind", "sha256"):
        assert refusal(signing, **{name: ANNOUNCED[name] + "0"}), name
    for name in ("size", "counter"):
        assert refusal(signing, **{name: ANNOUNCED[name] + 1}), name


def test_the_floor_itself_is_taken_and_what_lies_below_is_not():
    known = {"floor": COUNTER, "highest": COUNTER, "key": ""}
    assert refusal(board(known)) is None
    known["floor"] = known["highest"] = COUNTER + 1
    assert "signed before" in refusal(board(known))


def test_the_greatest_counter_is_kept_when_the_floor_is_lower():
    found = board({"floor": 5, "highest": COUNTER + 9, "key": ""}).check(ANNOUNCED)
    assert (found["floor"], found["highest"]) == (COUNTER, COUNTER + 9)


def test_an_ordinary_signature_is_none_for_a_downgrade():
    assert refusal(board(), floor=1)


def test_hostile_words_of_the_wrong_kind_are_refused_and_raise_nothing_else():
    signing = board()
    for sig in (None, 7, True, [], {}, "", "A", "AAAA", "\x00" * 512, "ä" * 512, "A" * 513):
        assert refusal(signing, sig=sig), sig
    for counter in (None, -1, "x", 1.5e300, [], {}, True):
        assert refusal(signing, counter=counter), counter


def test_a_floor_that_was_damaged_counts_as_none():
    for signed in (None, {}, [], 7, {"floor": "1"}, {"floor": 1, "highest": 1}):
        assert refusal(board(signed)) is None, signed
        assert board(signed).floor == 0


def test_a_key_has_all_its_bits_and_is_odd():
    assert is_key(b"\x80" + bytes(382) + b"\x01")
    assert not is_key(b"\x7f" + bytes(382) + b"\x01")
    assert not is_key(b"\x80" + bytes(383))
    assert not is_key(b"\x80" + bytes(381) + b"\x01")
    assert not is_key(b"")


def test_a_key_is_named_by_sixteen_digits():
    assert len(id_of(b"\x80" + bytes(382) + b"\x01")) == 16
