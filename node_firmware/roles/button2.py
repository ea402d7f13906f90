"""Toggles `led` like the role button, with one button on a pin of its own choice."""

from node.push_button import PushButtons


class Role(PushButtons):
    def __init__(self, board: object, config: dict, state: object) -> None:
        PushButtons.__init__(self, board, [config["pins"].get("button2", 0)], state, "led")
