"""The power goes at every flash operation of an update, and Home Assistant hears what the node says afterwards.

Slots, boot and trial are the shipped ones; on a flash in memory here, on a real littlefs2 in test_littlefs.py.
"""

import pytest

from tests.device import rollouts


@pytest.mark.parametrize("kind", [rollouts.Bundles, rollouts.Images])
@pytest.mark.parametrize("fate", rollouts.FATES)
def test_the_job_ends_as_the_node_did_wherever_the_power_went(kind, fate):
    found = rollouts.every_cut(kind, kind.boards.in_service(), fate)
    print(rollouts.told(found))
    assert found.total() > 60
    assert min(found["1.0.0"], found["1.1.0"]) > 5


def test_a_firmware_given_up_before_home_assistant_heard_of_its_trial_ends_its_row():
    rollout = rollouts.Rollout(rollouts.Bundles, rollouts.Bundles.boards.in_service())
    rollout.update()
    rollout.board.slots.confirm()
    for _ in range(10):
        rollout.board.crash(rollouts.CRASH, ran=3)
        rollout.board.boot()
    rollout.play()
    assert (rollout.row.status, rollout.board.version()) == ("rolled_back", "1.0.0")
    assert "10 failed starts: " + rollouts.CRASH in rollout.row.error_message
