"""Faults 7 and 8 of the system that this one follows, on the node (the list: tests/mesh_ota/test_faults.py)."""

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


async def test_fault_07_an_image_that_reaches_nobody_is_not_confirmed(updated):
    await updated.run(60)
    assert updated.phase == "trial"
    assert updated.node.slots.last["outcome"] == "trial"
    await updated.run(61)
    assert updated.restarting()
    updated.boot()
    assert await updated.run(5, updated.restarting)
    assert updated.statuses[-1]["version"] == "1.0.0"


async def test_fault_08_after_a_rollback_the_node_says_what_it_runs_and_can_be_forced(
    updated, monkeypatch
):
    monkeypatch.setattr(updated.node.role, "self_test", lambda: "no")
    updated.plug()
    assert await updated.run(10, updated.restarting)
    updated.boot()
    assert await updated.until_phase("idle")
    assert updated.status["version"] == "1.0.0"
    assert updated.status["proof"] != updated.new_proof
    image, proof = h.bundle("1.1.0")
    await updated.update(image, forced=True)
    assert await updated.until_phase("idle")
    assert updated.status["proof"] == proof
