"""A member of the mesh has its WiFi password and can say anything; without the mesh key it changes nothing."""

import house as h
import pytest

from painlessmesh.level1_gateway import GatewayBoot, GatewaySide
from painlessmesh.ota_sender import Offer, Sender
from painlessmesh.protocol import encode

OTHER_KEY = bytes(32)


@pytest.fixture
async def met(house):
    assert await house.run(5, house.met)
    return house


def plain_offer(image, role="watcher", **changes):
    """A level 0 announcement, as a C++ gateway makes it."""
    import hashlib

    offer = Offer(role, "ESP32-MPY", hashlib.md5(image).hexdigest(), len(image))
    sender = Sender(h.GATEWAY)
    sender.offer(offer)
    sender.add_target(offer, h.NODE)
    pairs = dict(sender.announcement(h.NODE)) | changes
    return tuple(pairs.items())


async def test_an_announcement_without_a_mac_is_ignored(met):
    met.play(encode(plain_offer(h.bundle("1.1.0")[0])))
    await met.run(2)
    assert met.phase == "idle"
    assert met.requests == []


async def test_an_announcement_under_another_key_is_ignored(met):
    side = GatewaySide(GatewayBoot(OTHER_KEY, h.GATEWAY, h.NONCE), h.NODE)
    side.node_nonce = met.node._side.nonce
    met.play(encode(side.sign(plain_offer(h.bundle("1.1.0")[0]))))
    await met.run(2)
    assert met.phase == "idle"
    assert met.requests == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("md5", "0" * 32),
        ("sha256", "0" * 64),
        ("size", 9999),
        ("version", "6.6.6"),
        ("noPart", 9),
        ("forced", True),
        ("kind", "esp-image"),
    ],
)
async def test_a_genuine_announcement_with_one_key_changed_is_ignored(met, key, value):
    met.mute = True
    met.lost = lambda _package: True
    met.offer(h.bundle("1.1.0")[0])
    pairs = dict(met.announcement) | {key: value}
    met.unplug()  # the genuine one never arrives
    met.plug()
    await met.run(1)
    asked = len(met.requests)
    met.play(encode(tuple(pairs.items())))
    await met.run(2)
    assert met.phase == "idle"
    assert len(met.requests) == asked


async def test_everything_recorded_before_a_restart_changes_nothing_after_it(met):
    """Announcement, parts, hello and commit of a whole update, played back to the next boot."""
    await met.update(h.bundle("1.1.0")[0])
    assert await met.until_phase("idle")
    before = met.status
    recorded = [
        frame for frame in met.frames_to_node if b'"type":71' in frame or b'"type":1' in frame
    ]
    met.power_gateway(nonce="00112233445566aa")
    met.mute = True
    met.boot()
    await met.run(1)
    met.play(*recorded)
    await met.run(3)
    assert met.phase == "idle"
    assert not met.restarting()
    assert met.node._side.gateway == 0
    assert met.node.slots.proof() == before["proof"]


async def test_a_command_played_back_within_the_boot_is_not_obeyed_twice(met):
    md5 = met.offer(h.bundle("1.1.0")[0])
    assert await met.until_phase("ready")
    met.go(do="cancel", md5=md5)
    assert await met.until_phase("idle")
    cancel = [frame for frame in met.frames_to_node if b'"op":"go"' in frame][-1]
    met.offer(h.bundle("1.1.0")[0])
    assert await met.until_phase("ready")
    met.play(cancel)
    await met.run(1)
    assert met.phase == "ready"


async def test_a_hello_without_a_nonce_binds_the_node_to_nobody(house):
    """It may be an old one; a trial must not be passed by it."""
    house.power_gateway(nonce="00112233445566aa")
    house.mute = True
    house.boot()
    await house.run(1)
    side = GatewaySide(GatewayBoot(h.KEY, h.GATEWAY, h.NONCE), h.NODE)
    body = '{"gateway":1111111111,"nonce":"9f86d081884c7d65","protocol":1}'
    house.play(encode(side.build("hello", body)))
    await house.run(1)
    assert [package["op"] for package in house.heard] == ["status"]
    assert house.node._side.gateway == 0


async def test_many_hellos_get_one_status_in_two_seconds(house):
    house.mute = True
    await house.run(1)
    side = GatewaySide(GatewayBoot(h.KEY, h.GATEWAY, h.NONCE), h.NODE)
    body = '{"gateway":1111111111,"nonce":"9f86d081884c7d65","protocol":1}'
    for _ in range(20):
        house.play(encode(side.build("hello", body)))
    await house.run(1)
    assert len(house.heard) == 1


async def test_parts_nobody_announced_are_ignored(met):
    image = h.bundle("1.1.0")[0]
    for part in range(9):
        pairs = plain_offer(image, type=12, partNo=part, data="AAAA")
        met.play(encode(pairs))
    await met.run(1)
    assert met.phase == "idle"
    assert met.node.updater.part == 0


@pytest.mark.parametrize("forged", [{"from": 3333333333}, {"md5": "0" * 32}, {"md5": ""}])
async def test_a_part_from_somebody_else_or_of_something_else_is_ignored(met, forged):
    met.lost = lambda package: package["partNo"] >= 2
    image = h.bundle("1.1.0")[0]
    met.offer(image)
    assert await met.run(5, lambda: met.node.updater.part == 2)
    data = {"type": 12, "partNo": 2, "data": "A" * 1364 + "AAA="}
    met.play(encode(plain_offer(image, **(data | forged))))
    assert met.node.updater.part == 2


async def test_a_board_that_accepts_level_0_takes_a_plain_offer_and_commits_by_itself(tmp_path):
    house = h.House(tmp_path, accept_level_0=True)
    house.boot("power_on")
    await house.run(3)
    image, proof = h.bundle("1.1.0")
    house.offer(image)  # makes the sender answer
    house.unplug()
    house.plug()
    await house.run(1)
    house.gateway.send(plain_offer(image))
    assert await house.run(10, house.restarting)
    house.boot()
    assert await house.until_phase("idle")
    assert house.status["proof"] == proof


async def test_a_board_that_accepts_level_0_still_refuses_what_is_for_others(tmp_path):
    house = h.House(tmp_path, accept_level_0=True)
    house.boot("power_on")
    assert await house.run(5, house.met)
    house.gateway.send(plain_offer(h.bundle("1.1.0")[0], role="led"))
    await house.run(2)
    assert house.phase == "idle"
    assert "error" not in house.status


@pytest.mark.parametrize(
    "body", ["{}", "[]", "5", '"commit"', '{"do":null}', '{"do":{}}', '{"do":"flip"}', "{", "null"]
)
async def test_a_command_that_says_nothing_usable_is_ignored(met, body):
    met.gateway.send(met.side.build("go", body))
    await met.run(1)
    assert met.phase == "idle"
    assert not met.restarting()


async def test_an_announcement_played_back_over_and_over_gets_few_answers(met):
    """Making a status takes a board 100 ms; a member must not be able to keep it busy with them."""
    met.offer(h.bundle("1.1.0", node_type="led")[0], role="led")
    assert await met.run(2, lambda: "error" in met.status)
    announcement = [frame for frame in met.frames_to_node if b'"type":10' in frame][-1]
    said = len(met.heard)
    for _ in range(100):
        met.play(announcement)
        await met.run(0.05)
    assert len(met.heard) - said <= 3
