"""The two partitions of a board with OTA partitions, in the shape of `Slots`.

State, records and trial are the same, in the same files; slots are called by their partitions
(`ota_0`), and an esp-image is what they hold. `image_boot` changes over at the next boot, so what
is written down here first is what happens, whenever the power goes.
"""

from device.esp_image import KIND, checking, hashing, length_of
from device.image import ImageError
from device.slot_state import SlotState
from device.slots import Slots, as_image_error

DAMAGED = "image"


class ImageSlots(Slots):
    """`partitions` is what `Board.partitions` answers. `state` is shared with the bundle slots of
    a board whose running image holds no application; `own` is the manifest of the one that does."""

    kind = KIND

    def __init__(
        self, partitions: object, chip: str, state: SlotState, own: dict | None = None
    ) -> None:
        self.partitions = partitions
        self.chip = chip
        self.files = state.files
        self._state = state
        self._own = own
        self._looked_at = {}
        self._installed = None

    @property
    def running(self) -> str:
        return self.partitions.label

    @property
    def other(self) -> str:
        return self.partitions.other_label

    def manifest(self, slot: str = "") -> dict | None:
        return self._own

    def md5(self, slot: str = "") -> str:
        return self._look_at(slot or self.running)[2]

    def room(self) -> int:
        """Bytes of the partition that takes a new image."""
        return self.partitions.other.info()[3]

    def clear_other(self) -> None:
        self._clear(self.other)

    def record_own(self) -> None:
        """Write down, once, what runs and was not put there by us, or told its version only now:
        without the record neither the other slot nor a lost state file could be made sense of."""
        if self.in_trial or self.damaged:
            return
        known, (proof, _damaged, md5) = (
            self._state.record(self.running),
            self._look_at(self.running),
        )
        record = {
            "proof": proof,
            "version": self._own["version"],
            "md5": md5,
            "confirmed": True,
            "boot": self.boot,
            "signed": self._state.signed,
        }
        if any([known.get(key) != record[key] for key in record if key not in ("md5", "boot")]):
            self._state.write_record(self.running, record)

    def installing(self, incoming: object, node_type: str, micropython: str = ""):
        """A generator that checks the complete image where it lies. Raises ImageError."""
        self._installed = None
        self._check_idle()
        announced, found = incoming.announced, {}
        if not incoming.complete:
            raise ImageError("size", "Not all parts of the image have arrived.")
        try:
            for _ in checking(self.partitions.other, announced, (self.chip, node_type), found):
                yield
            if self.is_refused(found["proof"]) and not announced["forced"]:
                raise ImageError("refused", "This firmware failed its trial here before.")
            self._write_record(
                self.other, found["proof"], announced["version"] or "", announced["md5"]
            )
        except (ImageError, OSError) as error:
            self._give_up(incoming, "")
            raise error if isinstance(error, ImageError) else as_image_error(error)
        self._installed = (incoming, found["proof"])

    def confirm(self) -> bool:
        """The bootloader first: what it has noted and we have not, the next boot mends."""
        if not self.in_trial:
            return False
        self.partitions.confirm()
        return Slots.confirm(self)

    def refuse(self, reason: str) -> None:
        Slots.refuse(self, reason)
        self.partitions.go_back()

    def retry(self, reason: str) -> None:
        Slots.retry(self, reason)
        self.partitions.go_back()

    # ---- inside

    def _check_other(self, proof: str) -> None:
        found, damaged = self._look_at(self.other)[:2]
        if damaged or found != proof:
            raise ImageError("image", "The image in the other partition is damaged.")

    def _look_at(self, slot: str) -> tuple:
        """(proof, what is damaged, MD5) of a slot, read from flash once per boot."""
        if slot not in self._looked_at:
            mine = slot == self.running
            partition = self.partitions.running if mine else self.partitions.other
            found = []
            try:
                total = length_of(partition, self.chip)
            except ImageError:
                total = 0
            for _ in hashing(partition, total, total, b"", found):
                pass
            md5, sha256, intact, _marked = found
            self._looked_at[slot] = (sha256, None if intact else DAMAGED, md5)
        return self._looked_at[slot]
