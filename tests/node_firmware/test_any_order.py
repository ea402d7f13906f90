"""Parts of an image in any order: what the node needs, and who hears it."""

import hashlib
import json

from house import GATEWAY, NODE, House, S, bundle


def needs(house):
    return [json.loads(heard["body"]) for heard in house.heard if heard["op"] == "need"]


async def met(tmp_path, **config):
    house = House(tmp_path, **config)
    house.boot()
    assert await house.run(10, house.met)
    house.ahead = 32
    return house


def big_bundle():
    content = hashlib.sha256(b"seed").digest() * 1400
    return bundle("1.1.0", {"node/app.py": content, "roles/watcher.py": b""})[0]


async def test_an_image_arrives_over_losses_without_a_single_request(tmp_path):
    house = await met(tmp_path)
    lost = []

    def loses(pairs):
        part = pairs["partNo"]
        if part % 5 == 3 and part not in lost:
            lost.append(part)
            return True
        return False

    house.lost = loses
    await house.update(big_bundle())
    assert len(lost) > 5 and house.requests == []
    assert await house.run(20, house.met)
    assert house.status["version"] == "1.1.0"


async def test_a_need_is_under_the_mesh_key_and_names_what_is_missing(tmp_path):
    house = await met(tmp_path)
    house.lost = lambda pairs: pairs["partNo"] in (2, 4)
    md5 = house.offer(big_bundle())
    await house.run(2)
    said = needs(house)
    assert said[0] == {"md5": md5[:8], "part": 0, "seen": 0, "missing": "0"}
    last = said[-1]
    assert last["part"] == 2 and int(last["missing"], 16) & 0b111 == 0b101
    assert house.phase == "downloading" and house.node.updater.part == 2


async def test_a_restart_in_the_middle_goes_on_where_there_is_no_gap(tmp_path):
    house = await met(tmp_path)
    image = big_bundle()
    house.lost = lambda pairs: pairs["partNo"] == 20
    house.offer(image)
    await house.run(2)
    house.boot()
    house.heard.clear()
    house.lost = lambda pairs: False
    assert await house.run(10, house.met)
    house.offer(image)
    assert await house.until_phase("ready")
    assert needs(house)[0]["part"] == 16


async def test_a_plain_announcement_that_says_ahead_is_answered_with_requests(tmp_path):
    house = await met(tmp_path, accept_level_0=True)
    image = big_bundle()
    house.image = image
    from painlessmesh.ota_sender import Offer

    offer = Offer("watcher", "ESP32-MPY", hashlib.md5(image).hexdigest(), len(image))
    house.sender.offer(offer)
    house.sender.add_target(offer, NODE, ahead=32)
    house.gateway.send(house.sender.announcement(NODE))
    await house.run(2)
    assert house.requests and needs(house) == []


async def test_a_node_tells_nobody_what_it_needs_before_its_gateway_has_answered(tmp_path):
    house = House(tmp_path)
    house.mute = True
    house.boot()
    await house.run(1)
    house.node.contact.need("{}")
    assert needs(house) == [] and GATEWAY != NODE and S


async def test_a_forged_need_changes_nothing(tmp_path):
    house = await met(tmp_path)
    house.lost = lambda pairs: True
    house.offer(big_bundle())
    await house.run(1)
    before = house.sender.target(NODE).base
    pairs = tuple(
        (key, value)
        for key, value in (
            ("type", 71),
            ("routing", 1),
            ("from", NODE),
            ("dest", GATEWAY),
            ("op", "need"),
            ("seq", 99999),
            ("nonce", "0" * 16),
            ("body", json.dumps({"md5": house.sender.target(NODE).offer.md5[:8], "part": 9})),
            ("mac", "0" * 64),
        )
    )
    house.node.mesh.send(pairs)
    await house.run(1)
    assert house.sender.target(NODE).base == before == 0
