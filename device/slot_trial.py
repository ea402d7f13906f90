"""The trial of a new image: what each boot, and what each verdict, makes of it in the slots' state.

A trial {slot, proof, tag, stage, boots, retries} goes through three stages: `armed` before its
first boot, `running` from then on, `parked` while the old firmware waits for its gateway. The
trial of an esp-image has a partition (`ota_1`) for a slot; `image_boot` is what starts it. Whoever
takes a step saves the state. Apart from `slot_state`, for most boots need nothing of it.
"""

from device.slot_state import SLOTS, SlotState

MORE_BOOTS = 3  # restarts without a verdict (power cuts) that a trial survives
MORE_TRIALS = 3  # times that the old firmware arms a trial again that had no mesh or gateway
MOST_REFUSED = 8  # images remembered as refused; the oldest is forgotten
LONGEST_REASON = 120  # characters, docs/mesh-protocol.md §5.2
UNKNOWN_TAG = "0"  # of a trial that nobody here remembers

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


def arm(state: SlotState, slot: str, proof: str, tag: str, signed: dict | None = None) -> None:
    """`signed` is the floor as it will be once this image is confirmed; None leaves it."""
    state.trial = {
        "slot": slot,
        "proof": proof,
        "tag": tag,
        "stage": "armed",
        "boots": 0,
        "retries": 0,
    }
    if signed:
        state.trial["signed"] = signed


def arm_back(state: SlotState, slot: str, proof: str) -> None:
    """The loader goes back to that image by itself, from one that it has just refused (`boot_choice`)."""
    arm(state, slot, proof, UNKNOWN_TAG)
    state.trial["back"] = True


def start(state: SlotState, cause: str) -> str | None:
    """Count this boot. Answers the slot to be tried in it, None when the active one runs."""
    state.boot += 1
    if not state.trial or state.trial["slot"] not in SLOTS:
        return None
    return step(state, cause)


def step(state: SlotState, cause: str) -> str | None:
    """What the table says of this boot, for a trial of either kind."""
    does = ON_BOOT[(state.trial["stage"], cause == "watchdog")]
    if does == "refuse":
        refuse(state, WATCHDOG)
    elif does == "try" and state.trial["boots"] > MORE_BOOTS:
        # Nothing better waits for a way back, so a power cut is no reason to end it for good.
        refuse(state, RESTARTED.format(state.trial["boots"]), not state.trial.get("back"))
    elif does == "try":
        return _try_again(state, cause)
    return None


def _try_again(state: SlotState, cause: str) -> str:
    trial = state.trial
    trial["stage"] = "running"
    trial["boots"] += 1
    again = "Try {} of {}, after a restart ({}).".format(trial["boots"], MORE_BOOTS + 1, cause)
    _note(state, "trial", again if trial["boots"] > 1 else "")
    return trial["slot"]


def confirm(state: SlotState) -> None:
    """The trial's slot is the active one from now on. The record was written before."""
    proof = state.trial["proof"]
    state.signed = state.trial.get("signed") or state.signed
    _note(state, "confirmed", "")
    if state.trial["slot"] in SLOTS:
        state.active = state.trial["slot"]
    state.trial = None
    state.crashes = 0
    if proof:
        state.refused = [entry for entry in state.refused if proof not in entry]


def refuse(state: SlotState, reason: str, blame: bool = True) -> None:
    """The trial is over and failed; with `blame` its image is not taken again."""
    trial = state.trial
    _note(state, "refused", reason)
    state.trial = None
    if blame and trial["proof"] and not state.is_refused(trial["proof"]):
        md5 = state.record(trial["slot"]).get("md5", "")
        state.refused = (state.refused + [[trial["proof"], md5]])[-MOST_REFUSED:]


def park(state: SlotState, reason: str) -> None:
    """No mesh or no gateway: not the image's fault, so it waits, a bounded number of times."""
    if state.trial["retries"] >= MORE_TRIALS:
        tried = "{} trials: {}".format(MORE_TRIALS + 1, reason)
        refuse(state, tried, not state.trial.get("back"))
        return
    _note(state, "retry", reason)
    state.trial["stage"] = "parked"


def arm_again(state: SlotState) -> None:
    state.trial["stage"] = "armed"
    state.trial["boots"] = 0
    state.trial["retries"] += 1


def _note(state: SlotState, outcome: str, reason: str) -> None:
    if state.trial.get("back") and outcome != "refused":
        return  # how this boot came about is still told by the firmware that was refused
    state.last = {
        "tag": state.trial["tag"],
        "proof": state.trial["proof"],
        "outcome": outcome,
        "reason": reason[:LONGEST_REASON],
    }
