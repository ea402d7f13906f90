"""What this gateway runs, and the trial of a new version of itself.

A gateway's trial has two partners, the home network and Home Assistant, and its deadline counts only
while the first is there: a house whose router is switched off is not a reason to go back.
"""

import asyncio

from device.flash_files import FlashFiles
from device.proof import slot_manifest, slot_proof
from device.slot_state import SlotState

LOOK_SECONDS = 0.5


class OwnSlot:
    """Read from flash at this boot: `slot`, `boot`, `version`, `proof`, `in_trial`."""

    def __init__(self, files: FlashFiles) -> None:
        state = SlotState(files)
        trial = state.trial or {}
        self.slot = state.running
        self.boot = state.boot
        self.last = state.last
        recorded = state.record(self.slot).get("proof", "")
        self.proof, self.damaged = slot_proof(files, self.slot, recorded)
        self.version = (slot_manifest(files, self.slot) or {}).get("version", "")
        self.in_trial = trial.get("stage") == "running" and trial.get("slot") == self.slot


async def try_out(board: object, poller: object) -> None:
    """The trial, to its verdict; then the slots know it and, unless confirmed, the board restarts."""
    from device.slots import Slots
    from device.trial import CONFIRMED, GATEWAY_NEEDS, Trial

    counted = 0
    seen = board.now_us()
    trial = Trial(0, GATEWAY_NEEDS)
    trial.saw("self_test")  # everything was built and its tasks run, or this would not
    while trial.tick(counted) is None:
        await asyncio.sleep(LOOK_SECONDS)
        now = board.now_us()
        if board.router_alive():
            trial.saw("router")
            counted += now - seen
        seen = now
        if poller.accepted:
            trial.saw("home_assistant")
    if trial.verdict == CONFIRMED:
        Slots().confirm()
        print("This version is confirmed.")
    else:
        Slots().retry(trial.reason)
        board.reset()
