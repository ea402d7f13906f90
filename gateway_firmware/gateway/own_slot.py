"""What this gateway runs, read from flash at this boot, and the end of a trial of its own.

Needs half of `device/` for a moment only, so `app` unloads this file and what it imports once the
gateway knows who it is; `own_trial` loads it again for the verdict.
"""

from device.flash_files import FlashFiles
from device.proof import slot_manifest, slot_proof
from device.slot_state import SlotState


def facts(files: FlashFiles) -> dict:
    """The keys of report.gateway that cannot change before the next boot, and `in_trial`."""
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
    }
    if damaged:
        found["damaged"] = damaged
    if state.last:
        found["last"] = state.last
    return found


def confirm(files: FlashFiles) -> None:
    """The running slot has passed its trial. The record first: a power cut between the two writes
    only means that the trial is run again."""
    state = SlotState(files)
    if _in_trial(state):
        record = state.record(state.running)
        record["confirmed"] = True
        record["boot"] = state.boot
        state.write_record(state.running, record)
        state.confirm()
        state.save()


def retry(files: FlashFiles, reason: str) -> None:
    """No home network or no Home Assistant in time: the next boot runs the old slot."""
    state = SlotState(files)
    if _in_trial(state):
        state.park(reason)
        state.save()


def _in_trial(state: SlotState) -> bool:
    trial = state.trial or {}
    return trial.get("stage") == "running" and trial.get("slot") == state.running
