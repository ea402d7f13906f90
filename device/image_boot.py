"""What a boot does about the trial of an esp-image, before anything of an image's own code runs.

Part of the factory loader, on boards with OTA partitions. The bootloader starts a trial only when
told, and ends it at any reset without saying why; an image that it has given up may be set again.
So the counting is ours: written down first, then the bootloader is told, then the board resets.
"""

from device import slot_trial
from device.boot_choice import HANGS, forsake, is_hopeless
from device.partitions import PENDING, VALID
from device.slot_state import SLOTS, SlotState

NOT_TAKEN = "The bootloader does not take the image: {}"


def settle(state: SlotState, cause: str, partitions: object, reset: object) -> None:
    """Carry on, end or start the trial of an image. Calls `reset` when another partition is to be
    booted. Raises OSError when that could not be counted."""
    trial = state.trial
    if trial and trial["slot"] in SLOTS:
        return
    here = bool(trial) and trial["slot"] == partitions.label
    word = partitions.state(partitions.running)
    if word == PENDING:
        if not here:
            proof = state.record(partitions.label).get("proof", "")
            slot_trial.arm(state, partitions.label, proof, slot_trial.UNKNOWN_TAG)
        if state.trial["stage"] != "running":
            state.trial["stage"] = "running"
    elif here and word == VALID:
        slot_trial.confirm(state)  # the power went between the bootloader's note and ours
    elif trial or (cause == "watchdog" and give_way(state, partitions, HANGS, 0)):
        _next_try(state, cause, partitions, here, reset)


def give_way(state: SlotState, partitions: object, reason: str, ran: int) -> bool:
    """As `boot_choice.gives_way`, for an application in the running image: the next boot starts a trial
    of what the other partition holds, if that was confirmed here."""
    known, other = state.record(partitions.label), state.record(partitions.other_label)
    if not is_hopeless(state, ran) or not known.get("confirmed"):
        return False
    if not other.get("confirmed") or state.is_refused(other["proof"]):
        return False
    forsake(state, partitions.label, reason)
    slot_trial.arm_back(state, partitions.other_label, other["proof"])
    state.save()
    return True


def _next_try(state: SlotState, cause: str, partitions: object, here: bool, reset: object) -> None:
    """The table of the trial, where the image is to be booted (again), or gone back from."""
    wanted = slot_trial.step(state, cause)
    if here == (wanted is not None):
        return  # the old one runs and that is right; or a bootloader without trials keeps on
    state.boot += 1
    state.save()
    try:
        if here:
            partitions.go_back()
        else:
            partitions.switch()
    except OSError as error:
        if state.trial:
            slot_trial.refuse(state, NOT_TAKEN.format(error))
        return
    reset()
