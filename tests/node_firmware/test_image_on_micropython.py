"""The shipped node inside an esp-image, on MicroPython, in its own process, with the bootloader beneath it."""

import hashlib
import random
from contextlib import AsyncExitStack

import pytest

from painlessmesh.ota_sender import Offer
from simulator import esp_image, firmware
from tests.node_firmware.test_on_micropython import HEAP, Gateway, board_in

pytestmark = pytest.mark.long

# The fake of a flash chip takes 14 KiB that an ESP32 has in C, and a frozen application takes no heap there at all.
IMAGE_HEAP = "256k"


class ImageGateway(Gateway):
    kind = "esp-image"

    async def offer(self, image, version="1.1.0"):
        await self.until(lambda _status: self._greeted(), 30)
        self.sender.withdraw("pir", "ESP32-MPY")
        self.image = image
        offer = Offer("pir", "ESP32-MPY", hashlib.md5(image).hexdigest(), len(image))
        self.sender.offer(offer)
        self.sender.add_target(offer, self.board.node_id)
        more = (
            ("size", len(image)),
            ("sha256", hashlib.sha256(image).hexdigest()),
            ("kind", self.kind),
            ("version", version),
        )
        known = self.sender.announcement(self.board.node_id)
        self.mesh.send(self._node().sign(known + more))
        return offer.md5

    async def update(self, image, version="1.1.0"):
        md5 = await self.offer(image, version)
        await self.until(lambda status: status["phase"] == "ready", 60)
        self.commit(md5)

    def settled(self, version):
        return self.until(
            lambda status: status["version"] == version and status["phase"] == "idle", 60
        )


@pytest.fixture
async def opened(tmp_path):
    """Opens a gateway to a board once that is in service."""
    async with AsyncExitStack() as ends:

        async def opened(put_into_service, heap=HEAP):
            board = ends.enter_context(board_in(tmp_path, heap))
            put_into_service(board)
            gateway = ImageGateway(board)
            ends.push_async_callback(board.stop)
            ends.push_async_callback(gateway.close)
            await board.start()
            gateway.open()
            return gateway

        yield opened


def with_image(board):
    image = esp_image.application("pir", "1.0.0")
    firmware.put_image_into_service(board.folder, image)


async def test_a_node_in_an_image_takes_the_next_one_and_proves_it(opened):
    gateway = await opened(with_image, IMAGE_HEAP)
    before = await gateway.settled("1.0.0")
    assert (before["kind"], before["slot"]) == ("esp-image", "0")
    first = esp_image.application("pir", "1.0.0")
    assert before["proof"] == hashlib.sha256(first).hexdigest()
    image = firmware.image_with_new_behaviour("pir", "1.1.0", random.randbytes(100_000))
    await gateway.update(image)
    after = await gateway.settled("1.1.0")
    assert after["proof"] == hashlib.sha256(image).hexdigest()
    assert after["slot"] == "1"
    assert after["last"]["outcome"] == "confirmed"
    assert after["other"] == {"proof": before["proof"], "version": "1.0.0"}
    assert gateway.board.pin(firmware.LIT_BY_NEW_VERSION) == 1


async def test_an_image_that_raises_comes_back_on_the_old_one_with_the_reason(opened):
    gateway = await opened(with_image, IMAGE_HEAP)
    await gateway.settled("1.0.0")
    await gateway.update(firmware.image_that_raises("pir", "1.1.0", "no such sensor"))
    after = await gateway.until(
        lambda status: status.get("last", {}).get("outcome") == "refused", 60
    )
    assert after["version"] == "1.0.0"
    assert "no such sensor" in after["last"]["reason"]


async def test_a_power_cut_in_the_trial_of_a_good_image_only_starts_it_again(opened):
    gateway = await opened(with_image, IMAGE_HEAP)
    await gateway.settled("1.0.0")
    image = firmware.image_with_new_behaviour("pir", "1.1.0")
    gateway.board.press(firmware.LIT_BY_NEW_VERSION, 0)
    await gateway.update(image)
    for _ in range(2):
        said = len(gateway.board.said())
        await gateway.board.wait_until_said("from ota_1", 30, said)
        await gateway.board.power_cut()
    after = await gateway.settled("1.1.0")
    assert after["last"]["outcome"] == "confirmed"
    assert after["proof"] == hashlib.sha256(image).hexdigest()


async def test_a_node_that_runs_a_bundle_takes_an_image_into_its_second_partition(opened):
    def with_bundle(board):
        firmware.put_into_service(board.flash, firmware.current("pir", "1.0.0"))
        stock = esp_image.build(b"no application in here")
        firmware.partitions.solder_on(board.parts, stock)

    gateway = await opened(with_bundle, IMAGE_HEAP)
    before = await gateway.settled("1.0.0")
    assert (before["kind"], before["slot"]) == ("app-bundle", "a")
    await gateway.update(firmware.image_with_new_behaviour("pir", "1.1.0"))
    after = await gateway.settled("1.1.0")
    assert (after["kind"], after["last"]["outcome"]) == ("esp-image", "confirmed")
    assert "other" not in after
    gateway.kind = "app-bundle"
    await gateway.offer(firmware.current("pir", "1.2.0"), "1.2.0")
    refused = await gateway.until(lambda status: "error" in status)
    assert refused["error"]["code"] == "kind"


async def test_a_board_with_one_partition_says_what_to_flash_once(opened):
    def with_bundle(board):
        firmware.put_into_service(board.flash, firmware.current("pir", "1.0.0"))

    gateway = await opened(with_bundle)
    await gateway.offer(firmware.image_with_new_behaviour("pir", "1.1.0"))
    refused = await gateway.until(lambda status: "error" in status)
    assert refused["error"]["code"] == "kind"
    assert "ESP32_GENERIC-OTA" in refused["error"]["reason"]
    assert len(refused["error"]["reason"]) <= 120
