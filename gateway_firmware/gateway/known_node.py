"""One node as the gateway knows it: when it was heard, what it said last, and whether that is told.

What a node says is kept only until Home Assistant has it: the node can always be asked again, so the
gateway's memory does not grow with the mesh.
"""

import hashlib
import json

from painlessmesh.level1_gateway import GatewayBoot, GatewaySide
from painlessmesh.ota_sender import UNIT

NOTHING, NEWS, URGENT = 0, 1, 2

# A change of these is worth a report at once; heap, signal and the like wait for the regular one.
MATTERS = "type name hardware chip kind version proof slot boot nonce phase last error damaged signing key other"
SECOND = 1_000_000
GREET_AFTER = 28 * SECOND  # of silence: it may have missed our last hello


class KnownNode(GatewaySide):
    """There are many of these on a board: twelve attributes, for more take half as much heap again, and none that takes
    heap of its own. What few of them need is set on these alone."""

    present = True  # in the tree
    behind = False  # whether it may still have the signing key before
    greet = False  # it is to be greeted: there was no way for the hello that is bound to its present boot

    def __init__(self, gateway: GatewayBoot, node_id: int) -> None:
        super().__init__(gateway, node_id)
        self.words = None  # its last status as JSON, until told; (role, hardware) it asked for
        self.news = NOTHING
        self.ask_gap = 0  # us
        self._heard_at = None  # in UNITs, as the next one
        self._ask_at = 0  # when to ask it who it is
        self._digest = 0

    @property
    def owed(self) -> bool:
        """Its status is to be told, and it has to be asked for it."""
        return self.words is None and self.news == URGENT

    @property
    def ours(self) -> bool:
        """It has proved to have the mesh key."""
        return bool(self.node_nonce)

    def silent(self, now: int) -> bool:
        """Whether it was not heard of for so long that it may have missed our last hello."""
        return self._heard_at is None or (now >> UNIT) - self._heard_at > GREET_AFTER >> UNIT

    def ask_in(self, gap: int, now: int) -> None:
        """To be asked who it is, `gap` us from now."""
        self.ask_gap = gap
        self._ask_at = (now + gap) >> UNIT

    def ask_now(self) -> None:
        self.ask_gap = self._ask_at = 0

    def must_be_asked(self, now: int) -> bool:
        return now >> UNIT >= self._ask_at

    def said(self, status: dict, now: int) -> None:
        """A status of this node that is genuine and new."""
        self._heard_at = now >> UNIT
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
        self.news = max(self.news, NEWS if found == self._digest else URGENT)
        self._digest = found

    def asked(self, role: str, hardware: str, now: int) -> None:
        """A node that never spoke level 1 has asked for parts of such an image."""
        self._heard_at = now >> UNIT
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
        heard = ((now >> UNIT) - self._heard_at << UNIT) // SECOND
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
