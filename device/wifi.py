"""Which access point to join, when to look again, when to move. Decisions only: no radio, no clock.

A node without an uplink looks for its next one; a node that has one stays, unless its whole tree
has no root and somebody of another tree is near. In every tree exactly one node has no uplink, so
separate trees find each other without anybody moving, as long as that one hears the other tree.
"""

AVOID_US = 60 * 1000000  # an access point that refused us may be full: others first
PAUSES = (1, 2, 4, 8, 15)  # seconds between fruitless scans; painlessMesh looks every 15 s too
ROOTLESS_US = 15 * 1000000  # time for a root to turn up by itself; a trial has 120 s in all
LONG_ROOTLESS_US = 300 * 1000000  # then the root itself is away: looking costs 2 s of deafness
OFTEN, RARELY = 64, 8  # of 256
AVOIDED_MAX = 16


class Choice:
    """Remembers which access points failed, and picks among the others."""

    def __init__(self, own_id: int) -> None:
        self._own_id = own_id
        self._failed = {}  # node id: when
        self._fruitless = 0

    def best(self, rows: list, in_tree: list, now: int) -> tuple | None:
        """The row (node id, rssi, channel, bssid) to join, or None.

        Never ourselves, nobody whom our own tree holds already (that would close a loop), and no
        row without a signal. Strongest first; one that failed lately only when there is no other.
        The channel is not asked: our access point follows our uplink's.
        """
        chosen = None
        for row in rows:
            if row[0] in (0, self._own_id) or row[0] in in_tree or row[1] == 0:
                continue
            if chosen is None or self._rank(row, now) > self._rank(chosen, now):
                chosen = row
        return chosen

    def failed(self, node_id: int, now: int) -> None:
        if len(self._failed) >= AVOIDED_MAX:
            oldest = min(self._failed.values())
            for known in [known for known in self._failed if self._failed[known] == oldest]:
                self._failed.pop(known)
        self._failed[node_id] = now

    def joined(self, node_id: int) -> None:
        self._failed.pop(node_id, None)
        self._fruitless = 0

    def pause(self, random_byte: int) -> float:
        """Seconds until the next scan, after one that led nowhere. A quarter is chance: boards
        that lost their power together must not scan together for ever."""
        base = PAUSES[min(self._fruitless, len(PAUSES) - 1)]
        self._fruitless += 1
        return base * (1 + (random_byte - 128) / 512)

    def _rank(self, row: tuple, now: int) -> tuple:
        # A second failure of the only one in reach waits in `pause`, not here.
        when = self._failed.get(row[0])
        return (when is None or now - when > AVOID_US, row[1], -row[0])


def may_look_elsewhere(has_root: bool, rootless_since: int, now: int, random_byte: int) -> bool:
    """Whether a node with an uplink should look for another tree: only where there is no root to
    lose, and by chance, so that two trees do not swap their nodes at the same moment."""
    rootless = now - rootless_since
    chance = OFTEN if rootless < LONG_ROOTLESS_US else RARELY
    return not has_root and rootless > ROOTLESS_US and random_byte < chance
