"""Which slot runs: the state file, and one record per slot.

`slots.json` says which slot is active, counts the boots and holds the trial; each change of it is
one atomic rename, so a power cut leaves the state before or after. `record-a.json`, `record-b.json`
say what a slot holds and whether it was confirmed here: they find the slot to boot when the state
file is lost. Nothing here runs a slot (`loader`) or fills one (`slots`). How a trial
goes is in `slot_trial`, how the state is made out of what lies on flash in `slot_reading`.
"""

from device.flash_files import FlashFiles

STATE = "slots.json"
LONGEST_STATE = 8192
LONGEST_RECORD = 512
SLOTS = ("a", "b")
IMAGES = ("ota_0", "ota_1")  # an esp-image's slot is called by its partition
RECORD_FIELDS = (("proof", str), ("version", str), ("md5", str), ("confirmed", bool), ("boot", int))


class SlotState:
    """The state as read from flash; changes reach flash with `save`."""

    def __init__(self, files: FlashFiles) -> None:
        self.files = files
        self.active = "a"
        self.running = "a"
        self.boot = 0
        self.crashes = 0  # boots in a row that ended in an exception, or soon in the watchdog
        self.began = 0  # when this boot did, by a clock that a reset leaves alone
        self.trial = None
        self.last = None
        self.refused = []  # [proof, md5 of the archive], oldest first
        self.signed = None  # the floor under the counters of signed firmware (`signing`)
        from device.slot_reading import read  # used once in a boot

        read(self)

    def save(self) -> None:
        """One atomic write. Raises OSError when the flash cannot be written."""
        content = {
            "active": self.active,
            "running": self.running,
            "boot": self.boot,
            "crashes": self.crashes,
            "began": self.began,
            "refused": self.refused,
        }
        if self.trial:
            content["trial"] = self.trial
        if self.last:
            content["last"] = self.last
        if self.signed:
            content["signed"] = self.signed
        self.files.replace_object(STATE, content)

    # ---- what each slot holds

    def record(self, slot: str) -> dict:
        """{proof, version, md5, confirmed, boot}; empty when the slot holds nothing known."""
        found = self.files.read_object(record_name(slot), LONGEST_RECORD) or {}
        return found if fits(found, RECORD_FIELDS) else {}

    def write_record(self, slot: str, record: dict) -> None:
        self.files.replace_object(record_name(slot), record)

    def drop_record(self, slot: str) -> None:
        if self.files.size(record_name(slot)) >= 0:
            self.files.remove(record_name(slot))

    def is_refused(self, identity: str) -> bool:
        """Whether an image, named by proof or by the MD5 of its archive, was refused here."""
        return bool(identity) and any([identity in entry for entry in self.refused])


def fits(found: dict, fields: tuple) -> bool:
    return all([isinstance(found.get(name), kind) for name, kind in fields])


def record_name(slot: str) -> str:
    return "record-" + slot + ".json"


def other_than(slot: str) -> str:
    return "b" if slot == "a" else "a"
