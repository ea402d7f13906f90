"""A rollout of one node whose power goes: the node by shipped code, its job in Home Assistant's own engine.

Between them is a gateway that never gives up. Whatever was cut, the job has to end as the node ended.
"""

from collections import Counter

from custom_components.mesh_ota.jobs.states import ENDED
from tests.device import boards, image_boards, littlefs_board, made_bundles as made
from tests.device.power_cuts import WAYS
from tests.device.ram_flash import PowerCut
from tests.mesh_ota.house import HALL, House, firmware

TURNS = 16  # of a gateway that never gives up
SELF_TEST = "The self-test failed: no sensor."
CRASH = "OSError: the sensor has left (roles/pir.py:9)"
NO_MESH = "No mesh was joined within 120 s."

# What becomes of the new firmware in its trial: (status of the row, version that runs, what the person is told).
FATES = {
    "good": ("completed", "1.1.0", ""),
    "fails its self-test": ("rolled_back", "1.0.0", SELF_TEST),
    "raises": ("rolled_back", "1.0.0", CRASH),
    "hangs": ("rolled_back", "1.0.0", "The watchdog reset the node during its trial."),
    "finds no mesh": ("rolled_back", "1.0.0", "4 trials: " + NO_MESH),
}


def row_of(content, proof, **said):
    """The row that Home Assistant's library has of this firmware."""
    described = {
        "md5_hash": made.md5(content),
        "sha256": made.sha256(content),
        "proof": proof,
        "size_bytes": len(content),
    }
    return firmware(**(described | said))


def proof_of(content):
    """Of a bundle; of what is none nobody foretells one."""
    return made.proof(content) if content.startswith(b"manifest.json") else "00" * 32


class Bundles:
    """Nodes that run app-bundles."""

    boards = boards

    @staticmethod
    def image_of(content, **said):
        return row_of(content, proof_of(content), **said)

    @staticmethod
    def said(slots):
        return {"kind": "app-bundle", "version": slots.manifest()["version"]}


class OnLittlefs(Bundles):
    """The same on a real littlefs2, each boot in a process of its own."""

    boards = littlefs_board


class Images:
    """Nodes that run esp-images."""

    boards = image_boards

    @staticmethod
    def image_of(content, **said):
        described = {"kind": "esp-image", "hardware": "ESP32", "chip": "esp32"}
        return row_of(content, **({"proof": made.sha256(content)} | described | said))

    @staticmethod
    def said(slots):
        return {"kind": "esp-image", "images": True}


class Rollout:
    """One node and one job for it; `fate` is the new firmware's."""

    def __init__(self, kind, before, fate="good", image=None):
        self.kind = kind
        self.fate = fate
        self.board = type(before)(before.flash.copy())
        self.board.boot("power_on")
        self.house = House()
        self.house.join(HALL, **self.status())
        image = image or kind.image_of(kind.boards.NEW)
        self.job = self.house.create(image, node_ids=[HALL])

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
            if self.board.slots.in_trial:
                self.meet_its_fate()
            elif self.board.slots.waits_for_retry:
                self.board.slots.rearm()
                self.board.boot()
            else:
                self.update()
        raise AssertionError(self.job.as_dict())

    def meet_its_fate(self):
        """What the application of this boot, or its absence, makes of the trial."""
        if self.fate == "good":
            self.board.slots.confirm()
        elif self.fate == "hangs":
            self.board.boot("watchdog")
        else:
            if self.fate == "raises":
                self.board.crash(CRASH)
            elif self.fate == "finds no mesh":
                self.board.slots.retry(NO_MESH)
            else:
                self.board.slots.refuse(SELF_TEST)
            self.board.boot()

    def update(self):
        """Offered, taken, checked, committed, restarted; the gateway tells each step that the node lived to say."""
        self.house.progress(self.job, "downloading")
        self.board.receive(self.kind.boards.NEW)
        self.house.progress(self.job, "verifying")
        self.board.slots.commit(self.job.tag(self.row))
        self.house.progress(self.job, "restarting", boot=self.board.slots.boot)
        self.board.boot()

    def recover(self):
        """The power comes back; answers the version that it finds."""
        self.board.flash.switch_on()
        version = self.board.boot("power_on")
        self.play()
        return version

    def ended_right(self):
        """As the node ended, so the job."""
        status, version, told = FATES[self.fate]
        assert (self.row.status, self.board.boot("power_on")) == (status, version)
        assert self.board.slots.damaged is None
        assert told in (self.row.error_message or "")


def every_cut(kind, before, fate, step=1):
    """Cut the power at every `step`th flash operation of a rollout, in each way, and see that job and node end alike.

    A trial has few operations beside a transfer: where a step leads beyond the end, the last ones are cut at an eighth of it.
    Answers how often which version ran when the power had come back.
    """
    found = Counter()
    for offset, way in enumerate(WAYS):
        at, pace = 1 + offset * step // len(WAYS), step
        while True:
            rollout = Rollout(kind, before, fate)
            version = played_with_a_cut(rollout, at, way)
            rollout.board.flash.switch_on()
            rollout.ended_right()
            if version is not None:
                found[version] += 1
            elif pace < step or step == 1:
                break
            else:
                at -= pace
                pace = max(1, step // 8)
            at += pace
    return found


def played_with_a_cut(rollout, at, way):
    """Answers the version that booted when the power had come back; None when it never went."""
    rollout.board.flash.cut_at(at, way)
    try:
        rollout.play()
    except PowerCut:
        return rollout.recover()
    return None


def told(found):
    """The counts as a sentence."""
    counts = found.total(), found["1.0.0"], found["1.1.0"]
    return "{} power cuts, each with its job to its end; {} times the old version booted, {} times the new".format(
        *counts
    )
