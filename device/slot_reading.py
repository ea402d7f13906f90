"""The slots' state as it is found on flash: the state file where it can be believed, else the records.

Read once in a boot, so an application unloads it afterwards. `slot_state` is what is read.
"""

from device.slot_state import (
    IMAGES,
    LONGEST_STATE,
    SLOTS,
    STATE,
    SlotState,
    fits,
)

BOOT_LEAP = 65536  # after a lost state file the boot number must still grow
STAGES = ("armed", "running", "parked")

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


def read(state: SlotState) -> None:
    """Fill in what flash says."""
    stored = state.files.read_object(STATE, LONGEST_STATE)
    if stored is None or not fits(stored, STATE_FIELDS) or stored["active"] not in SLOTS:
        _rebuild(state)
        return
    state.active = stored["active"]
    state.running = stored["running"] if stored["running"] in SLOTS else state.active
    state.boot = stored["boot"]
    state.crashes = stored["crashes"]
    began = stored.get("began")
    state.began = began if isinstance(began, int) else 0
    state.refused = [entry for entry in stored["refused"] if isinstance(entry, list)]
    trial = stored.get("trial")
    if isinstance(trial, dict) and fits(trial, TRIAL_FIELDS) and _is_known(trial):
        state.trial = trial
    state.signed = stored.get("signed")
    last = stored.get("last")
    state.last = last if isinstance(last, dict) and fits(last, LAST_FIELDS) else None


def _is_known(trial: dict) -> bool:
    return trial["slot"] in SLOTS + IMAGES and trial["stage"] in STAGES


def _rebuild(state: SlotState) -> None:
    """Without a readable state file the slot that was confirmed last is the one to boot."""
    confirmed = []
    for slot in SLOTS + IMAGES:
        record = state.record(slot)
        if record.get("confirmed"):
            confirmed.append((record["boot"], slot))
    bundles = [row for row in confirmed if row[1] in SLOTS]
    if confirmed:
        state.boot = max(confirmed)[0] + BOOT_LEAP
        # The record of a firmware that came by cable has none: what was confirmed before it counts on.
        floors = [state.record(slot).get("signed") for _, slot in sorted(confirmed)]
        state.signed = ([None] + [floor for floor in floors if floor])[-1]
    if bundles:
        state.active = max(bundles)[1]
    elif state.files.size("a/manifest.json") < 0 <= state.files.size("b/manifest.json"):
        state.active = "b"
    state.running = state.active
