"""One node as the gateway knows it: when it was heard, what it said last, and whether that is told.

What a node says is kept only until Home Assistant has it: the node can always be asked again, so the
gateway's memory does not grow with the mesh.
"""

import hashlib
import json

NOTHING, NEWS, URGENT = 0, 1, 2

# A change of these is worth a report at once; heap, signal and the like wait for the regular one.
MATTERS = "type name hardware chip kind version proof slot boot nonce phase last error damaged signing key other"
SECOND = 1_000_000


class KnownNode:
    """`side` is the order of its messages (`painlessmesh.level1.GatewaySide`).

    There are many of these on a board: few attributes, and none that takes heap of its own.
    """

    behind = False  # whether it may still have the signing key before; set on the few that may

    def __init__(self, side: object) -> None:
        self.side = side
        self.present = True  # in the tree
        self.heard_at = None
        self.ask_at = 0  # when to ask it who it is
        self.ask_gap = 0
        self.greeted = ""  # boot nonce of the node that was greeted last
        self.words = None  # its last status as JSON, until told; (role, hardware) it asked for
        self.news = NOTHING
        self.owed = False  # its status is to be told, and it has to be asked for it
        self._digest = 0

    @property
    def node_id(self) -> int:
        return self.side.node_id

    @property
    def ours(self) -> bool:
        """It has proved to have the mesh key."""
        return bool(self.side.node_nonce)

    def said(self, status: dict, now: int) -> None:
        """A status of this node that is genuine and new."""
        self.heard_at = now
        # Written anew: what MicroPython's parser lets pass need not be JSON to Home Assistant.
        self.words = json.dumps(status, separators=(",", ":")).encode()
        digest = hashlib.sha256()
        for name in MATTERS.split(" "):
            # Through str(), not json: a nested object must not depend on the order of its keys.
            value = status.get(name)
            if isinstance(value, dict):
                value = sorted([(key, str(value[key])) for key in value])
            digest.update(str(value).encode() + b"\n")
        found = int.from_bytes(digest.digest()[:3], "big")  # small enough to take no heap
        worth = URGENT if self.owed or found != self._digest else NEWS
        self.news = max(self.news, worth)
        self.owed = False
        self._digest = found

    def asked(self, role: str, hardware: str, now: int) -> None:
        """A node that never spoke level 1 has asked for parts of such an image."""
        self.heard_at = now
        if not self.ours and self.words != (role, hardware):
            self.words = (role, hardware)
            self.news = URGENT

    @property
    def size(self) -> int:
        """Bytes of heap that its last status takes."""
        return len(self.words) if isinstance(self.words, bytes) else 0

    # ---- for the reporter

    def entry(self, now: int) -> tuple:
        """Its entry in a report, as pieces of JSON; follow it up with `told` or `lost`."""
        self.news = NOTHING
        heard = (now - self.heard_at) // SECOND
        head = '{{"node_id": "{}", "heard": {}, '.format(self.node_id, heard)
        if isinstance(
            self.words, bytes
        ):  # in a piece of its own: there may be no room for it once more
            return head, '"status": ', self.words, "}"
        role, hardware = [json.dumps(word) for word in self.words]
        return head, '"asks_for": {{"role": {}, "hardware": {}}}'.format(role, hardware), "}"

    def told(self) -> None:
        if self.news == NOTHING and self.size:
            self.words = None

    def lost(self) -> None:
        self.news = URGENT
