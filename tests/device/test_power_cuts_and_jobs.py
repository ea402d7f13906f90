"""The power goes at every flash operation of an update, and Home Assistant hears what the node says afterwards.

Slots, boot and trial are the shipped ones on a flash in memory, the job is in Home Assistant's own engine; between them
the test plays a gateway that never gives up. Whatever was cut: the job ends as the node ended.
"""

import pytest

from custom_components.mesh_ota.jobs.states import ENDED
from tests.device import boards, image_boards, made_bundles as made
from tests.device.power_cuts import WAYS
from tests.device.ram_flash import PowerCut
from tests.mesh_ota.house import HALL, House, firmware

TURNS = 8  # of a gateway that never gives up
REASON = "The self-test failed: no sensor."


class Bundles:
    """Nodes that run app-bundles."""

    boards = boards
    image = firmware(
        md5_hash=made.md5(boards.NEW),
        sha256=made.sha256(boards.NEW),
        proof=made.proof(boards.NEW),
        size_bytes=len(boards.NEW),
    )

    @staticmethod
    def said(slots):
        return {"kind": "app-bundle", "version": slots.manifest()["version"]}


class Images:
    """Nodes that run esp-images."""

    boards = image_boards
    image = firmware(
        kind="esp-image",
        hardware="ESP32",
        chip="esp32",
        md5_hash=made.md5(image_boards.NEW),
        sha256=made.sha256(image_boards.NEW),
        proof=made.sha256(image_boards.NEW),
        size_bytes=len(image_boards.NEW),
    )

    @staticmethod
    def said(slots):
        return {"kind": "esp-image", "images": True}


class Rollout:
    """One node and one job for it."""

    def __init__(self, kind, before, good):
        self.kind = kind
        self.good = good
        self.board = type(before)(before.flash.copy())
        self.board.boot("power_on")
        self.house = House()
        self.house.join(HALL, **self.status())
        self.job = self.house.create(kind.image, node_ids=[HALL])

    @property
    def row(self):
        return self.job.nodes[HALL]

    def status(self):
        slots = self.board.slots
        said = {"proof": slots.proof(), "boot": slots.boot, "last": slots.last}
        return said | self.kind.said(slots)

    def play(self):
        """Gateway and node do what they can, until the job has ended."""
        for _ in range(TURNS):
            self.house.say(HALL, **self.status())
            if self.job.status in ENDED:
                return
            if not self.board.slots.in_trial:
                self.update()
            elif self.good:
                self.board.slots.confirm()
            else:
                self.board.slots.refuse(REASON)
                self.board.boot()
        raise AssertionError(self.job.as_dict())

    def update(self):
        """Offered, taken, checked, committed, restarted; the gateway tells each step that the node lived to say."""
        self.house.progress(self.job, "downloading")
        self.board.receive(self.kind.boards.NEW)
        self.house.progress(self.job, "verifying")
        self.board.slots.commit(self.job.tag(self.row))
        self.house.progress(self.job, "restarting", boot=self.board.slots.boot)
        self.board.boot()

    def recover(self):
        self.board.flash.switch_on()
        self.board.boot("power_on")
        self.play()

    def ended_right(self):
        """As the node ended, so the job."""
        wanted, status = ("1.1.0", "completed") if self.good else ("1.0.0", "rolled_back")
        assert (self.row.status, self.board.boot("power_on")) == (status, wanted)
        assert self.board.slots.damaged is None
        assert self.good or REASON in (self.row.error_message or "")


@pytest.mark.parametrize("kind", [Bundles, Images])
@pytest.mark.parametrize("good", [True, False], ids=["a good image", "a bad image"])
def test_the_job_ends_as_the_node_did_wherever_the_power_went(kind, good):
    before, cuts = kind.boards.in_service(), 0
    for way in WAYS:
        at, cut = 1, True
        while cut:
            rollout = Rollout(kind, before, good)
            rollout.board.flash.cut_at(at, way)
            try:
                rollout.play()
                cut = False
            except PowerCut:
                rollout.recover()
                cuts += 1
                at += 1
            rollout.board.flash.switch_on()
            rollout.ended_right()
    print("power cuts with a job to its end:", cuts)
    assert cuts > 60
