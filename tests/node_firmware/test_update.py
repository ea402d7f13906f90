"""One update of one node, from the announcement to the proof, and everything that may come between."""

import hashlib

import house as h
import pytest

ORDER = [
    "protocol",
    "type",
    "name",
    "hardware",
    "chip",
    "kind",
    "version",
    "proof",
    "slot",
    "other",
    "boot",
    "reset",
    "nonce",
    "heard",
    "phase",
    "md5",
    "part",
    "parts",
    "last",
    "error",
    "heap",
    "flash",
    "rssi",
    "up",
    "mpy",
    "signing",
    "key",
    "floor",
    "deflate",
    "damaged",
]


@pytest.fixture
async def met(house):
    """The node and its gateway know each other."""
    assert await house.run(5, house.met)
    return house


async def test_an_update_runs_from_announcement_to_proof(met):
    image, proof = h.bundle("1.1.0")
    before = met.status
    assert before["version"] == "1.0.0"
    assert before["phase"] == "idle"
    assert before["proof"] == met.proof_of_first
    assert "last" not in before
    assert "other" not in before
    await met.update(image)
    assert await met.until_phase("trial")
    assert met.status["last"]["outcome"] == "trial"
    assert await met.until_phase("idle")
    after = met.status
    assert after["proof"] == proof
    assert after["version"] == "1.1.0"
    assert after["slot"] == "b"
    assert after["boot"] > before["boot"]
    assert after["last"] == {
        "tag": "4f1d-1",
        "proof": proof,
        "outcome": "confirmed",
        "reason": "",
    }
    assert after["other"] == {"proof": met.proof_of_first, "version": "1.0.0"}


