"""What a boot decides: which slot runs, and what a crash of its application changes.

Reads and writes the state through `slot_state`; the table of the trial is `slot_trial`. The rule above
all others: a confirmed slot keeps running, except where it cannot start any more or is no longer what was
confirmed, and the other slot is confirmed and whole.
"""

import time

from device import slot_trial
from device.proof import slot_manifest, slot_proof
from device.slot_state import SLOTS, SlotState, other_than

LONGEST_DELAY = 60  # seconds between two restarts of a confirmed application that fails
STEADY_SECONDS = 600  # an application that ran this long did not fail at its start
CRASHES = 3  # in a row, before a confirmed slot that cannot be imported or is damaged gives way
EARLY_CRASHES = 10  # in a row, before a confirmed firmware gives way that no update could reach
EARLY_SECONDS = 15  # as steady as it had to be in its trial (device.trial)
EARLY_HANG = 50  # seconds between two boots; 30 of them are the watchdog's
SETTINGS_CRASHES = (
    6  # more are not counted where the configuration is to blame: no slot gives way for that
)

HANGS = "The watchdog reset the node."
LOOPS = "{} failed starts: {}"
DAMAGED_TRIAL = "The new firmware was damaged in flash before its trial ({})."


def pick(
    state: SlotState,
    cause: str,
    images: bool = False,
    now: int | None = None,
    in_image: bool = False,
) -> str:
    """The slot to boot. The boot and the trial are counted in flash before its code can run.

    Raises OSError when that cannot be written; the state then has the active slot to fall back on,
    for a trial that is not counted must not be run. `images` is whether the board has OTA
    partitions: without them nothing could ever end an image's trial. `in_image` is whether the
    application lies in the running image, so that no slot is to blame for a hang.
    """
    note_hang(state, cause, int(time.time()) if now is None else now, in_image)
    if not images and state.trial and state.trial["slot"] not in SLOTS:
        state.trial = None
    slot = slot_trial.start(state, cause)
    if slot is not None:
        proof, damaged = slot_proof(state.files, slot)
        if proof != state.trial["proof"]:
            why = DAMAGED_TRIAL.format(damaged or "manifest.json")
            slot_trial.refuse(state, why, False)
            slot = None
    if slot is None:
        slot = state.active = bootable(state)
    state.running = slot
    state.save()
    return slot


def bootable(state: SlotState) -> str:
    """The active slot, unless it cannot even say what it holds and the other one can."""
    if slot_manifest(state.files, state.active) is None and other_is_whole(state):
        return other_than(state.active)
    return state.active


def other_is_whole(state: SlotState) -> bool:
    """Whether the slot that is not active was confirmed here and is as it was then."""
    other = other_than(state.active)
    record = state.record(other)
    if not record.get("confirmed"):
        return False
    return slot_proof(state.files, other, record["proof"]) == (record["proof"], None)


def is_damaged(state: SlotState) -> bool:
    """Whether the active slot is no longer what was confirmed here: then it is not its code that fails."""
    recorded = state.record(state.active).get("proof", "")
    return slot_proof(state.files, state.active, recorded)[1] is not None


def note_crash(
    state: SlotState,
    reason: str,
    imported: bool,
    ran: int,
    settings: bool = False,
    in_image: bool = False,
) -> int:
    """Write down that the application ended; answers the seconds to wait before the reset.

    `imported` is False when it did not even get to its `main`, `ran` is how many seconds it ran,
    `settings` is whether it ended because its configuration cannot be used.
    """
    if state.trial and state.trial["stage"] == "running":
        slot_trial.refuse(state, reason)
        state.save()
        return 0
    state.crashes = 0 if ran >= STEADY_SECONDS else state.crashes + 1
    if settings:
        state.crashes = min(state.crashes, SETTINGS_CRASHES)
    delay = min(LONGEST_DELAY, 1 << min(state.crashes, 6))
    if not in_image and state.crashes >= CRASHES and gives_way(state, reason, imported, ran):
        state.active = other_than(state.active)
        state.crashes = 0
    state.save()
    return delay


def note_hang(state: SlotState, cause: str, now: int, in_image: bool = False) -> None:
    """Count a boot before this one that hung soon after its start. An ESP32's clock goes on over all
    resets but that of a power cut."""
    early = cause == "watchdog" and 0 <= now - state.began < EARLY_HANG
    state.began = now
    if state.trial or cause not in ("watchdog", "power_on"):
        return
    state.crashes = state.crashes + 1 if early else 0
    if not in_image and state.crashes >= CRASHES and gives_way(state, HANGS, True, 0):
        state.active = other_than(state.active)
        state.crashes = 0


def gives_way(state: SlotState, reason: str, imported: bool, ran: int) -> bool:
    """Whether the other slot is to take the place of the active one, which fails again and again."""
    if not other_is_whole(state):
        return False
    if not imported or is_damaged(state):
        return True
    other = state.record(other_than(state.active))["proof"]
    if not is_hopeless(state, ran) or state.is_refused(other):
        return False
    forsake(state, state.active, reason)
    return True


def is_hopeless(state: SlotState, ran: int) -> bool:
    """Whether a confirmed firmware passed its trial once and would not any more: as early as it ends,
    nobody could reach the node to mend it."""
    return state.crashes >= EARLY_CRASHES and ran < EARLY_SECONDS


def forsake(state: SlotState, slot: str, reason: str) -> None:
    """Such a firmware is refused now, in the words of the trial that Home Assistant may wait for."""
    proof, last = state.record(slot).get("proof", ""), state.last or {}
    tag = last["tag"] if last.get("proof") == proof else slot_trial.UNKNOWN_TAG
    slot_trial.arm(state, slot, proof, tag)
    slot_trial.refuse(state, LOOPS.format(state.crashes, reason))
    state.crashes = 0
