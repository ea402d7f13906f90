"""Push-buttons to ground that toggle a shared value: what the roles button and button2 share."""

import asyncio

from node.debounce import Debounced

POLL_SECONDS = 0.02
PRESSED = 0  # the pull-up holds an open contact at 1


class PushButtons:
    """Buttons on some pins; pressing any of them toggles `key` between "0" and "1"."""

    def __init__(self, board: object, numbers: list, state: object, key: str) -> None:
        self._board = board
        self._state = state
        self._key = key
        self._buttons = [(n, board.pin_in(n, pull_up=True), Debounced()) for n in numbers]

    async def run(self) -> None:
        while True:
            now = self._board.now_us()
            for _, pin, contact in self._buttons:
                first = contact.value is None  # held down while the board starts: no press
                if contact.read(pin.value(), now) and contact.value == PRESSED and not first:
                    self._toggle()
            await asyncio.sleep(POLL_SECONDS)

    def _toggle(self) -> None:
        self._state.set(self._key, "0" if self._state.get(self._key) == "1" else "1")

    def self_test(self) -> str | None:
        for number, _, contact in self._buttons:
            if contact.value is None:
                return f"The button on GPIO{number} gives no steady level."
        return None
