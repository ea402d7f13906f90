"""A job that its user or window holds: nothing more goes to a node, and it keeps what it has."""

import asyncio

from gateway_in_house import image_of
from home_assistant_side import job
from virtual_gateway import GATEWAY

A, B = 2222222222, 3333333333


def begun(gateway, image):
    """A node in the middle of its transfer, and its job."""
    node = gateway.add(A, delay=20_000)
    gateway.run(1)
    found = gateway.job(image, [A])
    assert gateway.run(20, lambda: len(node.parts) > 50)
    return node, found


def test_parts_stop_at_once_and_nothing_is_cancelled(gateway):
    node, found = begun(gateway, image_of(300_000))
    gateway.pause(found, True)
    gateway.run(0.5)
    parts = len(node.parts)
    gateway.run(600)
    assert len(node.parts) == parts
    assert node.cancelled == []
    assert not gateway.distributor.distributing


def test_it_goes_on_at_the_same_part(gateway):
    image = image_of(300_000)
    node, found = begun(gateway, image)
    gateway.pause(found, True)
    gateway.run(20)
    gateway.pause(found, False)
    assert gateway.run(30, lambda: node.phase == "restarting")
    assert node.images == [image]
    assert len(node.parts) <= 293 + 4


def test_a_node_that_gave_up_asking_is_told_to_go_on(gateway):
    """Where it goes on is its own matter: tests/node_firmware/test_update.py."""
    image = image_of(300_000)
    node, found = begun(gateway, image)
    gateway.pause(found, True)
    gateway.run(3600)
    gateway.pause(found, False)
    assert gateway.run(30, lambda: node.phase == "restarting")
    assert node.images == [image]


def test_a_gateway_that_restarts_in_a_pause_keeps_it(gateway):
    node, found = begun(gateway, image_of(300_000))
    gateway.pause(found, True)
    gateway.run(1)
    gateway.net.remove(GATEWAY)
    gateway.run(1)
    gateway.start(nonce="00" * 8)
    gateway.pause(found, True)
    gateway.rejoin(A)
    parts = len(node.parts)
    gateway.run(60)
    assert (len(node.parts), node.cancelled) == (parts, [])
    gateway.pause(found, False)
    assert gateway.run(30, lambda: node.phase == "restarting")


def test_a_node_that_is_ready_is_not_committed_in_a_pause(gateway):
    node = gateway.add(A)
    node.obeys = False
    gateway.run(1)
    found = gateway.job(image_of(5_000), [A])
    assert gateway.run(10, lambda: node.phase == "ready")
    gateway.pause(found, True)
    node.obeys = True
    gateway.run(30)
    assert node.phase == "ready"
    gateway.pause(found, False)
    assert gateway.run(10, lambda: node.phase == "restarting")


def test_another_type_goes_on_meanwhile(gateway):
    node, found = begun(gateway, image_of(300_000))
    other = gateway.add(B, role="led")
    gateway.run(1)
    gateway.pause(found, True)
    held = gateway.jobs[0]
    image = image_of(9_000, 7)
    gateway.job(image, [B], id=9, token="bb", firmware_id=9, role="led")
    assert held in gateway.jobs
    assert gateway.run(30, lambda: other.images == [image])
    assert node.images == []


async def test_a_window_that_closes_stops_the_parts_within_two_seconds(house, until):
    """Over real sockets and on the real clock, and it goes on where it was when the window opens."""
    node = await house.add(A)
    ha = house.home_assistant
    await until(lambda: ha.told(A, "nodes"))
    image = image_of(8_000_000)
    found = job(image, [(A, 1)])
    ha.images[found["firmware_id"]] = image
    ha.set_jobs(found)
    await until(lambda: len(node.parts) > 20)
    ha.set_jobs(dict(found, targets=[dict(found["targets"][0], paused=True)]))
    await asyncio.sleep(2)
    parts = len(node.parts)
    assert parts < found["num_parts"]
    await asyncio.sleep(1)
    assert len(node.parts) == parts
    ha.set_jobs(found)
    await until(lambda: node.images == [image], 40)
    assert len(node.parts) <= found["num_parts"] + 4
    assert node.cancelled == []
