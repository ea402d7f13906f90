"""Faults 1, 3, 5, 11 and 12 of the system that this one follows, on the gateway (the list: tests/mesh_ota/test_faults.py)."""

import pytest
from gateway_in_house import image_of

from gateway.home_assistant import HomeAssistant
from gateway.http import Answer
from gateway.session import Later

A, B = 2222222222, 3333333333


def test_fault_01_parts_of_each_node_are_told_while_they_go(gateway):
    gateway.add(A, delay=30_000)
    gateway.add(B, delay=30_000)
    gateway.run(1)
    gateway.job(image_of(400_000), [A, B])
    told = set()

    def look():
        for delivery in gateway.serving.deliveries:
            if delivery.entry()["status"] == "downloading":
                told.add((delivery.node_id, delivery.entry()["current_part"]))
        return all(gateway.nodes[node].images for node in (A, B))

    assert gateway.run(30, look)
    for node in (A, B):
        assert len([part for told_node, part in told if told_node == node]) > 10


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
