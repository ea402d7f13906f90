"""The two slots as the application sees them: what runs, what is in the other, how to change over.

The state lives in `slot_state`, the steps of a trial in `slot_trial`, checking and unpacking in
`installer`, the last two loaded when they are needed; here is the order in which they touch flash. At every point of it a power cut leaves a slot to boot that is
whole: the slot that runs is never written, the record of the other goes before its files do, and
each change of mind is one rename of `slots.json`.
"""

import sys

from device import forget
from device.flash_files import COPY_BYTES, FlashFiles
from device.image import ImageError
from device.incoming import KIND, Incoming
from device.slot_state import SLOTS, SlotState, other_than

ONLY_TO_INSTALL = ("device.installer", "device.bundle", "device.manifest", "device.proof")
OUT_OF_SPACE = 28  # errno ENOSPC, the same number on littlefs, FAT and Linux


class Slots:
    """Slots of one board. `root_path` is its flash root, "" on a board."""

    kind = KIND

    def __init__(self, root_path: str = "", files: FlashFiles | None = None) -> None:
        self.files = files or FlashFiles(root_path)
        self._state = SlotState(self.files)
        self._state.running = self._running(root_path)
        self._looked_at = {}  # slot: (proof, damaged), read from flash once per boot
        self._installed = None  # (incoming, proof) once an image is ready to be committed

    # ---- what there is

    @property
    def active(self) -> str:
        """`a` or `b`: the confirmed slot. During a trial it is not the one that runs."""
        return self._state.active

    @property
    def running(self) -> str:
        """The slot that this boot runs."""
        return self._state.running

    @property
    def other(self) -> str:
        return other_than(self.running)

    @property
    def boot(self) -> int:
        return self._state.boot

    @property
    def last(self) -> dict | None:
        """{tag, proof, outcome, reason} of the last trial, None before the first."""
        return self._state.last

    @property
    def signed(self) -> dict | None:
        """{floor, highest, key} of the signed firmware confirmed here; None before the first."""
        return self._state.signed

    @property
    def in_trial(self) -> bool:
        trial = self._state.trial
        return bool(trial) and trial["stage"] == "running" and trial["slot"] == self.running

    @property
    def waits_for_retry(self) -> bool:
        """Whether an image waits in the other slot for `rearm`."""
        return bool(self._state.trial) and self._state.trial["stage"] == "parked"

    @property
    def damaged(self) -> str | None:
        """First file of the running slot that is not what its manifest says."""
        return self._look_at(self.running)[1]

    @property
    def other_image(self) -> dict | None:
        """{proof, version} of the other slot, if it was confirmed here and may run again."""
        record = self._state.record(self.other)
        if not record.get("confirmed") or self.is_refused(record["proof"]):
            return None
        return {"proof": record["proof"], "version": record["version"]}

    def proof(self, slot: str = "") -> str:
        """The proof of a slot (default: the running one), computed from its files at first use."""
        return self._look_at(slot or self.running)[0]

    def manifest(self, slot: str = "") -> dict | None:
        """The manifest of a slot (default: the running one), None when it cannot be read."""
        from device.proof import slot_manifest

        return slot_manifest(self.files, slot or self.running)

    def md5(self, slot: str = "") -> str:
        """MD5 of the archive a slot (default: the running one) was unpacked from; "" when that is
        not known, or no longer so because the slot is damaged."""
        wanted = slot or self.running
        return "" if self._look_at(wanted)[1] else self._state.record(wanted).get("md5", "")

    def is_refused(self, identity: str) -> bool:
        """Whether an image, named by its proof or by the MD5 of its archive, was refused here."""
        return self._state.is_refused(identity)

    def room(self) -> int:
        """Bytes of flash that a new image may take: free now, or held by the other slot."""
        return self.files.free()[0] + self.files.space_of(self.other)

    # ---- a new image

    def install(self, incoming: Incoming, node_type: str, micropython: str = "") -> str:
        """Check the complete image and unpack it into the other slot; answers its proof.

        Raises ImageError with a code of docs/mesh-protocol.md §6; nothing of the image stays then.
        """
        for _ in self.installing(incoming, node_type, micropython):
            pass
        return self._installed[1]

    def installing(self, incoming: Incoming, node_type: str, micropython: str = ""):
        """The same in steps: a generator to be run to its end, with pauses wherever it yields."""
        from device import installer  # 15 KB of heap, with what it imports, while an image arrives

        self._installed = None
        self._check_idle()
        expected = (node_type, micropython or installer.own_micropython())
        slot, found, touched = self.other, {}, False
        buffer = bytearray(COPY_BYTES)
        try:
            found["block"] = self.files.free()[1]
            for _ in installer.checking(incoming, expected, buffer, found):
                yield
            installer.check_room(self.files, slot, found)
            touched = True
            self._clear(slot)
            for _ in installer.unpacking(self.files, slot, incoming, found["folders"], buffer):
                yield
            buffer = None  # reading back has one of its own
            proof = installer.read_back(self.files, slot)
            if self.is_refused(proof) and not incoming.announced["forced"]:
                raise ImageError("refused", "This firmware failed its trial here before.")
            self._write_record(slot, proof, found["version"], incoming.announced["md5"])
        except (ImageError, OSError) as error:
            self._give_up(incoming, slot if touched else "")
            raise error if isinstance(error, ImageError) else as_image_error(error)
        finally:
            installer = None
            forget(ONLY_TO_INSTALL)
        self._installed = (incoming, proof)

    def commit(self, tag: str, signed: dict | None = None) -> None:
        """The next boot tries the image that `install` made ready; `signed` is what its confirmation
        makes of the floor (`signing`). Raises ImageError or OSError."""
        if self._installed is None:
            raise ImageError("bundle", "No image is ready.")
        incoming, proof = self._installed
        steps().arm(self._state, self.other, proof, tag, signed)
        self._state.save()
        self._installed = None
        try:
            incoming.discard()
        except OSError:
            pass  # the trial is armed all the same, and the next image removes it

    def flip(self, tag: str, proof: str) -> None:
        """The next boot tries the other slot as it is. Raises ImageError or OSError."""
        self.check_flip(proof)
        steps().arm(self._state, self.other, proof, tag)
        self._state.save()

    def check_flip(self, proof: str) -> None:
        """Raises ImageError unless the other slot, as it is, may run again."""
        self._check_idle()
        if self.is_refused(proof):
            raise ImageError("refused", "This firmware failed its trial here before.")
        if (self.other_image or {}).get("proof") != proof:
            raise ImageError("bundle", "The other slot does not hold that firmware.")
        self._check_other(proof)

    # ---- the trial, told by the application that is tried

    def confirm(self) -> bool:
        """The running slot passed its trial and is the active one from now on; False: no trial."""
        if not self.in_trial:
            return False
        record = self._state.record(self.running)
        record["confirmed"] = True
        record["boot"] = self.boot
        record["signed"] = self._state.trial.get("signed") or self._state.signed
        # The record first: with the power cut between the two, the trial is only run again.
        self._state.write_record(self.running, record)
        steps().confirm(self._state)
        self._state.save()
        return True

    def refuse(self, reason: str) -> None:
        """The trial failed by the image's fault; the next boot runs the old slot."""
        if self.in_trial:
            steps().refuse(self._state, reason)
            self._state.save()

    def retry(self, reason: str) -> None:
        """No mesh or gateway in time; the next boot runs the old slot, which may `rearm`."""
        if self.in_trial:
            steps().park(self._state, reason)
            self._state.save()

    def rearm(self) -> bool:
        """The gateway has answered the old firmware: try the waiting image again at the next boot.

        False when none waits; after True the caller restarts the board.
        """
        if not self.waits_for_retry:
            return False
        steps().arm_again(self._state)
        self._state.save()
        return True

    # ---- the first firmware of a board

    def adopt(self, slot: str, md5: str = "", boot: int = 0) -> str:
        """Make a slot that was filled by cable the active, confirmed one; answers its proof.

        Boots go on from `boot` where none were counted: a gateway does not believe a number that is
        lower than it was before the flash was erased.
        """
        from device.proof import slot_manifest, slot_proof

        proof, damaged = slot_proof(self.files, slot)
        if damaged:
            raise ImageError("bundle", "{} does not fit the manifest.".format(damaged))
        self._state.active = self._state.running = slot
        self._state.boot = max(self._state.boot, boot)
        self._state.trial = None
        self._write_record(slot, proof, slot_manifest(self.files, slot)["version"], md5, True)
        self._state.save()
        return proof

    def image_slots(self, partitions: object, chip: str, own: dict | None = None):
        """The slots for an esp-image on the same board, with the same state. `own` is the manifest
        of the application in the running image."""
        from device.image_slots import ImageSlots

        return ImageSlots(partitions, chip, self._state, own)

    # ---- inside

    def _check_idle(self) -> None:
        if self._state.trial and not self.waits_for_retry:
            raise ImageError("flash", "The node is still busy with its last update.")

    def _check_other(self, proof: str) -> None:
        from device.proof import slot_proof

        found, damaged = slot_proof(self.files, self.other, proof)
        if found != proof:
            raise ImageError("bundle", "{} in the other slot is damaged.".format(damaged))

    def _running(self, root_path: str) -> str:
        """The slot that the loader put first on the path. The state file says it too, unless this
        boot could not be written down: a stale one must not confirm a trial that never ran."""
        first = sys.path[0] if sys.path else ""
        for slot in SLOTS:
            if first == (root_path + "/" + slot if root_path else slot):
                return slot
        return self._state.running

    def _look_at(self, slot: str) -> tuple:
        if slot not in self._looked_at:
            from device.proof import slot_proof

            recorded = self._state.record(slot).get("proof", "")
            self._looked_at[slot] = slot_proof(self.files, slot, recorded)
        return self._looked_at[slot]

    def _clear(self, slot: str) -> None:
        """Empty a slot: first nothing says any more that it holds something, then it does not."""
        if self._state.trial:
            self._state.trial = None
            self._state.save()
        self._state.drop_record(slot)
        self._looked_at.pop(slot, None)
        self.files.remove_all(slot)

    def _write_record(
        self, slot: str, proof: str, version: str, md5: str, confirmed: bool = False
    ) -> None:
        self._state.write_record(
            slot,
            {
                "proof": proof,
                "version": version,
                "md5": md5,
                "confirmed": confirmed,
                "boot": self.boot,
            },
        )

    def _give_up(self, incoming: Incoming, touched_slot: str) -> None:
        """Keep nothing of an image that is not taken, as far as the flash still lets us."""
        try:
            incoming.discard()
            if touched_slot:
                self._clear(touched_slot)
        except OSError as error:
            print("The flash could not be cleared:", error)


def steps() -> object:
    """The steps of a trial, 3 KB of heap: most boots take none."""
    from device import slot_trial

    return slot_trial


def as_image_error(error: OSError) -> ImageError:
    code = "space" if error.args and error.args[0] == OUT_OF_SPACE else "flash"
    return ImageError(code, "Writing the slot failed: {}.".format(error))
