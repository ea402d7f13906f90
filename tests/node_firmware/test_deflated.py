"""An image that crosses the mesh deflated: taken, proved, resumed, and refused when it is not what was announced."""

import hashlib

import house as h
import pytest

from custom_components.mesh_ota.firmware.deflate import deflated
from painlessmesh.protocol import encode


@pytest.fixture
async def met(house):
    """The node and its gateway know each other."""
    assert await house.run(5, house.met)
    return house


def made(version="1.1.0"):
    """(image, its proof, the same deflated); 56 and 30 KB."""
    noise = [hashlib.sha256(b"%d" % number).hexdigest().encode() for number in range(800)]
    files = {"node/app.py": b"# " + version.encode(), "node/data.txt": b"".join(noise)}
    image, proof = h.bundle(version, files)
    return image, proof, deflated(image)


async def test_a_node_says_that_it_takes_them(met):
    assert met.status["deflate"] is True


@pytest.mark.parametrize("ahead", [0, 32])
async def test_a_deflated_image_is_installed_and_proved(met, ahead):
    image, proof, carried = made()
    met.ahead = ahead
    await met.update(image, carried=carried, seconds=60)
    assert await met.until_phase("idle")
    assert met.status["proof"] == proof
    assert met.status["last"]["outcome"] == "confirmed"


async def test_fewer_parts_are_asked_for_than_the_image_has(met):
    image, _, carried = made()
    met.offer(image, carried=carried)
    assert await met.until_phase("ready", 60)
    assert met.status["parts"] == -(-len(carried) // 1024) < len(image) / 1024


async def test_a_transfer_goes_on_where_the_restart_of_the_node_cut_it(met):
    image, proof, carried = made()
    met.lost = lambda package: package["partNo"] >= 20
    met.offer(image, carried=carried)
    assert await met.run(20, lambda: met.requests[-1:] == [20])
    met.boot()
    met.lost = lambda package: False
    assert await met.run(10, met.met)
    met.requests.clear()
    await met.update(image, carried=carried, seconds=60)
    assert met.requests[0] == 16
    assert await met.until_phase("idle")
    assert met.status["proof"] == proof


@pytest.mark.parametrize(
    "spoil",
    [
        lambda carried: carried[:500] + bytes([carried[500] ^ 0x55]) + carried[501:],
        lambda carried: carried[:-1],
        lambda carried: bytes(len(carried)),
        lambda carried: deflated(made("1.2.0")[0]),
    ],
    ids=["a wrong byte", "cut off", "zeros", "another image"],
)
async def test_what_is_not_the_announced_image_is_refused_and_the_next_is_taken(met, spoil):
    image, proof, carried = made()
    met.offer(image, carried=spoil(carried))
    assert await met.run(60, lambda: "error" in met.status)
    assert met.status["error"]["code"] in ("md5", "size", "sha256")
    assert met.status["phase"] == "idle"
    await met.update(image, carried=carried, seconds=60)
    assert await met.until_phase("idle")
    assert met.status["proof"] == proof


async def test_a_member_that_takes_the_word_out_of_the_announcement_changes_nothing(met):
    image, _, carried = made()
    met.lost = lambda package: True
    md5 = met.offer(image, carried=carried)
    assert await met.until_phase("downloading")
    met.go(do="cancel", md5=md5)
    assert await met.until_phase("idle")
    frame = bytes(encode(met.announcement))
    word = b',"deflate":%d' % len(carried)
    assert word in frame
    met.play(frame.replace(word, b""))
    await met.run(1)
    assert met.phase == "idle" and "error" not in met.status
    met.play(frame)
    assert await met.until_phase("downloading"), "not even the genuine one was taken"
