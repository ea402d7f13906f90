"""Climate sensor: `temp` and `humidity`, with a zone also `temp_<zone>` and `humidity_<zone>`."""

import asyncio

FRESH_US = 60 * 1000000  # a reading that is older proves nothing


class Role:
    def __init__(self, board: object, config: dict, state: object) -> None:
        self._board = board
        self._state = state
        self._pin = config["pins"].get("dht", 4)
        self._kind = config["sensor"]["kind"]
        self._interval = config["sensor"]["interval"]
        self._suffixes = [""]
        if config["zone"]:
            self._suffixes.append("_" + config["zone"])
        self._read_at = None

    async def run(self) -> None:
        while True:
            self._measure()
            await asyncio.sleep(self._interval)

    def _measure(self) -> bool:
        try:
            temperature, humidity = self._board.dht_read(self._kind, self._pin)
        except OSError:
            return False  # one missed reading is common; the next comes soon
        self._read_at = self._board.now_us()
        for suffix in self._suffixes:
            self._state.set("temp" + suffix, f"{temperature:.1f}")
            self._state.set("humidity" + suffix, f"{humidity:.1f}")
        return True

    def self_test(self) -> str | None:
        if self._read_at is not None and self._board.now_us() - self._read_at < FRESH_US:
            return None
        if self._measure():
            return None
        return f"No {self._kind} sensor answers on GPIO{self._pin}."
