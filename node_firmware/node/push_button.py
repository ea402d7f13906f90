"""Push-buttons to ground that toggle a shared value: what the roles button and button2 share.

Held down for 10 s a button also brings the firmware back that the node ran before.
"""

import asyncio

from node.debounce import Debounced

POLL_SECONDS = 0.02
PRESSED = 0  # the pull-up holds an open contact at 1
LONG_US = 10 * 1000000  # nobody holds a light switch for so long by mistake


class PushButtons:
    """Buttons on some pins; pressing any of them toggles `key` between "0" and "1"."""

    def __init__(self, board: object, numbers: list, state: object, key: str) -> None:
        self._board = board
        self._state = state
        self._key = key
        self._buttons = [(n, board.pin_in(n, pull_up=True), Debounced()) for n in numbers]
        self.on_long_press = None  # called with nothing, once per press
        self._held = {}  # number of a pin: since when it has been pressed

    async def run(self) -> None:
        while True:
            now = self._board.now_us()
            for number, pin, contact in self._buttons:
                first = contact.value is None  # held down while the board starts: no press
                if contact.read(pin.value(), now):
                    self._held.pop(number, None)
                    if contact.value == PRESSED and not first:
                        self._held[number] = now
                        self._toggle()
            self._look_for_long_press(now)
            await asyncio.sleep(POLL_SECONDS)

    def _look_for_long_press(self, now: int) -> None:
        for number in list(self._held):
            if now - self._held[number] >= LONG_US:
                del self._held[number]
                if self.on_long_press is not None:
                    self.on_long_press()

    def _toggle(self) -> None:
        self._state.set(self._key, "0" if self._state.get(self._key) == "1" else "1")

    def self_test(self) -> str | None:
        for number, _, contact in self._buttons:
            if contact.value is None:
                return f"The button on GPIO{number} gives no steady level."
        return None


def way_back(slots: object, updater: object) -> object:
    """What a long press does: the other slot, through the same trial as at the gateway's command."""

    def go_back() -> None:
        other = slots.other_image
        if other is not None:
            updater.command({"do": "flip", "tag": "0", "proof": other["proof"]})

    return go_back
