"""The power goes at every single flash operation of an update that comes deflated, also where it goes on as it is."""

import pytest

from custom_components.mesh_ota.firmware.deflate import deflated
from tests.device import boards, made_bundles as made
from tests.device.boards import NEW
from tests.device.power_cuts import boots_whole, every_cut, finish

CARRIED = deflated(NEW)


def update_and_confirm(board):
    board.update(NEW, forced=True, carried=CARRIED)
    board.boot()
    board.slots.confirm()


def finish_deflated(board):
    """A gateway that goes on to carry it deflated."""
    if board.slots.in_trial:
        assert board.slots.confirm()
    if board.slots.proof() != made.proof(NEW):
        update_and_confirm(board)
    assert board.boot("power_on") == "1.1.0"
    assert board.slots.damaged is None


@pytest.mark.parametrize("ending", [finish_deflated, finish])
def test_whatever_was_cut_the_node_is_whole_and_ends_on_the_new_version(ending):
    cuts = every_cut(boards.in_service(), update_and_confirm, ending)
    print("power cuts in a deflated update:", cuts)
    assert cuts > 100


def test_nothing_of_it_is_left_on_the_flash():
    board = boards.in_service()
    update_and_confirm(board)
    assert board.flash.files().names("incoming") == []
    boots_whole(board)
