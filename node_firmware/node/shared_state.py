"""Small values that all nodes of a mesh share ("motion" is "1"), and who is alive.

The messages are those of the MeshSwarm sketches, inside painlessMesh BROADCAST and SINGLE packages,
so C++ nodes and ours work in one mesh: `{"t": type, "n": name, "d": {…}}`. No I/O, no clock: `now`
in microseconds. The values carry no proof: whoever has the WiFi password may set them, therefore
nothing here ever touches firmware, and every table has a limit.
"""

import json

from painlessmesh.protocol import encode

HEARTBEAT, SET, SYNC, REQUEST, COMMAND, TELEMETRY = 1, 2, 3, 4, 5, 6

HEARTBEAT_US = 5 * 1000000
SYNC_US = 10 * 1000000
TELEMETRY_US = 30 * 1000000
SILENT_US = 15 * 1000000  # a peer silent for so long is dropped
ANSWER_US = 2 * 1000000  # a burst of requests gets one answer

ENTRIES_MAX = 32
KEY_MAX = 32
VALUE_MAX = 64
PEERS_MAX = 64
SYNC_ENTRIES = 8  # in one message: 8 of the longest stay far below a frame of 4096 bytes
UINT32 = 0xFFFFFFFF


class SharedState:
    """Values by key, each with a version and the node that set it. Values are texts."""

    def __init__(self, mesh: object, name: str, vitals: object) -> None:
        """`vitals()` answers (seconds up, heap bytes free, firmware version)."""
        self.role = ""  # the node type, said in telemetry
        self.gateway = None  # node id that gets telemetry
        self._mesh = mesh
        self._name = name
        self._vitals = vitals
        self._entries = {}  # key: (value, version, origin)
        self._watchers = []  # (key, call)
        self._peers = {}  # node id: when heard
        self._now = 0
        self._due = {HEARTBEAT: 0, SYNC: SYNC_US, TELEMETRY: TELEMETRY_US}
        self._asked = False  # somebody wants all values
        self._answered = -ANSWER_US

    # ---- for roles

    def get(self, key: str, default: str | None = None) -> str | None:
        entry = self._entries.get(key)
        return default if entry is None else entry[0]

    def set(self, key: str, value: str) -> bool:
        """Set and tell everybody. A value that is set already sends nothing; answers whether."""
        entry = self._entries.get(key)
        if entry is not None and entry[0] == value:
            return False
        version = 1 if entry is None else min(entry[1] + 1, UINT32)
        if not self._store(key, value, version, self._mesh.node_id):
            return False
        self._broadcast(SET, self._fields(key))
        return True

    def watch(self, key: str, call: object) -> None:
        """`call(key, value)` whenever that value changes; key "*" means all of them."""
        self._watchers.append((key, call))
        for known in self._entries:
            if key in ("*", known):
                call(known, self._entries[known][0])

    def watched(self, key: str) -> bool:
        return any(known == key for known, _ in self._watchers)

    def peers(self) -> int:
        """How many other nodes are alive."""
        return len(self._peers)

    def is_coordinator(self) -> bool:
        return all(self._mesh.node_id < peer for peer in self._peers)

    # ---- for the app

    def joined(self, _node_id: int) -> None:
        """A neighbour is new: tell it all, ask for what it has."""
        self._broadcast(REQUEST, (("req", 1),))
        self._asked = True

    def receive(self, sender: int, text: str) -> None:
        """One message. Never raises on hostile text."""
        try:
            message = json.loads(text)
            kind = message["t"]
            content = message.get("d", {})
        except (ValueError, KeyError, TypeError, AttributeError):
            return
        if not isinstance(content, dict) or sender == self._mesh.node_id:
            return
        self._heard(sender)
        if kind == SET:
            self._take(content)
        elif kind == SYNC and isinstance(content.get("s"), list):
            for fields in content["s"][:ENTRIES_MAX]:
                if isinstance(fields, dict):
                    self._take(fields)
        elif kind == REQUEST:
            self._asked = True

    def tick(self, now: int) -> None:
        """Send what is due. Call at least every second."""
        self._now = now
        for peer in [peer for peer in self._peers if now - self._peers[peer] > SILENT_US]:
            self._peers.pop(peer)
        if self._is_due(HEARTBEAT, HEARTBEAT_US):
            self._heartbeat()
        if self._is_due(TELEMETRY, TELEMETRY_US) and self.gateway is not None:
            self._telemetry()
        if self._asked and now - self._answered >= ANSWER_US:
            self._answered = now
            self._asked = False
            self._due[SYNC] = 0
        if self._is_due(SYNC, SYNC_US):
            self._sync()

    # ---- inside

    def _is_due(self, kind: int, every: int) -> bool:
        if self._now < self._due[kind]:
            return False
        self._due[kind] = self._now + every
        return True

    def _heard(self, sender: int) -> None:
        if sender in self._peers or len(self._peers) < PEERS_MAX:
            self._peers[sender] = self._now

    def _take(self, fields: dict) -> None:
        """The greater version wins; of equal ones that of the smaller origin."""
        key, value = fields.get("k"), fields.get("v")
        version, origin = fields.get("ver"), fields.get("org")
        if not (isinstance(key, str) and isinstance(value, str)):
            return
        if not (_is_uint32(version) and _is_uint32(origin)):
            return
        known = self._entries.get(key)
        if known is None or version > known[1] or (version == known[1] and origin < known[2]):
            self._store(key, value, version, origin)

    def _store(self, key: str, value: str, version: int, origin: int) -> bool:
        known = self._entries.get(key)
        if len(key.encode()) > KEY_MAX or len(value.encode()) > VALUE_MAX:
            return False
        if known is None and len(self._entries) >= ENTRIES_MAX:
            return False
        self._entries[key] = (value, version, origin)
        if known is None or known[0] != value:
            for watched, call in self._watchers:
                if watched in ("*", key):
                    call(key, value)
        return True

    def _fields(self, key: str) -> tuple:
        value, version, origin = self._entries[key]
        return (("k", key), ("v", value), ("ver", version), ("org", origin))

    def _sync(self) -> None:
        keys = sorted(self._entries)
        for first in range(0, len(keys), SYNC_ENTRIES):
            some = [_object(self._fields(key)) for key in keys[first : first + SYNC_ENTRIES]]
            self._broadcast(SYNC, (("s", b"[" + b",".join(some) + b"]"),))

    def _heartbeat(self) -> None:
        up, heap, _ = self._vitals()
        self._broadcast(
            HEARTBEAT,
            (
                ("role", "COORD" if self.is_coordinator() else "PEER"),
                ("up", up),
                ("heap", heap),
                ("states", len(self._entries)),
            ),
        )

    def _telemetry(self) -> None:
        up, heap, version = self._vitals()
        some = [(key, self._entries[key][0]) for key in sorted(self._entries)[: 2 * SYNC_ENTRIES]]
        content = (
            ("name", self._name),
            ("uptime", up),
            ("heap_free", heap),
            ("peer_count", len(self._peers)),
            ("role", self.role),
            ("firmware", version),
            ("state", tuple(some)),
        )
        self._mesh.send_single(self.gateway, self._message(TELEMETRY, content))

    def _broadcast(self, kind: int, content: tuple) -> None:
        self._mesh.send_broadcast(self._message(kind, content))

    def _message(self, kind: int, content: tuple) -> str:
        return _object((("t", kind), ("n", self._name), ("d", content))).decode()


def _object(pairs: tuple) -> bytes:
    return encode(pairs)[:-1]  # without the frame's terminator


def _is_uint32(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= UINT32
