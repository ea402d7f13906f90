"""Prints every shared value as it changes; needs no hardware."""

import asyncio


class Role:
    def __init__(self, board: object, config: dict, state: object) -> None:
        self._state = state
        state.watch("*", self._show)

    def _show(self, key: str, value: str) -> None:
        print("state", key, "=", value)

    async def run(self) -> None:
        await asyncio.Event().wait()  # for ever: the mesh calls _show

    def self_test(self) -> str | None:
        return None if self._state.watched("*") else "The watcher does not hear shared values."
