"""The first boot of a new version of the gateway itself, until it is confirmed or goes back.

Its partners are the home network and Home Assistant, and its deadline counts only while the first is
there: a house whose router is switched off is no reason to go back.
"""

import asyncio

LOOK_SECONDS = 0.5


async def run(board: object, poller: object) -> None:
    """To the verdict; then the flash knows it and, unless confirmed, the board restarts."""
    from device.trial import GATEWAY_NEEDS, Trial

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
    _carry_out(trial, board)


def _carry_out(trial: object, board: object) -> None:
    from device.flash_files import FlashFiles
    from device.trial import CONFIRMED
    from gateway import own_slot

    if trial.verdict == CONFIRMED:
        own_slot.confirm(FlashFiles())
        print("This version is confirmed.")
    else:
        print("This version is given up for now:", trial.reason)
        own_slot.retry(FlashFiles(), trial.reason)
        board.reset()
