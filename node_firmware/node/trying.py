"""The first boot of a new firmware, to its end: confirmed, tried again later, or refused.

`device.trial` knows what must happen and by when; here it is asked, and its verdict carried out.
What ends this boot in another way (an exception, the watchdog, a power cut) is the loader's.
"""

from device.trial import CONFIRMED, REFUSED, STEADY, Trial

TEST_US = 1000000  # between two self-tests
SELF_TESTS = 5  # contacts and sensors need a moment after power-on


class Trying:
    def __init__(self, slots: object, updater: object, role: object, now: int) -> None:
        self._slots = slots
        self._updater = updater
        self._role = role
        self._trial = Trial(now)
        self._steady_at = now + STEADY
        self._next_test = now + TEST_US
        self._tests = 0
        self.over = False  # the verdict, whatever brought it, has been carried out

    def heard_gateway(self) -> None:
        """A hello that counts has come."""
        self._trial.saw("hello")

    def tick(self, now: int, joined: bool) -> None:
        """Look whether the verdict is there; then the slots know it, and unless the firmware was
        confirmed the board restarts. What the role's self-test raises comes out of here."""
        if self.over:
            return
        if joined:
            self._trial.saw("joined")
        if now >= self._steady_at:
            self._trial.saw("steady")
        if now >= self._next_test and self._tests < SELF_TESTS:
            self._next_test = now + TEST_US
            self._self_test()
        if self._trial.tick(now) is not None:
            self._carry_out()

    def _self_test(self) -> None:
        self._tests += 1
        sentence = self._role.self_test()
        if sentence is None:
            self._tests = SELF_TESTS
            self._trial.saw("self_test")
        elif self._tests == SELF_TESTS:
            self._trial.failed("The self-test failed: " + sentence)

    def _carry_out(self) -> None:
        self.over = True
        verdict, reason = self._trial.verdict, self._trial.reason
        print("trial:", verdict, reason)
        if verdict == CONFIRMED:
            self._slots.confirm()
            self._updater.confirmed()
            return
        if verdict == REFUSED:
            self._slots.refuse(reason)
        else:
            self._slots.retry(reason)
        self._updater.restart()
