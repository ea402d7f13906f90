"""Faults 7, 8 and 12 of the system that this one follows, on the node (the list: tests/mesh_ota/test_faults.py)."""

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


async def test_fault_12_after_an_image_that_was_given_up_another_one_arrives_whole(house):
    """The first half of the one and the second half of the other would only be found out by the MD5, at the end."""
    assert await house.run(5, house.met)
    house.lost = lambda package: package["partNo"] >= 2
    house.offer(h.bundle("1.1.0")[0])
    assert await house.until_phase("downloading")
    assert await house.until_phase("idle", 60)
    house.lost = lambda _package: False
    house.requests.clear()
    other, proof = h.bundle("1.2.0")
    await house.update(other, version="1.2.0")
    assert house.requests[0] == 0
    assert await house.until_phase("idle")
    assert house.status["proof"] == proof