async def test_the_node_says_what_it_gets_while_it_gets_it(met):
    image, _ = h.bundle("1.1.0")
    md5 = met.offer(image)
    assert await met.until_phase("downloading")
    assert met.status["md5"] == md5
    assert met.status["part"] == 0
    assert met.status["parts"] == -(-len(image) // 1024)
    assert await met.until_phase("ready")
    assert met.status["part"] == met.status["parts"]
    phases = [status["phase"] for status in met.statuses if status.get("md5") == md5]
    assert phases == ["downloading", "verifying", "ready"]


async def test_a_status_has_its_keys_in_the_documented_order_and_no_null(met):
    await met.update(h.bundle("1.1.0")[0])
    assert await met.until_phase("idle")
    for package in met.heard:
        assert "null" not in package["body"]
        keys = list(__import__("json").loads(package["body"]))
        assert keys == [key for key in ORDER if key in keys]
        assert len(package["body"].encode()) <= 2048


async def test_nothing_is_restarted_before_the_gateway_says_commit(met):
    met.offer(h.bundle("1.1.0")[0])
    assert await met.until_phase("ready")
    await met.run(300)
    assert met.phase == "ready"
    assert not met.restarting()


@pytest.mark.parametrize(
    "wrong",
    [
        {"md5": "0" * 32, "tag": "1"},
        {"md5": None, "tag": "1"},
        {"tag": ""},
        {"tag": "x" * 25},
        {"tag": "../a"},
        {"tag": 7},
        {"do": "COMMIT", "tag": "1"},
        {"do": ["commit"], "tag": "1"},
    ],
)
async def test_a_commit_that_does_not_name_the_image_and_its_tag_does_nothing(met, wrong):
    md5 = met.offer(h.bundle("1.1.0")[0])
    assert await met.until_phase("ready")
    met.go(**({"do": "commit", "md5": md5} | wrong))
    await met.run(2)
    assert met.phase == "ready"


async def test_a_commit_in_the_middle_of_a_transfer_does_nothing(met):
    met.lost = lambda package: package["partNo"] == 3
    md5 = met.offer(h.bundle("1.1.0")[0])
    assert await met.until_phase("downloading")
    met.go(do="commit", md5=md5, tag="1")
    await met.run(1)
    assert met.phase == "downloading"


async def test_cancel_in_mid_transfer_leaves_nothing(met):
    met.lost = lambda package: package["partNo"] == 3
    md5 = met.offer(h.bundle("1.1.0")[0])
    assert await met.until_phase("downloading")
    await met.run(1)
    met.go(do="cancel", md5=md5)
    assert await met.until_phase("idle", 2)
    assert "md5" not in met.status
    assert met.files("incoming") == []
    asked = len(met.requests)
    await met.run(20)
    assert len(met.requests) == asked


async def test_cancel_works_until_the_commit_and_the_next_update_goes_through(met):
    image, proof = h.bundle("1.1.0")
    md5 = met.offer(image)
    assert await met.until_phase("ready")
    met.go(do="cancel", md5=md5)
    assert await met.until_phase("idle", 2)
    await met.update(image)
    assert await met.run(5, met.met)
    met.go(do="cancel", md5=md5)
    assert await met.until_phase("idle")
    assert met.status["proof"] == proof


async def test_cancel_of_another_image_does_nothing(met):
    met.offer(h.bundle("1.1.0")[0])
    assert await met.until_phase("ready")
    met.go(do="cancel", md5="0" * 32)
    await met.run(2)
    assert met.phase == "ready"


async def test_a_second_announcement_does_not_throw_away_what_has_arrived(met):
    met.lost = lambda package: package["partNo"] == 3
    md5 = met.offer(h.bundle("1.1.0")[0])
    assert await met.until_phase("downloading")
    met.sender.withdraw("watcher", "ESP32-MPY")
    met.offer(h.bundle("1.2.0")[0], version="1.2.0")
    await met.run(1)
    assert met.node.updater.md5 == md5


async def test_a_transfer_goes_on_where_the_restart_of_the_node_cut_it(met):
    files = {"node/app.py": bytes(40000), "roles/watcher.py": b"2"}
    image, proof = h.bundle("1.1.0", files)
    met.lost = lambda package: package["partNo"] >= 20
    met.offer(image)
    assert await met.run(10, lambda: met.node.updater.part == 20)
    met.boot("power_on")
    assert await met.run(5, met.met)
    assert met.phase == "idle"
    met.lost = lambda _package: False
    met.requests.clear()
    await met.update(image)
    assert met.requests[0] == 16  # segments of 16 parts survive whole
    assert await met.until_phase("idle")
    assert met.status["proof"] == proof


async def test_a_node_that_gets_no_answer_gives_up_and_goes_on_at_the_next_announcement(met):
    image, _ = h.bundle("1.1.0")
    met.lost = lambda package: package["partNo"] >= 2
    met.offer(image)
    assert await met.until_phase("downloading")
    assert await met.until_phase("idle", 60)
    assert met.requests.count(2) == 10
    met.lost = lambda _package: False
    met.requests.clear()
    met.offer(image)
    assert await met.until_phase("ready")
    assert met.requests[0] == 2


async def test_the_gateway_may_restart_in_mid_transfer(met):
    image, _ = h.bundle("1.1.0")
    met.lost = lambda package: package["partNo"] >= 2
    met.offer(image)
    await met.run(2)
    met.unplug()
    met.power_gateway(nonce="00112233445566aa")
    met.plug()
    met.lost = lambda _package: False
    assert await met.run(10, lambda: met.contact.node(h.NODE) and met.side.node_nonce)
    md5 = met.offer(image)
    assert await met.until_phase("ready")
    met.go(do="commit", md5=md5, tag="2")
    assert await met.until_phase("restarting")


async def test_an_image_that_runs_already_is_answered_with_a_status_alone(met):
    image, _ = h.bundle("1.1.0")
    await met.update(image)
    assert await met.until_phase("idle")
    await met.run(3)
    said = len(met.statuses)
    met.requests.clear()
    met.offer(image)
    await met.run(1)
    assert len(met.statuses) == said + 1
    assert met.requests == []


async def test_force_installs_what_runs_already_once_more(met):
    image, proof = h.bundle("1.1.0")
    await met.update(image)
    assert await met.until_phase("idle")
    await met.update(image, forced=True)
    assert await met.until_phase("idle")
    assert (met.status["proof"], met.status["slot"]) == (proof, "a")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"role": "pir"}, "role"),
        ({"hardware": "ESP32"}, "hardware"),
        ({"kind": "esp-image"}, "kind"),
        ({"size": 5}, "size"),
    ],
)
async def test_an_image_for_another_node_is_refused_with_the_reason(met, changes, code):
    image, _ = h.bundle("1.1.0")
    md5 = met.offer(image, **changes)
    assert await met.run(2, lambda: "error" in met.status)
    assert met.status["error"]["code"] == code
    assert met.status["error"]["md5"] == md5
    assert len(met.status["error"]["reason"]) > 10
    assert met.status["phase"] == "idle"
    assert met.requests == []


