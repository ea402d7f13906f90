"""The power goes at every flash operation of a signed confirmation and of a change of key.

The floor under the counters of signed firmware never sinks, and is there again when the state file is
lost; the key is the one before or the next, whole.
"""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from device.signing import Signing, encoded, id_of
from device.slot_state import SlotState
from tests.device import (
    boards,
    image_boards,
    power_cuts,
    test_image_power_cuts as image_power_cuts,
)
from tests.device.power_cuts import WAYS
from tests.device.ram_flash import Flash, PowerCut

OLD_FLOOR = {"floor": 5, "highest": 5, "key": "0123456789abcdef"}
NEW_FLOOR = {"floor": 7, "highest": 7, "key": "0123456789abcdef"}


def signed_update(module):
    """A story: NEW arrives signed, is tried and confirmed."""

    def story(board):
        board.receive(module.NEW, forced=True)
        board.slots.commit("tag-1", NEW_FLOOR)
        board.boot()
        board.slots.confirm()

    return story


def before(module):
    """A board whose running firmware was confirmed under OLD_FLOOR."""
    board = module.in_service()
    board.slots._state.signed = OLD_FLOOR
    record = board.slots._state.record(board.slots.running)
    board.slots._state.write_record(board.slots.running, record | {"signed": OLD_FLOOR})
    board.slots._state.save()
    return board


def floor_holds(board):
    """As it boots, and as it would with the state file gone."""
    for lost in (False, True):
        state = SlotState(board.flash.files())
        if lost:
            files = board.flash.copy().files()
            if files.size("slots.json") >= 0:
                files.remove("slots.json")
            state = SlotState(files)
        confirmed = board.slots.signed == NEW_FLOOR
        assert state.signed == NEW_FLOOR or (state.signed == OLD_FLOOR and not confirmed), (
            state.signed
        )


@pytest.mark.parametrize(
    ("module", "cuts"),
    [(boards, power_cuts), (image_boards, image_power_cuts)],
    ids=["app-bundle", "esp-image"],
)
def test_a_cut_in_a_signed_update_never_lowers_the_floor(module, cuts):
    def check(board):
        floor_holds(board)
        if board.slots.in_trial:
            assert board.slots.confirm()
        if board.slots.signed != NEW_FLOOR:
            signed_update(module)(board)
        assert board.boot("power_on") == "1.1.0"
        assert board.slots.signed == NEW_FLOOR
        floor_holds(board)

    count = cuts.every_cut(before(module), signed_update(module), check)
    print("power cuts in a signed update:", count)
    assert count > 60


def confirmed_and_gone_back(module, way):
    """A board that confirmed NEW under NEW_FLOOR, and runs OLD again, confirmed."""
    board = before(module)
    signed_update(module)(board)
    if way == "flip":
        board.slots.flip("tag-9", board.slots.other_image["proof"])
        board.boot()
    else:
        for _ in range(10):
            board.crash(ran=3)
            board.boot()
    board.slots.confirm()
    assert board.boot("power_on") == "1.0.0"
    return board


@pytest.mark.parametrize("module", [boards, image_boards], ids=["app-bundle", "esp-image"])
@pytest.mark.parametrize("way", ["flip", "gives way"])
def test_going_back_runs_older_firmware_and_leaves_the_floor_where_it_was(module, way):
    """The one before may run again, for it was confirmed here; nothing else that is older may come after it."""
    board = confirmed_and_gone_back(module, way)
    assert board.slots.signed == NEW_FLOOR
    floor_holds(board)


def test_a_firmware_by_cable_leaves_the_floor_even_when_the_state_file_is_lost_later():
    board = before(boards)
    signed_update(boards)(board)
    board.boot()
    board.slots.adopt("a", "0" * 32)
    assert board.boot("power_on") == "1.0.0"
    floor_holds(board)


def modulus_of(private):
    return private.public_key().public_numbers().n.to_bytes(384)


def order(present, fresh):
    """The `go` that makes `fresh` the key."""
    modulus = encoded(modulus_of(fresh))
    text = ("mesh-ota key 1\n" + modulus).encode()
    sig = encoded(present.sign(text, padding.PKCS1v15(), hashes.SHA256()))
    return {"do": "key", "modulus": modulus, "sig": sig}


class Slots:
    signed = None


def test_a_cut_while_a_key_takes_the_place_of_another_leaves_one_of_them_whole():
    """Twice in a row, so that the file is written over as well. The order is said again afterwards."""
    keys = [rsa.generate_private_key(public_exponent=65537, key_size=3072) for _ in range(3)]
    names = [id_of(modulus_of(key)) for key in keys]
    cable = encoded(modulus_of(keys[0]))
    flash, cuts = Flash(), 0
    for number in (1, 2):
        said = order(keys[number - 1], keys[number])
        for way in WAYS:
            at = 1
            while True:
                board = flash.copy()
                board.cut_at(at, way)
                try:
                    Signing(board.files(), cable, Slots, 0).replace(said)
                    break
                except PowerCut:
                    board.switch_on()
                cuts += 1
                at += 1
                found = Signing(board.files(), cable, Slots, 0)
                assert found.key_id in names[number - 1 : number + 1]
                found.replace(said)
                assert Signing(board.files(), cable, Slots, 0).key_id == names[number]
        Signing(flash.files(), cable, Slots, 0).replace(said)
    print("power cuts in changes of key:", cuts)
    assert cuts >= 12
