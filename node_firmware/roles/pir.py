"""Motion sensor: `motion` and `motion_<zone>` are "1" while somebody moves, else "0"."""

import asyncio

from node.debounce import Debounced

POLL_SECONDS = 0.02


class Role:
    def __init__(self, board: object, config: dict, state: object) -> None:
        self._board = board
        self._state = state
        self._number = config["pins"].get("pir", 4)
        self._pin = board.pin_in(self._number)
        self._contact = Debounced()
        self._keys = ["motion"]
        if config["zone"]:
            self._keys.append("motion_" + config["zone"])

    async def run(self) -> None:
        while True:
            if self._contact.read(self._pin.value(), self._board.now_us()):
                for key in self._keys:
                    self._state.set(key, str(self._contact.value))
            await asyncio.sleep(POLL_SECONDS)

    def self_test(self) -> str | None:
        if self._contact.value is None:
            return f"The PIR sensor on GPIO{self._number} gives no steady level."
        return None
