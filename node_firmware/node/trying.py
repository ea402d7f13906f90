"""The first boot of a new firmware, to its end: confirmed, tried again later, or refused.

`device.trial` knows what must happen and by when; here it is asked, and its verdict carried out.
What ends this boot in another way (an exception, the watchdog, a power cut) is the loader's.
"""

import asyncio

from device.trial import CONFIRMED, REFUSED, Trial

LOOK_SECONDS = 0.25
TEST_EVERY = 4  # looks: a second
SELF_TESTS = 5  # contacts and sensors need a moment after power-on


class Trying:
    def __init__(self, board: object, slots: object, updater: object, role: object) -> None:
        self._board = board
        self._slots = slots
        self._updater = updater
        self._role = role
        self._trial = Trial(board.now_us())
        self._passed = False

    def heard_gateway(self) -> None:
        """A hello that counts has come."""
        self._trial.saw("hello")

    async def run(self, mesh: object) -> None:
        """Until the verdict; then the slots know it and, unless confirmed, the board restarts."""
        looks = 0
        while self._trial.tick(self._board.now_us()) is None:
            await asyncio.sleep(LOOK_SECONDS)
            looks += 1
            if mesh.get_node_list():
                self._trial.saw("joined")
            if looks % TEST_EVERY == 0 and not self._passed:
                self._self_test(looks // TEST_EVERY)
        self._carry_out()

    def _self_test(self, times: int) -> None:
        sentence = self._role.self_test()
        if sentence is None:
            self._passed = True
            self._trial.saw("self_test")
        elif times >= SELF_TESTS:
            self._trial.failed("The self-test failed: " + sentence)

    def _carry_out(self) -> None:
        print("trial:", self._trial.verdict, self._trial.reason)
        if self._trial.verdict == CONFIRMED:
            self._slots.confirm()
            self._updater.confirmed()
            return
        if self._trial.verdict == REFUSED:
            self._slots.refuse(self._trial.reason)
        else:
            self._slots.retry(self._trial.reason)
        self._updater.restart()
