"""A node that carries a public key: what it refuses, how far its floor rises, and how the key is changed."""

import json
from base64 import b64encode

import house as h
import pytest
from signers import COUNTER, HOME, NEXT, STRANGER

from device.config import ConfigError, check


@pytest.fixture
async def met(tmp_path):
    """A node with the key of HOME and its gateway, which know each other."""
    house = h.House(tmp_path, signing_key=HOME.modulus)
    house.boot("power_on")
    assert await house.run(5, house.met)
    yield house
    for task in house.tasks:
        task.cancel()


async def refused(house, image, **offered):
    """Offer it; answer the node's reason."""
    md5 = house.offer(image, **offered)
    assert await house.run(5, lambda: house.status.get("error", {}).get("md5") == md5)
    assert house.status["error"]["code"] == "signature"
    assert house.phase == "idle"
    assert house.requests == []
    return house.status["error"]["reason"]


async def updated(house, version, **signed):
    """Bring a version onto the node, up to its confirmation."""
    image, proof = h.bundle(version)
    await house.update(image, version=version, **signed)
    assert await house.until_phase("idle")
    assert house.status["proof"] == proof
    house.requests.clear()
    return image


async def test_signed_firmware_is_taken_and_its_confirmation_raises_the_floor(met):
    assert met.status["signing"] is True
    assert met.status["key"] == HOME.id
    assert met.status["floor"] == 0
    image, _ = h.bundle("1.1.0")
    await met.update(image, **HOME.keys(image))
    assert await met.until_phase("trial")
    assert met.status["floor"] == 0
    assert await met.until_phase("idle")
    assert met.status["version"] == "1.1.0"
    assert met.status["floor"] == COUNTER


async def test_a_node_without_a_key_takes_all_as_before_and_says_so(house):
    assert await house.run(5, house.met)
    assert house.status["signing"] is False
    assert "key" not in house.status
    assert "floor" not in house.status
    await house.update(h.bundle("1.1.0")[0])


async def test_unsigned_firmware_is_refused(met):
    assert "not signed" in await refused(met, h.bundle("1.1.0")[0])


async def test_force_does_not_force_a_signature(met):
    assert "not signed" in await refused(met, h.bundle("1.1.0")[0], forced=True)


async def test_firmware_signed_with_another_key_is_refused(met):
    image, _ = h.bundle("1.1.0")
    assert "not signed by this node's key" in await refused(met, image, **STRANGER.keys(image))


@pytest.mark.parametrize(
    "sig", ["", "AAAA", "=" * 512, "!" * 512, "A" * 512, "/" * 512, "A" * 513, 7, None]
)
async def test_a_signature_that_is_none_is_refused(met, sig):
    image, _ = h.bundle("1.1.0")
    await refused(met, image, counter=COUNTER, sig=sig)


async def test_the_signature_of_another_image_is_refused(met):
    image, _ = h.bundle("1.1.0")
    other, _ = h.bundle("1.1.0", {"node/app.py": b"other"})
    await refused(met, image, **HOME.keys(other))


@pytest.mark.parametrize(
    "signed_for",
    [
        {"role": "led"},
        {"hardware": "ESP32"},
        {"kind": "esp-image"},
        {"version": "1.1.1"},
    ],
)
async def test_firmware_signed_for_something_else_is_refused(met, signed_for):
    """The announcement names this node's type; the signature does not."""
    image, _ = h.bundle("1.1.0")
    await refused(met, image, **HOME.keys(image, **signed_for))


async def test_another_counter_than_the_signed_one_is_refused(met):
    image, _ = h.bundle("1.1.0")
    await refused(met, image, **HOME.keys(image) | {"counter": COUNTER + 1})


async def test_firmware_with_a_good_signature_for_another_type_is_refused_by_its_type(met):
    image, _ = h.bundle("1.1.0", node_type="led")
    md5 = met.offer(image, role="led", **HOME.keys(image, role="led"))
    assert await met.run(5, lambda: met.status.get("error", {}).get("md5") == md5)
    assert met.status["error"]["code"] == "role"


async def test_a_replayed_older_signature_is_refused(met):
    old, _ = h.bundle("1.1.0")
    keys = HOME.keys(old)
    await updated(met, "1.2.0", **HOME.keys(h.bundle("1.2.0")[0], "1.2.0", COUNTER + 10))
    reason = await refused(met, old, **keys)
    assert f"{COUNTER} < {COUNTER + 10}" in reason
    assert "signed downgrade" in reason


async def test_the_same_firmware_is_taken_again_by_force_after_its_confirmation(met):
    image = await updated(met, "1.1.0", **HOME.keys(h.bundle("1.1.0")[0]))
    await met.update(image, tag="4f1d-2", forced=True, **HOME.keys(image))
    assert await met.until_phase("idle")
    assert met.status["last"]["tag"] == "4f1d-2"


async def test_the_floor_rises_only_with_the_confirmation(met):
    """A trial that fails leaves it, so that the next try of an older image is still possible."""
    image, _ = h.bundle("1.2.0")
    await met.update(image, version="1.2.0", **HOME.keys(image, "1.2.0", COUNTER + 10))
    assert met.phase == "trial"
    met.node.slots.refuse("It failed.")
    met.boot()
    assert await met.until_phase("idle")
    assert met.status["floor"] == 0


