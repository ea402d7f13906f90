"""Shows the mesh: one LED for `led`, one while other nodes are alive, one for `motion`."""

import asyncio

PEERS_SECONDS = 1


class Role:
    def __init__(self, board: object, config: dict, state: object) -> None:
        self._state = state
        self._numbers = {}
        self._pins = {}
        for name, number in (("led", 2), ("peers", 4), ("motion", 15)):
            self._numbers[name] = config["pins"].get(name, number)
            self._pins[name] = board.pin_out(self._numbers[name])
            self._pins[name].value(0)
        state.watch("led", self._show)
        state.watch("motion", self._show)

    def _show(self, key: str, value: str) -> None:
        self._pins[key].value(1 if value == "1" else 0)

    async def run(self) -> None:
        while True:
            self._pins["peers"].value(1 if self._state.peers() else 0)
            await asyncio.sleep(PEERS_SECONDS)

    def self_test(self) -> str | None:
        """Each output must follow: a shorted or wrongly chosen pin does not."""
        for name in ("led", "peers", "motion"):
            pin = self._pins[name]
            before = pin.value()
            pin.value(1 - before)
            follows = pin.value() == 1 - before
            pin.value(before)
            if not follows:
                return f"The {name} LED's output GPIO{self._numbers[name]} does not follow."
        return None
