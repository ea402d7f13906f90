"""Faults 1, 3, 5, 6, 9, 11 and 12 of the system that this one follows, on the gateway (the list: tests/mesh_ota/test_faults.py).

Those that are about what reaches Home Assistant run on the whole gateway, over real sockets.
"""

import pytest
from gateway_in_house import image_of
from home_assistant_side import job

from gateway import poller
from gateway.home_assistant import HomeAssistant, Refused
from gateway.http import Answer
from gateway.session import Later

A, B = 2222222222, 3333333333


async def rollout(house, until, image, *node_ids):
    """Nodes that are in the mesh and known, and a job for them."""
    nodes = [await house.add(node_id) for node_id in node_ids]
    ha = house.home_assistant
    await until(lambda: all(ha.told(node_id, "nodes") for node_id in node_ids))
    found = job(image, [(node_id, 1) for node_id in node_ids])
    ha.images[found["firmware_id"]] = image
    ha.set_jobs(found)
    return nodes


def parts_told(house, node_id):
    """What Home Assistant heard of its parts, in that order."""
    entries = house.home_assistant.told(node_id)
    return [entry["current_part"] for entry in entries if entry["status"] == "downloading"]


async def test_fault_01_home_assistant_hears_of_the_parts_of_each_node_while_they_go(house, until):
    nodes = await rollout(house, until, image_of(12_000_000), A, B)
    await until(lambda: all(len(set(parts_told(house, node))) > 1 for node in (A, B)), 20)
    assert not any(node.images for node in nodes)
    for node in (A, B):
        assert parts_told(house, node) == sorted(parts_told(house, node))


def test_fault_03_no_other_node_of_the_type_is_touched(gateway):
    gateway.add(A)
    other = gateway.add(B)
    gateway.run(1)
    gateway.job(image_of(5_000), [A])
    gateway.run(60)
    assert gateway.nodes[A].images
    assert other.announcements == other.images == []


def test_fault_05_the_second_job_of_one_boot_brings_its_own_bytes(gateway):
    node = gateway.add(A)
    gateway.run(1)
    images = [image_of(9_000, 1), image_of(7_000, 2)]
    for number, image in enumerate(images):
        gateway.list()
        gateway.job(image, [A], id=number + 3, token="a%d" % number, firmware_id=number + 3)
        assert gateway.run(30, lambda: node.phase == "restarting")
        gateway.restart_node(A)
        assert gateway.run(20, lambda: node.phase == "idle")
    assert node.images == images
    assert [commit[:2] for commit in node.commits] == ["a0", "a1"]


def test_fault_06_a_node_that_never_answers_ends_and_holds_up_neither_others_nor_the_next_job(
    gateway,
):
    silent, other = gateway.add(A), gateway.add(B)
    silent.receiver.announce = lambda *_: []
    gateway.run(1)
    first, second = image_of(50_000, 1), image_of(20_000, 2)
    gateway.job(first, [A, B])
    gateway.run_to_restart(B, 20)
    assert other.images == [first]
    assert gateway.run(200, lambda: gateway.state(A) == "failed")
    gateway.restart_node(B)
    gateway.list()
    gateway.job(second, [B], id=4, token="bb", firmware_id=4)
    gateway.run_to_restart(B, 20)
    assert other.images == [first, second]


async def test_fault_09_a_job_goes_on_and_its_end_is_told_whoever_restarts(
    house, until, monkeypatch
):
    """The gateway in the middle of the transfer, then Home Assistant while the node ends."""
    monkeypatch.setattr(poller, "UNREACHABLE_LONGEST", 0.5)
    monkeypatch.setattr(poller, "REFUSED_LONGEST", 0.5)
    ha, image = house.home_assistant, image_of(1_000_000)
    (node,) = await rollout(house, until, image, A)
    await until(lambda: len(node.parts) > 50)
    await house.stop_gateway()
    assert not node.images
    await house.start_gateway()
    await until(lambda: len(node.parts) > 500, 20)
    await ha.stop()
    ha.reports.clear()
    await ha.start()
    await until(lambda: [e for e in ha.told(A, "nodes") if e["status"].get("last")], 40)
    assert node.images == [image]
    assert ha.told(A)[-1]["status"] == "restarting"


class Signed:
    """A session that gives one signed answer."""

    def __init__(self, status, body, content_range=None):
        self.answer = Answer(status, {"content-range": content_range} if content_range else {})
        self.answer.body = memoryview(body)

    async def call(self, *args, **kwargs):
        return self.answer


async def test_fault_11_the_whole_file_is_never_taken_for_a_part_nor_an_error_for_bytes():
    room = memoryview(bytearray(4096))
    with pytest.raises(Later):
        await HomeAssistant(Signed(200, bytes(4096))).block("firmware/2/download", 0, 10_000, room)
    for status in (404, 500):
        for span in (None, "bytes 0-%d/%d" % (status - 1, status)):
            with pytest.raises((Later, Refused)):
                await HomeAssistant(Signed(status, bytes(status), span)).block(
                    "firmware/2/download", 0, status, room
                )
    for length in (404, 500):
        answer = Signed(206, bytes(length), "bytes 0-%d/%d" % (length - 1, length))
        assert await HomeAssistant(answer).block("firmware/2/download", 0, length, room) == length


def test_fault_12_an_offer_is_withdrawn_with_its_job_and_the_next_image_comes_whole(gateway):
    node = gateway.add(A, delay=20_000)
    gateway.run(1)
    gateway.job(image_of(100_000), [A])
    assert gateway.run(20, lambda: len(node.parts) > 20)
    gateway.list()
    assert gateway.serving.sender.offer_of("pir", "ESP32-MPY") is None
    gateway.run(2)
    asked = len(node.announcements)
    gateway.run(300)
    assert len(node.announcements) == asked
    other = image_of(40_000, 5)
    gateway.job(other, [A], id=9, token="cc", firmware_id=9)
    assert gateway.run(30, lambda: node.images == [other])
