"""The first boot of a new firmware, on a real folder and through the real boot choice."""

import house as h
import pytest


@pytest.fixture
async def updated(house):
    """A node that has just booted 1.1.0 for the first time and has no mesh yet."""
    assert await house.run(5, house.met)
    image, house.new_proof = h.bundle("1.1.0")
    house.new_md5 = await house.update(image)
    house.unplug()
    return house


async def test_without_a_mesh_the_old_firmware_comes_back_and_tries_again(updated):
    await updated.run(119)
    assert updated.phase == "trial"
    await updated.run(2)
    assert updated.phase == "restarting"
    updated.boot()
    assert await updated.run(5, updated.restarting)
    assert updated.statuses[-1]["last"]["outcome"] == "retry"
    assert updated.statuses[-1]["version"] == "1.0.0"
    updated.boot()
    assert await updated.until_phase("idle")
    assert updated.status["proof"] == updated.new_proof


async def test_a_mesh_without_its_gateway_is_no_reason_to_refuse(updated):
    updated.mute = True
    updated.plug()
    await updated.run(121)
    assert updated.node.slots.last["outcome"] == "retry"
    assert updated.node.slots.last["reason"] == "The gateway did not answer within 120 s."


async def test_after_four_trials_without_a_mesh_the_image_is_refused(updated):
    for _ in range(3):
        await updated.run(121)
        updated.boot()
        assert await updated.run(5, updated.restarting)
        updated.boot()
        updated.unplug()
    await updated.run(121)
    updated.boot()
    assert await updated.until_phase("idle")
    assert updated.status["version"] == "1.0.0"
    assert updated.status["last"]["outcome"] == "refused"
    await updated.run(10)
    assert not updated.restarting()


async def test_a_role_that_fails_its_self_test_goes_back_and_says_why(updated, monkeypatch):
    monkeypatch.setattr(updated.node.role, "self_test", lambda: "The bell is cracked.")
    updated.plug()
    assert await updated.run(10, updated.restarting)
    updated.boot()
    assert await updated.until_phase("idle")
    assert updated.status["version"] == "1.0.0"
    assert updated.status["last"]["outcome"] == "refused"
    assert updated.status["last"]["reason"] == "The self-test failed: The bell is cracked."


async def test_a_self_test_has_five_seconds_to_pass(updated, monkeypatch):
    answers = ["not yet"] * 4 + [None]
    monkeypatch.setattr(updated.node.role, "self_test", lambda: answers.pop(0))
    updated.plug()
    assert await updated.until_phase("idle")
    assert updated.status["last"]["outcome"] == "confirmed"


async def test_a_refused_image_is_taken_again_only_with_force(updated, monkeypatch):
    monkeypatch.setattr(updated.node.role, "self_test", lambda: "no")
    updated.plug()
    assert await updated.run(10, updated.restarting)
    updated.boot()
    assert await updated.until_phase("idle")
    updated.requests.clear()
    image, proof = h.bundle("1.1.0")
    updated.offer(image)
    assert await updated.run(2, lambda: "error" in updated.status)
    assert updated.status["error"]["code"] == "refused"
    assert updated.requests == []
    await updated.update(image, forced=True)
    assert await updated.until_phase("idle")
    assert updated.status["proof"] == proof


async def test_two_power_cuts_in_the_trial_do_not_cost_a_good_image_its_chance(updated):
    for _ in range(2):
        await updated.run(10)
        updated.boot("power_on")
        updated.unplug()
        assert updated.phase == "trial"
    updated.plug()
    assert await updated.until_phase("idle")
    assert updated.status["last"]["outcome"] == "confirmed"


async def test_a_watchdog_reset_in_the_trial_goes_back(updated):
    updated.boot("watchdog")
    assert await updated.until_phase("idle")
    assert updated.status["version"] == "1.0.0"
    assert updated.status["reset"] == "watchdog"
    assert updated.status["last"]["outcome"] == "refused"


async def test_nothing_new_is_taken_during_a_trial(updated):
    updated.mute = True
    updated.plug()
    await updated.run(2)
    updated.node.updater.announced({"md5": "0" * 32, "role": "watcher"}, True, updated.now)
    assert updated.phase == "trial"
