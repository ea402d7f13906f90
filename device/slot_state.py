"""Which slot runs: the state file, one record per slot, and the table of what each boot does.

`slots.json` says which slot is active, counts the boots and holds the trial; each change of it is
one atomic rename, so a power cut leaves the state before or after. `record-a.json`, `record-b.json`
say what a slot holds and whether it was confirmed here: they find the slot to boot when the state
file is lost. Nothing here runs a slot (`loader`) or fills one (`slots`).

A trial {slot, proof, tag, stage, boots, retries} goes through three stages: `armed` before its
first boot, `running` from then on, `parked` while the old firmware waits for its gateway. The
trial of an esp-image has a partition (`ota_1`) for a slot; `image_boot` is what starts it.
"""

from device.flash_files import FlashFiles

STATE = "slots.json"
LONGEST_STATE = 8192
LONGEST_RECORD = 512
SLOTS = ("a", "b")
IMAGES = ("ota_0", "ota_1")  # an esp-image's slot is called by its partition

MORE_BOOTS = 3  # restarts without a verdict (power cuts) that a trial survives
MORE_TRIALS = 3  # times that the old firmware arms a trial again that had no mesh or gateway
MOST_REFUSED = 8  # images remembered as refused; the oldest is forgotten
LONGEST_REASON = 120  # characters, docs/mesh-protocol.md §5.2
BOOT_LEAP = 65536  # after a lost state file the boot number must still grow

# (stage, whether the watchdog ended the boot before) -> what this boot does
ON_BOOT = {
    ("armed", False): "try",
    ("armed", True): "try",  # it was the old firmware that starved it
    ("running", False): "try",
    ("running", True): "refuse",
    ("parked", False): "wait",
    ("parked", True): "wait",
}

WATCHDOG = "The watchdog reset the node during its trial."
RESTARTED = "The node restarted {} times during its trial without passing it."


