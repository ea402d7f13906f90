"""The first boot of a new version of the gateway itself, until it is confirmed or goes back.

Its partners are the home network and Home Assistant, and its clock stands while the first is not there:
a house whose router is switched off is no reason to go back.
"""

import asyncio

LOOK_SECONDS = 0.5
# What a trial loads, with what that imports: 20 KB of heap that nothing needs once it is over.
LOADED = (
    "gateway.own_slot",
    "gateway.own_trial",
    "device.flash_files",
    "device.trial",
    "device.proof",
    "device.manifest",
    "device.slot_reading",
    "device.slot_state",
    "device.slot_trial",
)


async def of(gateway: object) -> None:
    """The trial of this gateway.gateway.Gateway, or its wait for another one."""
    from device import forget
    from device.flash_files import FlashFiles

    step = run if gateway.who["in_trial"] else again
    changed = await step(gateway.board, gateway.poller, FlashFiles(gateway.root))
    forget(LOADED)
    if gateway.updating is None:  # what it may raise has to be the ImageError that it knows
        forget(("device.image",))
    gateway.who.update(changed or {})
    gateway.reporter.everything()
    gateway.poller.wake()


async def run(board: object, poller: object, files: object) -> dict:
    """To the verdict; then the flash knows it and, unless confirmed, the board restarts. Answers what
    is to be said of this gateway from now on, as `own_slot.confirm` does."""
    from device.trial import GATEWAY_NEEDS, STEADY, Trial

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
        if counted >= STEADY:
            trial.saw("steady")
    return _carry_out(trial, board, files)


async def again(board: object, poller: object, files: object) -> None:
    """The new version waits in the other slot, for it did not reach Home Assistant. Once this one does,
    it gets another trial; how many in all is counted in flash."""
    while not poller.accepted:
        await asyncio.sleep(LOOK_SECONDS)
    from gateway import own_slot

    own_slot.rearm(files)
    board.reset()


def _carry_out(trial: object, board: object, files: object) -> dict:
    from device.trial import CONFIRMED, REFUSED
    from gateway import own_slot

    print("trial:", trial.verdict, trial.reason)
    if trial.verdict == CONFIRMED:
        return own_slot.confirm(files)
    give_up = own_slot.refuse if trial.verdict == REFUSED else own_slot.retry
    give_up(files, trial.reason)
    board.reset()
    return {}