async def test_the_floor_survives_a_lost_state_file(met):
    await updated(met, "1.1.0", **HOME.keys(h.bundle("1.1.0")[0]))
    met.remove("slots.json")
    met.boot("power_on")
    assert await met.run(5, met.met)
    assert met.status["version"] == "1.1.0"
    assert met.status["floor"] == COUNTER


async def test_an_update_that_nobody_signed_leaves_the_floor_until_the_next_signed_one(met):
    """Signing was off, on again: what was confirmed before still counts."""
    await updated(met, "1.1.0", **HOME.keys(h.bundle("1.1.0")[0]))
    key = met.config.pop("signing_key")
    met.boot()
    assert await met.run(5, met.met)
    await updated(met, "1.2.0")
    met.config["signing_key"] = key
    met.boot()
    assert await met.run(5, met.met)
    assert met.status["floor"] == COUNTER


# ---- going back, by command and by signature


async def test_going_back_to_the_other_slot_leaves_the_floor(met):
    await updated(met, "1.1.0", **HOME.keys(h.bundle("1.1.0")[0]))
    met.go(do="flip", tag="aa-1", md5="0" * 32, proof=met.proof_of_first)
    assert await met.until_phase("restarting")
    met.boot()
    assert await met.until_phase("idle")
    assert met.status["version"] == "1.0.0"
    assert met.status["last"]["outcome"] == "confirmed"
    assert met.status["floor"] == COUNTER


async def test_a_signed_downgrade_is_taken_and_lowers_the_floor(met):
    old = await updated(met, "1.1.0", **HOME.keys(h.bundle("1.1.0")[0]))
    new = h.bundle("1.2.0")[0]
    signed = HOME.keys(new, "1.2.0", COUNTER + 10)
    await updated(met, "1.2.0", **signed)
    await updated(met, "1.1.0", **HOME.downgrade(old, "1.1.0", COUNTER + 20, COUNTER))
    assert met.status["floor"] == COUNTER
    await updated(met, "1.2.0", **signed)
    assert met.status["floor"] == COUNTER + 10


async def test_a_replayed_downgrade_is_refused(met):
    old = await updated(met, "1.1.0", **HOME.keys(h.bundle("1.1.0")[0]))
    new = HOME.keys(h.bundle("1.2.0")[0], "1.2.0", COUNTER + 10)
    await updated(met, "1.2.0", **new)
    downgrade = HOME.downgrade(old, "1.1.0", COUNTER + 20, COUNTER)
    await updated(met, "1.1.0", **downgrade)
    await updated(met, "1.2.0", **new)
    assert "is older than what was confirmed here" in await refused(
        met, old, version="1.1.0", **downgrade
    )


async def test_a_downgrade_signed_for_another_node_is_refused(met):
    old = await updated(met, "1.1.0", **HOME.keys(h.bundle("1.1.0")[0]))
    await updated(met, "1.2.0", **HOME.keys(h.bundle("1.2.0")[0], "1.2.0", COUNTER + 10))
    downgrade = HOME.downgrade(old, "1.1.0", COUNTER + 20, COUNTER, node=h.GATEWAY)
    await refused(met, old, version="1.1.0", **downgrade)


async def test_an_ordinary_signature_is_no_downgrade(met):
    old = h.bundle("1.1.0")[0]
    await updated(met, "1.2.0", **HOME.keys(h.bundle("1.2.0")[0], "1.2.0", COUNTER + 10))
    await refused(met, old, **HOME.keys(old, counter=COUNTER + 20) | {"floor": 1})


async def test_a_relay_that_spoils_a_signature_is_ignored_like_any_forgery(met):
    """The mac covers it: else the node would blame the firmware, and the job would end."""
    image, _ = h.bundle("1.1.0")
    met.offer(image, **HOME.keys(image))
    await met.run(0.01)
    frame = met.frames_to_node[-1]
    assert b'"sig":"' in frame
    met.node.updater.error = None
    before = len(met.statuses)
    spoilt = frame.replace(b'"counter":1', b'"counter":2').replace(b'"md5":"', b'"md5":"0')
    met.play(spoilt.replace(b'"sig":"', b'"sig":"AAAA'))
    await met.run(1)
    assert [status for status in met.statuses[before:] if "error" in status] == []


# ---- plain offers


async def test_plain_level_0_is_refused_where_signatures_are_wanted(tmp_path):
    house = h.House(tmp_path, signing_key=HOME.modulus, accept_level_0=True)
    house.boot("power_on")
    assert await house.run(5, house.met)
    house.offer(h.bundle("1.1.0")[0])
    plain = tuple(
        pair for pair in house.announcement if pair[0] not in ("mac", "size", "sha256", "kind")
    )
    await house.run(1)
    house.requests.clear()
    house.gateway.send(plain)
    await house.run(5)
    assert house.requests == []
    assert house.phase == "idle"