class SlotState:
    """The state as read from flash; changes reach flash with `save`."""

    def __init__(self, files: FlashFiles) -> None:
        self.files = files
        self.active = "a"
        self.running = "a"
        self.boot = 0
        self.crashes = 0  # boots in a row that ended in an exception
        self.trial = None
        self.last = None
        self.refused = []  # [proof, md5 of the archive], oldest first
        self.signed = None  # the floor under the counters of signed firmware (`signing`)
        if not self._take(files.read_object(STATE, LONGEST_STATE)):
            self._rebuild()

    def save(self) -> None:
        """One atomic write. Raises OSError when the flash cannot be written."""
        content = {
            "active": self.active,
            "running": self.running,
            "boot": self.boot,
            "crashes": self.crashes,
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

    # ---- the trial

    def arm(self, slot: str, proof: str, tag: str, signed: dict | None = None) -> None:
        """`signed` is the floor as it will be once this image is confirmed; None leaves it."""
        self.trial = {
            "slot": slot,
            "proof": proof,
            "tag": tag,
            "stage": "armed",
            "boots": 0,
            "retries": 0,
        }
        if signed:
            self.trial["signed"] = signed

    def start(self, cause: str) -> str | None:
        """Count this boot. Answers the slot to be tried in it, None when the active one runs."""
        self.boot += 1
        if not self.trial or self.trial["slot"] not in SLOTS:
            return None
        return self.step(cause)

    def step(self, cause: str) -> str | None:
        """What the table says of this boot, for a trial of either kind."""
        step = ON_BOOT[(self.trial["stage"], cause == "watchdog")]
        if step == "refuse":
            self.refuse(WATCHDOG)
        elif step == "try" and self.trial["boots"] > MORE_BOOTS:
            self.refuse(RESTARTED.format(self.trial["boots"]))
        elif step == "try":
            return self._try_again(cause)
        return None

    def _try_again(self, cause: str) -> str:
        trial = self.trial
        trial["stage"] = "running"
        trial["boots"] += 1
        again = "Try {} of {}, after a restart ({}).".format(trial["boots"], MORE_BOOTS + 1, cause)
        self._note("trial", again if trial["boots"] > 1 else "")
        return trial["slot"]

    def confirm(self) -> None:
        """The trial's slot is the active one from now on. The record was written before."""
        proof = self.trial["proof"]
        self.signed = self.trial.get("signed") or self.signed
        self._note("confirmed", "")
        if self.trial["slot"] in SLOTS:
            self.active = self.trial["slot"]
        self.trial = None
        self.crashes = 0
        self.refused = [entry for entry in self.refused if proof not in entry]

    def refuse(self, reason: str, blame: bool = True) -> None:
        """The trial is over and failed; with `blame` its image is not taken again."""
        trial = self.trial
        self._note("refused", reason)
        self.trial = None
        if blame and trial["proof"] and not self.is_refused(trial["proof"]):
            md5 = self.record(trial["slot"]).get("md5", "")
            self.refused = (self.refused + [[trial["proof"], md5]])[-MOST_REFUSED:]

    def park(self, reason: str) -> None:
        """No mesh or no gateway: not the image's fault, so it waits, a bounded number of times."""
        if self.trial["retries"] >= MORE_TRIALS:
            self.refuse("{} trials: {}".format(MORE_TRIALS + 1, reason))
            return
        self._note("retry", reason)
        self.trial["stage"] = "parked"

    def arm_again(self) -> None:
        self.trial["stage"] = "armed"
        self.trial["boots"] = 0
        self.trial["retries"] += 1

    def _note(self, outcome: str, reason: str) -> None:
        self.last = {
            "tag": self.trial["tag"],
            "proof": self.trial["proof"],
            "outcome": outcome,
            "reason": reason[:LONGEST_REASON],
        }

    # ---- reading

    def _take(self, stored: dict | None) -> bool:
        if stored is None or not fits(stored, STATE_FIELDS) or stored["active"] not in SLOTS:
            return False
        self.active = stored["active"]
        self.running = stored["running"] if stored["running"] in SLOTS else self.active
        self.boot = stored["boot"]
        self.crashes = stored["crashes"]
        self.refused = [entry for entry in stored["refused"] if isinstance(entry, list)]
        trial = stored.get("trial")
        if isinstance(trial, dict) and fits(trial, TRIAL_FIELDS) and is_known(trial):
            self.trial = trial
        self.signed = stored.get("signed")
        last = stored.get("last")
        self.last = last if isinstance(last, dict) and fits(last, LAST_FIELDS) else None
        return True

    def _rebuild(self) -> None:
        """Without a readable state file the slot that was confirmed last is the one to boot."""
        confirmed = []
        for slot in SLOTS + IMAGES:
            record = self.record(slot)
            if record.get("confirmed"):
                confirmed.append((record["boot"], slot))
        bundles = [row for row in confirmed if row[1] in SLOTS]
        if confirmed:
            newest, slot = max(confirmed)
            self.boot = newest + BOOT_LEAP
            self.signed = self.record(slot).get("signed")
        if bundles:
            self.active = max(bundles)[1]
        elif self.files.size("a/manifest.json") < 0 <= self.files.size("b/manifest.json"):
            self.active = "b"
        self.running = self.active


STATE_FIELDS = (
    ("active", str),
    ("running", str),
    ("boot", int),
    ("crashes", int),
    ("refused", list),
)
TRIAL_FIELDS = (
    ("slot", str),
    ("proof", str),
    ("tag", str),
    ("stage", str),
    ("boots", int),
    ("retries", int),
)
LAST_FIELDS = (("tag", str), ("proof", str), ("outcome", str), ("reason", str))
RECORD_FIELDS = (("proof", str), ("version", str), ("md5", str), ("confirmed", bool), ("boot", int))


def fits(found: dict, fields: tuple) -> bool:
    return all([isinstance(found.get(name), kind) for name, kind in fields])


def is_known(trial: dict) -> bool:
    return trial["slot"] in SLOTS + IMAGES and (trial["stage"], False) in ON_BOOT


def record_name(slot: str) -> str:
    return "record-" + slot + ".json"


def other_than(slot: str) -> str:
    return "b" if slot == "a" else "a"
