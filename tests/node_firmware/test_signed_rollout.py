"""Signed firmware, a changed key and the way back, through the gateway's shipped distributor to the shipped node."""

import hashlib

import house as h
import pytest
from signers import COUNTER, HOME, NEXT, STRANGER

from gateway.blocks import Blocks
from gateway.distributor import Distributor
from gateway.serving import Serving
from node import push_button


class Rollout(h.House):
    """A house whose gateway works on a pending list."""

    def power_gateway(self, nonce=h.NONCE):
        super().power_gateway(nonce)
        self.blocks = Blocks()
        self.distributor = Distributor(
            self.gateway, self.contact, Serving(self.gateway, self.blocks)
        )
        self.taken = self.contact.on_status
        self.contact.on_status = self._heard
        self.distributor.on_want = lambda: None

    def _heard(self, node, status, now):
        self.statuses.append(status)
        self.taken(node, status, now)

    def _push(self):
        self.distributor.tick(self.now)
        self.distributor.still_listed(self.now)
        wanted = self.blocks.next_wanted()
        while wanted is not None:
            content = self.image[wanted[1] : wanted[1] + 4096]
            self.blocks.claim()[: len(content)] = content
            self.blocks.filled(wanted, len(content))
            self.distributor.block_arrived(self.now)
            wanted = self.blocks.next_wanted()

    def list(self, image=b"", **changes):
        """One job for the node in the pending list."""
        self.image = image
        digest = hashlib.sha256(image).hexdigest()
        job = {
            "id": 3,
            "kind": "app-bundle",
            "runtime": "micropython",
            "role": "watcher",
            "hardware": "ESP32-MPY",
            "version": "1.1.0",
            "md5": hashlib.md5(image).hexdigest(),
            "sha256": digest,
            "proof": digest,
            "size": len(image),
            "num_parts": -(-len(image) // 1024),
            "force": False,
            "mode": "single",
            "targets": [{"node_id": str(h.NODE), "attempt": 1}],
            "counter": 0,
            "sig": "",
        } | changes
        job.setdefault("firmware_id", job["id"])
        job["token"] = "4f1d2c3b5a69788" + str(job["id"])
        self.distributor.listed([job], self.now)

    def flip(self, proof):
        """The order to go back, as Home Assistant lists it."""
        self.list(id=4, mode="flip", md5=proof[:32], proof=proof, sha256=proof, firmware_id=0)

    @property
    def row(self):
        (delivery,) = self.distributor._serving.deliveries
        return delivery.entry()

    async def until_row(self, status, seconds=40):
        return await self.run(seconds, lambda: self.row["status"] == status)

    async def restarted(self):
        assert await self.until_row("restarting")
        assert await self.run(2, self.restarting)
        self.boot()
        assert await self.run(40, lambda: self.met() and self.status["phase"] == "idle")


@pytest.fixture
async def home(tmp_path):
    """A node with the key of HOME."""
    house = Rollout(tmp_path, signing_key=HOME.modulus)
    house.boot("power_on")
    assert await house.run(5, house.met)
    yield house
    for task in house.tasks:
        task.cancel()


async def test_a_signed_job_runs_to_its_confirmation(home):
    image, proof = h.bundle("1.1.0")
    home.list(image, **HOME.keys(image))
    await home.restarted()
    assert home.status["proof"] == proof
    assert home.status["floor"] == COUNTER


def spoilt(image):
    """Lists that must be refused."""
    other = h.bundle("1.1.0", {"node/app.py": b"other"})[0]
    return {
        "unsigned": {},
        "signed by a stranger": STRANGER.keys(image),
        "the signature of another image": HOME.keys(other),
        "signed for another type": HOME.keys(image, role="led"),
        "signed for another hardware": HOME.keys(image, hardware="ESP32"),
        "signed as another version": HOME.keys(image, "9.9.9"),
        "another counter": HOME.keys(image) | {"counter": COUNTER + 1},
        "a downgrade for another node": HOME.downgrade(image, "1.1.0", COUNTER, 1, h.GATEWAY),
        "no signature at all": {"counter": COUNTER, "sig": "AAAA"},
    }


@pytest.mark.parametrize("name", list(spoilt(b"")))
async def test_a_job_that_the_node_refuses_fails_with_its_sentence_and_the_next_works(home, name):
    image, proof = h.bundle("1.1.0")
    home.list(image, **spoilt(image)[name])
    assert await home.until_row("failed")
    assert home.row["reason"] == "signature"
    assert home.row["error_message"].endswith(".")
    assert home.status["proof"] == home.proof_of_first
    home.list(image, id=4, **HOME.keys(image))
    await home.restarted()
    assert home.status["proof"] == proof


async def test_a_job_with_a_replayed_signature_fails(home):
    old, _ = h.bundle("1.1.0")
    new, _ = h.bundle("1.2.0")
    home.list(new, version="1.2.0", **HOME.keys(new, "1.2.0", COUNTER + 1))
    await home.restarted()
    home.list(old, id=4, **HOME.keys(old))
    assert await home.until_row("failed")
    assert "signed before" in home.row["error_message"]


async def test_a_signed_downgrade_goes_through(home):
    old, proof = h.bundle("1.1.0")
    new, _ = h.bundle("1.2.0")
    home.list(new, version="1.2.0", **HOME.keys(new, "1.2.0", COUNTER + 1))
    await home.restarted()
    home.list(old, id=4, **HOME.downgrade(old, "1.1.0", COUNTER + 2, COUNTER))
    await home.restarted()
    assert home.status["proof"] == proof
    assert home.status["floor"] == COUNTER


async def test_a_signature_that_comes_with_a_later_list_is_used(home):
    """Signing was turned on while the job was open, and before the node could take it."""
    image, proof = h.bundle("1.1.0")
    home.unplug()
    home.list(image)
    home.list(image, **HOME.keys(image))
    home.boot("hard")
    await home.restarted()
    assert home.status["proof"] == proof


# ---- the next key


async def test_the_node_gets_the_next_key_before_what_it_has_signed(home):
    change = HOME.hand_over(NEXT)
    image, proof = h.bundle("1.1.0")
    home.contact.take_keys([{"from": HOME.id, "modulus": NEXT.modulus, "sig": change["sig"]}])
    home.list(image, **NEXT.keys(image))
    await home.restarted()
    assert home.status["proof"] == proof
    assert home.status["key"] == NEXT.id


async def test_a_key_that_a_stranger_signed_changes_nothing(home):
    change = STRANGER.hand_over(STRANGER)
    home.contact.take_keys([{"from": HOME.id, "modulus": STRANGER.modulus, "sig": change["sig"]}])
    assert await home.run(10, lambda: home.status.get("error", {}).get("code") == "signature")
    assert home.status["key"] == HOME.id


async def test_a_node_without_signatures_is_not_kept_waiting_by_a_change_of_key(tmp_path):
    house = Rollout(tmp_path)
    house.boot("power_on")
    assert await house.run(5, house.met)
    house.contact.take_keys([{"from": HOME.id, "modulus": NEXT.modulus, "sig": "AAAA"}])
    image, proof = h.bundle("1.1.0")
    house.list(image, **NEXT.keys(image))
    await house.restarted()
    assert house.status["proof"] == proof
    for task in house.tasks:
        task.cancel()


# ---- the way back


async def test_going_back_runs_through_restart_and_trial_without_a_transfer(home):
    image, _ = h.bundle("1.1.0")
    home.list(image, **HOME.keys(image))
    await home.restarted()
    home.requests.clear()
    home.list(b"", id=4, mode="flip", md5="0" * 32, proof=home.proof_of_first, firmware_id=0)
    assert await home.until_row("restarting")
    assert home.row["boot"] == home.status["boot"]
    await home.restarted()
    assert home.status["version"] == "1.0.0"
    assert home.status["last"]["tag"] == "4f1d2c3b5a697884-1"
    assert home.status["last"]["outcome"] == "confirmed"
    assert home.status["floor"] == COUNTER
    assert home.requests == []


async def test_an_order_to_go_back_that_was_lost_is_said_again(home):
    image, _ = h.bundle("1.1.0")
    home.list(image, **HOME.keys(image))
    await home.restarted()
    home.unplug()
    home.flip(home.proof_of_first)
    await home.run(5)
    home.boot("power_on")
    await home.restarted()
    assert home.status["version"] == "1.0.0"


@pytest.mark.parametrize("proof", ["0" * 64, "", "x"])
async def test_going_back_to_what_the_slot_does_not_hold_fails_with_a_sentence(home, proof):
    home.list(mode="flip", md5="0" * 32, proof=proof, firmware_id=0)
    assert await home.until_row("failed")
    assert "does not hold that firmware" in home.row["error_message"]
    assert home.status["phase"] == "idle"


async def test_going_back_is_refused_to_what_failed_its_trial_here(home):
    image, proof = h.bundle("1.1.0")
    home.list(image, **HOME.keys(image))
    assert await home.until_row("restarting")
    assert await home.run(2, home.restarting)
    home.boot()
    home.node.slots.refuse("It failed.")
    home.boot()
    assert await home.run(5, home.met)
    home.list(b"", id=4, mode="flip", md5=proof[:32], proof=proof, firmware_id=0)
    assert await home.until_row("failed")
    assert home.row["reason"] == "refused"


async def test_a_long_press_goes_back_through_the_same_trial(tmp_path):
    house = Rollout(tmp_path)
    house.boot("power_on")
    assert await house.run(5, house.met)
    image, _ = h.bundle("1.1.0")
    house.list(image)
    await house.restarted()
    push_button.way_back(house.node.slots, house.node.updater)()
    assert await house.run(2, house.restarting)
    house.boot()
    assert await house.until_phase("idle")
    assert house.status["version"] == "1.0.0"
    assert house.status["last"]["outcome"] == "confirmed"
    for task in house.tasks:
        task.cancel()


async def test_a_long_press_with_nothing_to_go_back_to_does_nothing(home):
    push_button.way_back(home.node.slots, home.node.updater)()
    await home.run(2)
    assert not home.restarting()
    assert "error" not in home.status