def test_a_config_that_wants_both_level_0_and_signatures_is_refused_with_a_sentence():
    config = {
        "node_type": "pir",
        "mesh": {"prefix": "house", "password": "secretsecret"},
        "mesh_key": "0" * 64,
        "signing_key": HOME.modulus,
    }
    assert check(config)["signing_key"] == HOME.modulus
    with pytest.raises(ConfigError, match="exclude each other"):
        check(config | {"accept_level_0": True})


@pytest.mark.parametrize(
    "key",
    [
        "",
        7,
        None,
        HOME.modulus[1:],
        "A" + HOME.modulus[1:],
        HOME.modulus[:-1] + "A",
        HOME.modulus[:-1] + "=",
        HOME.modulus[:-1] + "\n",
    ],
    ids=["empty", "number", "none", "short", "even", "cut", "padded", "line end"],
)
def test_a_public_key_that_is_none_is_refused_with_a_sentence(key):
    config = {
        "node_type": "pir",
        "mesh": {"prefix": "house", "password": "secretsecret"},
        "mesh_key": "0" * 64,
        "signing_key": key,
    }
    with pytest.raises(ConfigError, match="signing_key"):
        check(config)


# ---- the next key


async def test_a_key_signed_by_the_present_one_takes_its_place(met):
    met.go(**HOME.hand_over(NEXT))
    assert await met.run(5, lambda: met.status["key"] == NEXT.id)
    await updated(met, "1.1.0", **NEXT.keys(h.bundle("1.1.0")[0]))


async def test_the_next_key_survives_a_restart(met):
    met.go(**HOME.hand_over(NEXT))
    assert await met.run(5, lambda: met.status["key"] == NEXT.id)
    met.boot("power_on")
    assert await met.run(5, met.met)
    assert met.status["key"] == NEXT.id


async def test_a_key_signed_by_a_stranger_is_refused(met):
    met.go(**STRANGER.hand_over(STRANGER))
    assert await met.run(5, lambda: "error" in met.status)
    assert met.status["error"]["code"] == "signature"
    assert met.status["key"] == HOME.id
    assert "signing.json" not in met.files("")


@pytest.mark.parametrize("modulus", ["", "AAAA", b64encode(bytes(384)).decode(), None, 7])
async def test_a_new_key_that_is_none_is_refused_though_signed(met, modulus):
    met.go(do="key", modulus=modulus, sig=HOME.sign("mesh-ota key 1", modulus))
    assert await met.run(5, lambda: "error" in met.status)
    assert met.status["key"] == HOME.id


async def test_the_key_before_holds_until_the_new_one_has_signed_what_is_confirmed(met):
    """A Home Assistant that was restored from a backup in between still reaches its nodes."""
    met.go(**HOME.hand_over(NEXT))
    assert await met.run(5, lambda: met.status["key"] == NEXT.id)
    await updated(met, "1.1.0", **HOME.keys(h.bundle("1.1.0")[0]))
    third = h.bundle("1.2.0")[0]
    await updated(met, "1.2.0", **NEXT.keys(third, "1.2.0", COUNTER + 1))
    fourth = h.bundle("1.3.0")[0]
    await refused(met, fourth, version="1.3.0", **HOME.keys(fourth, "1.3.0", COUNTER + 2))
    met.boot("power_on")
    assert await met.run(5, met.met)
    await refused(met, fourth, version="1.3.0", **HOME.keys(fourth, "1.3.0", COUNTER + 2))


async def test_the_key_before_cannot_name_another_one(met):
    met.go(**HOME.hand_over(NEXT))
    assert await met.run(5, lambda: met.status["key"] == NEXT.id)
    met.go(**HOME.hand_over(STRANGER))
    assert await met.run(5, lambda: "error" in met.status)
    assert met.status["key"] == NEXT.id


async def test_a_key_that_came_by_cable_ends_those_that_came_by_air(met):
    met.go(**HOME.hand_over(NEXT))
    assert await met.run(5, lambda: met.status["key"] == NEXT.id)
    met.config["signing_key"] = STRANGER.modulus
    met.boot("power_on")
    assert await met.run(5, met.met)
    assert met.status["key"] == STRANGER.id
    image = h.bundle("1.1.0")[0]
    await refused(met, image, **NEXT.keys(image))


async def test_a_torn_key_file_leaves_the_key_of_the_cable(met):
    met.write("signing.json", b'{"cable": "')
    met.boot("power_on")
    assert await met.run(5, met.met)
    assert met.status["key"] == HOME.id


async def test_a_board_without_a_key_takes_none_by_air(house):
    assert await house.run(5, house.met)
    house.go(**HOME.hand_over(NEXT))
    await house.run(2)
    assert "signing.json" not in house.files("")
    assert house.status["signing"] is False


async def test_the_status_of_a_signing_node_fits_its_message(met):
    await updated(met, "1.1.0", **HOME.keys(h.bundle("1.1.0")[0]))
    for package in met.heard:
        assert len(package["body"].encode()) <= 2048
    assert json.loads(met.heard[-1]["body"])["signing"] is True
