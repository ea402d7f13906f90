"""A job that names the gateway itself, on a flash in memory: received, unpacked in a boot of its own, armed."""

import asyncio
import base64
import gc

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from home_assistant_side import job

from device.slot_state import SlotState
from device.slots import Slots
from gateway import gateway as whole, own_install, own_slot, own_update
from gateway.delivery import FAILED, RESTARTING, VERIFYING, Delivery, Job
from tests.device import boards, made_bundles as made
from tests.device.ram_flash import Flash, PowerCut

OWN = 1111111111
OLD = made.bundle(version="1.0.0", node_type="gateway")
NEW = made.bundle(version="1.1.0", node_type="gateway")
SECOND = 1_000_000


class Blocks:
    """All of the image is there, unless `missing`."""

    def __init__(self, image):
        self.image = image
        self.missing = False

    def part(self, _firmware_id, _size, number):
        return None if self.missing else memoryview(self.image)[number * 1024 : (number + 1) * 1024]


class Gateway:
    """Its flash over several boots; `update` is what this boot has loaded for the job."""

    node_id = OWN

    def __init__(self, monkeypatch, flash=None, **config):
        monkeypatch.setattr(own_update, "TELL_SECONDS", 0)
        self.flash = flash or Flash()
        if flash is None:
            boards.fill(self.flash.files(), "a", OLD)
            Slots(files=self.flash.files()).adopt("a", made.md5(OLD))
        self.config = config
        self.resets = 0
        self.boot()

    def boot(self):
        """As the loader and app do it: an order is carried out first, in a boot of its own."""
        self.board = boards.BoardInMemory(self.flash)
        version = self.board.boot()
        if self.flash.files().size(own_install.ORDER) >= 0:
            own_install.run(self.flash.files(), lambda: None)
            version = self.board.boot()
        files = self.flash.files()
        who = own_slot.facts(files, self.config.get("signing_key", ""))
        self.update = own_update.OwnUpdate(self, self.config, who, files, self.close)
        return version

    async def close(self):
        pass

    def reset(self):
        self.resets += 1

    def delivery(self, image=NEW, attempt=1, **changes):
        proof = made.proof(image)
        fields = {"role": "gateway", "proof": proof} | changes
        return Delivery(Job(job(image, [(OWN, attempt)], **fields)), OWN, attempt, 0)

    async def serve(self, delivery, image=NEW, beats=60):
        """Beat until the board restarts or the delivery fails."""
        before, blocks = self.resets, Blocks(image)
        for beat in range(beats):
            self.update.tick(delivery, blocks, beat * SECOND // 10)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            if self.resets > before or delivery.state == FAILED:
                return

    @property
    def trial(self):
        return SlotState(self.flash.files()).trial


@pytest.fixture(scope="module", autouse=True)
def quick_collector():
    """A board collects its garbage often; what pytest has loaded need not be looked through each time."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def gateway(monkeypatch):
    return Gateway(monkeypatch)


async def test_an_image_is_received_unpacked_armed_and_tried(gateway):
    delivery = gateway.delivery()
    await gateway.serve(delivery)
    assert (delivery.state, gateway.trial) == (VERIFYING, None)
    assert gateway.boot() == "1.0.0"
    again = gateway.delivery()
    await gateway.serve(again)
    assert again.state == RESTARTING
    assert again.entry()["boot"] == SlotState(gateway.flash.files()).boot
    assert gateway.boot() == "1.1.0"
    assert own_slot.facts(gateway.flash.files())["last"]["tag"] == again.tag


async def test_what_was_unpacked_for_one_attempt_is_armed_for_no_other(gateway):
    await gateway.serve(gateway.delivery())
    gateway.boot()
    other = gateway.delivery(attempt=2)
    await gateway.serve(other, beats=3)
    assert other.state != RESTARTING
    assert gateway.trial is None


async def test_nothing_is_armed_while_no_list_names_the_gateway(gateway):
    await gateway.serve(gateway.delivery())
    gateway.boot()
    assert gateway.trial is None
    assert gateway.boot() == "1.0.0"


async def test_a_restart_in_mid_transfer_goes_on_where_it_was(gateway):
    delivery, blocks = gateway.delivery(NEW), Blocks(NEW)
    blocks.missing = True
    for now in range(3):
        gateway.update.tick(delivery, blocks, now)
    assert delivery.state == "downloading"
    gateway.boot()
    await gateway.serve(gateway.delivery())
    assert gateway.flash.files().size(own_install.ORDER) > 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kind": "esp-image"}, "kind"),
        ({"role": "pir"}, "role"),
        ({"hardware": "ESP32"}, "role"),
        ({"size": 4_000_000, "num_parts": 3907}, "space"),
    ],
)
async def test_what_is_not_for_it_fails_before_the_first_part(gateway, changes, code):
    delivery = gateway.delivery(**changes)
    await gateway.serve(delivery)
    entry = delivery.entry()
    assert (entry["status"], entry["reason"], entry["current_part"]) == ("failed", code, 0)
    assert entry["error_message"].endswith(".")


async def test_bytes_that_are_not_the_announced_ones_fail_with_the_reason_and_the_next_works(
    gateway,
):
    spoilt = bytes([NEW[0] ^ 1]) + NEW[1:]
    await gateway.serve(gateway.delivery(), spoilt)
    gateway.boot()
    delivery = gateway.delivery()
    await gateway.serve(delivery)
    assert delivery.entry()["reason"] == "md5"
    for _ in range(2):
        await gateway.serve(gateway.delivery(attempt=2))
        version = gateway.boot()
    assert version == "1.1.0"


async def test_a_version_that_failed_its_trial_is_not_taken_again_unless_forced(gateway):
    for _ in range(2):
        await gateway.serve(gateway.delivery())
        gateway.boot()
    own_slot.refuse(gateway.flash.files(), "It raised.")
    assert gateway.boot() == "1.0.0"
    delivery = gateway.delivery(attempt=2)
    await gateway.serve(delivery)
    assert delivery.entry()["reason"] == "refused"
    forced = gateway.delivery(attempt=3, force=True)
    await gateway.serve(forced)
    assert forced.state == VERIFYING


async def test_a_flip_needs_no_image(gateway):
    for _ in range(2):
        await gateway.serve(gateway.delivery())
        gateway.boot()
    own_slot.confirm(gateway.flash.files())
    proof = made.proof(OLD)
    for _ in range(2):
        await gateway.serve(
            gateway.delivery(OLD, mode="flip", size=0, num_parts=0, proof=proof, attempt=2)
        )
        version = gateway.boot()
    assert version == "1.0.0"


async def test_a_boot_that_never_ends_its_check_is_given_up(gateway, monkeypatch):
    await gateway.serve(gateway.delivery())

    def dies(*_):
        raise MemoryError

    monkeypatch.setattr(own_install, "_proof", dies)
    for _ in range(own_install.MOST_TRIES):
        with pytest.raises(MemoryError):
            gateway.boot()
    assert gateway.boot() == "1.0.0"
    delivery = gateway.delivery()
    await gateway.serve(delivery)
    assert "restarted 3 times" in delivery.entry()["error_message"]


@pytest.mark.timeout(600)
async def test_a_power_cut_anywhere_leaves_a_gateway_that_ends_on_the_new_version(
    monkeypatch, full_counts
):
    """From the first part to the arming, at every flash operation (or a sample), before, in and behind it."""
    before, cuts, step = Gateway(monkeypatch).flash, 0, 1 if full_counts else 6
    for offset, way in enumerate(("absent", "torn", "complete")):
        at, cut = 1 + 2 * offset, True
        while cut:
            gateway = Gateway(monkeypatch, before.copy())
            gateway.flash.cut_at(at, way)
            try:
                await all_of_it(gateway)
                cut = False
            except PowerCut:
                cuts += 1
                at += step
            gateway.flash.switch_on()
            gateway.boot()
            assert gateway.board.slots.damaged is None
            await all_of_it(gateway)
            assert gateway.board.version() == "1.1.0"
    print("power cuts in the gateway's own update:", cuts)
    assert cuts > (180 if full_counts else 30)


async def all_of_it(gateway):
    for _ in range(4):
        if gateway.board.version() == "1.1.0":
            return
        await gateway.serve(gateway.delivery())
        gateway.boot()


class Home:
    """Home Assistant's key."""

    private = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    modulus = base64.b64encode(private.public_key().public_numbers().n.to_bytes(384)).decode()

    def sign(self, image, counter, role="gateway"):
        lines = ["mesh-ota firmware 1", role, "1.1.0", "ESP32-MPY", "app-bundle", str(len(image))]
        text = "\n".join([*lines, made.sha256(image), str(counter)]).encode()
        sig = self.private.sign(text, padding.PKCS1v15(), hashes.SHA256())
        return {"counter": counter, "sig": base64.b64encode(sig).decode()}


async def test_a_gateway_with_a_public_key_takes_what_is_signed_for_it_and_nothing_else(
    monkeypatch,
):
    home = Home()
    gateway = Gateway(monkeypatch, signing_key=home.modulus)
    for attempt, words in enumerate(
        ({}, home.sign(OLD, 7), home.sign(NEW, 7, role="pir"), home.sign(NEW, 7) | {"counter": 8}),
        2,
    ):
        delivery = gateway.delivery(attempt=attempt, **words)
        await gateway.serve(delivery)
        assert (delivery.entry()["reason"], delivery.part) == ("signature", 0)
    for _ in range(2):
        await gateway.serve(gateway.delivery(**home.sign(NEW, 7)))
        gateway.boot()
    assert own_slot.confirm(gateway.flash.files())["floor"] == 7
    gateway.boot()
    older = gateway.delivery(attempt=9, force=True, **home.sign(NEW, 6))
    await gateway.serve(older)
    assert "signed before the one confirmed here" in older.entry()["error_message"]


def test_an_order_without_an_image_is_a_reason_not_a_crash(gateway):
    files = gateway.flash.files()
    files.replace_object(own_install.ORDER, {"tag": "4f1d-1", "flip": "00" * 32})
    own_install.run(files, lambda: None)
    found = files.read_object(own_install.RESULT, 1024)
    assert (found["tag"], found["code"]) == ("4f1d-1", "bundle")


class ShortOfMemory:
    """What a gateway's beat needs for its own update, in a heap that has no room for that the first times."""

    update_ourselves = whole.Gateway._update_ourselves

    def __init__(self, monkeypatch, times):
        self.updating = None
        self.ticks = 0
        self.left = times
        self._short = self._own_after = 0
        self._blocks = None
        monkeypatch.setattr(whole, "forget", lambda _names: None)
        monkeypatch.setattr(own_update, "of", lambda _gateway: self)

    def tick(self, _delivery, _blocks, _now):
        self.left -= 1
        if self.left >= 0:
            raise MemoryError
        self.ticks += 1


async def test_where_memory_is_short_it_begins_once_more(gateway, monkeypatch):
    short, delivery = ShortOfMemory(monkeypatch, times=2), gateway.delivery()
    for second in range(3):
        short.update_ourselves(delivery, second * whole.SECOND)
        short.update_ourselves(delivery, second * whole.SECOND + 1)  # the pause before the next one
    assert short.left == 0
    short.update_ourselves(delivery, 3 * whole.SECOND)
    assert short.ticks == 1
    assert delivery.state != FAILED


async def test_where_memory_stays_short_it_fails_with_a_sentence(gateway, monkeypatch):
    short, delivery = ShortOfMemory(monkeypatch, times=100), gateway.delivery()
    for pause in range(whole.SHORT_MOST + 1):
        assert delivery.state != FAILED
        short.update_ourselves(delivery, whole.SECOND << pause)
    assert delivery.state == FAILED
    assert delivery.entry()["reason"] == "space"
    assert "too little memory" in delivery.entry()["error_message"]
