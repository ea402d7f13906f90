"""Wrong bytes of every kind reach a node: it refuses before it commits, and Home Assistant says why in the node's own words.

Home Assistant's engine lists the job, the gateway's bookkeeping turns its list into the announcement and the node's status into its
report; all three are the shipped ones. Signatures are tests/node_firmware/test_signed_rollout.py's.
"""

import pytest

from custom_components.mesh_ota.jobs.reports import read_progress
from device.image import ImageError
from device.incoming import Incoming
from gateway.delivery import Delivery, Job
from tests.device import boards, image_boards, made_bundles as made, made_images, rollouts
from tests.mesh_ota.house import GATEWAY, HALL

PART = 1024


def changed(content, at):
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def bundle(**changes):
    return made.bundle(**({"version": "1.1.0"} | changes))


BUNDLE, IMAGE = boards.NEW, image_boards.NEW
MANY = {f"n/{number:03d}": b"small" for number in range(150)}  # each takes a block of its own

# name: (code, what arrives, what Home Assistant's library has, or changes to what it says of what arrives)
BUNDLES = {
    "flipped": ("md5", changed(BUNDLE, 3000), BUNDLE),
    "flipped, and so stored": ("bundle", changed(BUNDLE, 3000), {}),
    "truncated": ("size", BUNDLE[:-1536], BUNDLE),
    "truncated, and so stored": ("bundle", BUNDLE[:-2048], {}),
    "padded": (
        "md5",
        BUNDLE[:1000] + bytes(512) + BUNDLE[1000:],
        BUNDLE,
    ),  # at its end nobody asks for it
    "padded, and so stored": ("bundle", BUNDLE + b"\x01" * 512, {}),
    "for another hardware": ("hardware", bundle(hardware="ESP32"), {}),
    "for another role": ("role", bundle(node_type="led"), {}),
    "of another version": ("bundle", bundle(version="1.2.0"), {}),
    "for a newer MicroPython": ("micropython", bundle(micropython="99.1"), {}),
    "an esp-image": ("bundle", IMAGE, {}),
    "a file for the cable": ("bundle", made_images.combined(IMAGE), {}),
    "wrong MD5, right length": ("md5", BUNDLE, {"md5_hash": "0" * 32}),
    "right MD5, wrong SHA-256": ("sha256", BUNDLE, {"sha256": "0" * 64}),
    "larger than the flash": ("space", bundle(files={"node/big.bin": bytes(500_000)}), {}),
    "larger than the slot once unpacked": ("space", bundle(files=MANY), {}),
    "a name that climbs out": ("bundle", bundle(files={"../boot.py": b"x"}), {}),
}
IMAGES = {
    "flipped": ("md5", changed(IMAGE, 9000), IMAGE),
    "flipped, and so stored": ("image", changed(IMAGE, 9000), {}),
    "truncated": ("size", IMAGE[:-500], IMAGE),
    "truncated, and so stored": ("image", IMAGE[:20000], {}),
    "padded": ("size", IMAGE + bytes(16), IMAGE),
    "padded, and so stored": ("image", IMAGE + bytes(16), {}),
    "for another chip": ("hardware", made_images.image(chip=9), {}),
    "for another role": ("role", made_images.image(mark=b"mesh-ota-image:led:1.1.0;"), {}),
    "of another version": ("role", made_images.image("1.2.0"), {}),
    "an app-bundle": ("image", BUNDLE, {}),
    "a file for the cable": ("image", made_images.combined(IMAGE)[:65000], {}),
    "wrong MD5, right length": ("md5", IMAGE, {"md5_hash": "0" * 32}),
    "right MD5, wrong SHA-256": ("sha256", IMAGE, {"sha256": "0" * 64}),
    "larger than the partition": ("space", made_images.image(size=70_000), {}),
}
CASES = [
    *[(rollouts.Bundles, name, *case) for name, case in BUNDLES.items()],
    *[(rollouts.Images, name, *case) for name, case in IMAGES.items()],
]


def row_of(kind, content, stored):
    """What the library says of the firmware."""
    if isinstance(stored, bytes):
        return kind.image_of(stored)
    return kind.image_of(content, **stored)


class Gateway:
    """What the gateway makes of Home Assistant's list for the node, and of the node's words for Home Assistant."""

    def __init__(self, house):
        self.house = house
        (listed,) = house.engine.pending(GATEWAY).jobs
        self.job = Job(listed)
        self.delivery = Delivery(self.job, int(HALL), listed["targets"][0]["attempt"], 0)
        self.delivery.told_of_it(0)

    def announcement(self):
        offer = self.job.offer
        said = {"md5": offer.md5, "noPart": offer.parts, "role": offer.role}
        return said | dict(self.job.signed_keys())

    def heard(self, **status):
        self.delivery.heard(status, 0)
        self.house.engine.progress(GATEWAY, read_progress(self.delivery.entry()), self.house.now)


def take(board, announcement, content):
    """All that a node does before the commit."""
    incoming = getattr(board, "incoming", None) or Incoming(files=board.slots.files)
    try:
        for number in range(incoming.begin(announcement, board.slots.room()), incoming.parts):
            incoming.write(number, memoryview(content)[number * PART : (number + 1) * PART])
        board.slots.install(incoming, "pir", made.MICROPYTHON)
    except ImageError as error:
        incoming.discard()
        return error.code, error.reason
    return None


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0].__name__}: {case[1]}")
def case(request):
    return request.param


def test_wrong_bytes_are_refused_with_a_reason_that_reaches_home_assistant(case):
    kind, _name, code, content, stored = case
    before = kind.boards.in_service()
    before.flash.capacity = 600_000
    rollout = rollouts.Rollout(kind, before, image=row_of(kind, content, stored))
    gateway = Gateway(rollout.house)
    gateway.heard(phase="downloading", md5=gateway.job.md5, boot=rollout.board.slots.boot)
    said = take(rollout.board, gateway.announcement(), content)
    assert said is not None, "it was taken"
    gateway.heard(
        phase="idle",
        boot=rollout.board.slots.boot,
        error={"md5": gateway.job.md5, "code": said[0], "reason": said[1]},
    )
    assert (rollout.row.status, rollout.row.reason) == ("failed", code)
    assert rollout.row.error_message == said[1]
    assert len(said[1]) > 20
    assert rollout.board.boot("power_on") == "1.0.0"
    assert rollout.board.slots.damaged is None
    good = rollouts.Rollout(kind, rollout.board)
    good.play()
    good.ended_right()
