"""What this gateway runs, read from flash at this boot, and the end of a trial of its own.

Needs half of `device/` for a moment only, so `app` unloads this file and what it imports once the
gateway knows who it is; `own_trial` loads it again for the verdict.
"""

from device.flash_files import FlashFiles
from device.proof import slot_manifest, slot_proof
from device.slot_state import SlotState, other_than


def facts(files: FlashFiles, signing_key: str = "") -> dict:
    """The keys of report.gateway that cannot change before the next boot, `in_trial` and `parked`.
    `signing_key` is the config's."""
    state = SlotState(files)
    slot = state.running
    proof, damaged = slot_proof(files, slot, state.record(slot).get("proof", ""))
    found = {
        "type": "gateway",
        "version": (slot_manifest(files, slot) or {}).get("version", ""),
        "proof": proof,
        "boot": state.boot,
        "slot": slot,
        "in_trial": _in_trial(state),
        "parked": bool(state.trial) and state.trial["stage"] == "parked",
        "signing": bool(signing_key),
    }
    if damaged:
        found["damaged"] = damaged
    if state.last:
        found["last"] = state.last
    other = state.record(other_than(slot))
    if other.get("confirmed") and not state.is_refused(other["proof"]):
        found["other"] = {"proof": other["proof"], "version": other["version"]}
    if signing_key:
        from device.signing import Signing

        signing = Signing(files, signing_key, state, 0)
        found["key"], found["floor"] = signing.key_id, signing.floor
    return found


def confirm(files: FlashFiles) -> dict:
    """The running slot has passed its trial; answers what of `facts` is other now. The record first: a
    power cut between the two writes only means that the trial is run again."""
    state = SlotState(files)
    if not _in_trial(state):
        return {}
    record = state.record(state.running)
    record["confirmed"] = True
    record["boot"] = state.boot
    record["signed"] = state.trial.get("signed") or state.signed
    state.write_record(state.running, record)
    from device import slot_trial

    slot_trial.confirm(state)
    state.save()
    changed = {"last": state.last}
    if state.signed:
        changed["floor"] = state.signed["floor"]
    return changed


def retry(files: FlashFiles, reason: str) -> None:
    """No home network or no Home Assistant in time: the next boot runs the old slot."""
    state = SlotState(files)
    if _in_trial(state):
        from device import slot_trial

        slot_trial.park(state, reason)
        state.save()


def refuse(files: FlashFiles, reason: str) -> None:
    """It failed by itself: the next boot runs the old slot, and the image is not taken again."""
    state = SlotState(files)
    if _in_trial(state):
        from device import slot_trial

        slot_trial.refuse(state, reason)
        state.save()


def rearm(files: FlashFiles) -> None:
    """Home Assistant answers the old version: the next boot tries the new one again."""
    state = SlotState(files)
    if state.trial:
        from device import slot_trial

        slot_trial.arm_again(state)
        state.save()


def _in_trial(state: SlotState) -> bool:
    trial = state.trial or {}
    return trial.get("stage") == "running" and trial.get("slot") == state.running
