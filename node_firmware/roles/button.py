"""Toggles `led`: the board's own BOOT button and one outside."""

from node.push_button import PushButtons


class Role(PushButtons):
    def __init__(self, board: object, config: dict, state: object) -> None:
        pins = config["pins"]
        PushButtons.__init__(
            self, board, [pins.get("boot", 0), pins.get("button", 5)], state, "led"
        )