async def test_what_arrives_must_have_the_announced_sha256(met):
    image, _ = h.bundle("1.1.0")
    met.offer(image, sha256=hashlib.sha256(b"another").hexdigest())
    assert await met.run(10, lambda: "error" in met.status)
    assert met.status["error"]["code"] == "sha256"
    assert met.status["proof"] == met.proof_of_first


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (h.bundle("1.1.0", node_type="led")[0], "role"),
        (h.bundle("1.1.0", micropython="9.0.0")[0], "micropython"),
        (h.bundle("9.9.9")[0], "bundle"),
        (bytes(range(256)) * 40, "bundle"),
    ],
)
async def test_a_bundle_that_cannot_be_used_is_refused_and_the_next_good_one_works(
    met, image, code
):
    met.offer(image)
    assert await met.run(10, lambda: "error" in met.status)
    assert met.status["error"]["code"] == code
    assert met.status["phase"] == "idle"
    met.sender.withdraw("watcher", "ESP32-MPY")
    good, proof = h.bundle("1.1.0")
    await met.update(good)
    assert await met.until_phase("idle")
    assert met.status["proof"] == proof
    assert "error" not in met.status


async def test_a_full_filesystem_is_said_and_nothing_is_asked_for(met, monkeypatch):
    monkeypatch.setattr(met.node.slots, "room", lambda: 1000)
    met.offer(h.bundle("1.1.0")[0])
    assert await met.run(2, lambda: "error" in met.status)
    assert met.status["error"]["code"] == "space"
    assert met.requests == []


async def test_the_mesh_is_answered_while_an_image_is_checked(met):
    """Checking pauses after each buffer, so a node sync waits for one buffer, not for the image."""
    files = {"node/app.py": bytes(300_000), "roles/watcher.py": b""}
    met.offer(h.bundle("1.1.0", files)[0])
    assert await met.until_phase("verifying", 60)
    rounds = 0
    while met.phase == "verifying":
        await met.run(0.05)
        rounds += 1
    assert rounds > 150
    assert met.phase == "ready"


async def test_cancel_is_obeyed_while_an_image_is_checked(met):
    files = {"node/app.py": bytes(300_000), "roles/watcher.py": b""}
    image, proof = h.bundle("1.1.0", files)
    md5 = met.offer(image)
    assert await met.until_phase("verifying", 60)
    await met.run(5)
    met.go(do="cancel", md5=md5)
    assert await met.until_phase("idle", 2)
    await met.run(1)
    await met.update(image, seconds=60)
    assert await met.until_phase("idle")
    assert met.status["proof"] == proof


async def test_the_gateway_may_restart_a_node(met):
    met.go(do="restart")
    assert await met.until_phase("restarting")
    assert met.restarting()


async def test_a_flip_goes_back_without_a_transfer_and_through_a_trial(met):
    await met.update(h.bundle("1.1.0")[0])
    assert await met.until_phase("idle")
    met.requests.clear()
    met.go(do="flip", tag="ab-2", proof=met.status["other"]["proof"])
    assert await met.until_phase("restarting")
    met.boot()
    assert await met.until_phase("trial")
    assert await met.until_phase("idle")
    assert met.status["proof"] == met.proof_of_first
    assert met.status["last"]["outcome"] == "confirmed"
    assert met.status["last"]["tag"] == "ab-2"
    assert met.requests == []


async def test_a_flip_to_what_the_other_slot_does_not_hold_is_refused(met):
    await met.update(h.bundle("1.1.0")[0])
    assert await met.until_phase("idle")
    met.go(do="flip", tag="ab-2", proof="0" * 64)
    assert await met.run(2, lambda: "error" in met.status)
    assert met.phase == "idle"


async def test_a_damaged_file_changes_the_proof_and_is_named(met):
    met.flip_last_byte("a/node/app.py")
    met.boot("power_on")
    assert await met.run(5, lambda: met.statuses and "damaged" in met.status)
    assert met.status["damaged"] == "node/app.py"
    assert met.status["proof"] != met.proof_of_first
