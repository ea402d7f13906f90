"""Mesh time between neighbours: who asks whom, what is answered, what it does to our own time (types 3 and 4).

The arithmetic and each link's timer are in `ntp.py`; what is here knows packages and links.
"""

from painlessmesh import layout, ntp, router
from painlessmesh.neighbour import Link
from painlessmesh.protocol import TIME_SYNC, encode, number, u32

NOTHING = -2  # what a time package without a usable `type` says


class MeshTime:
    """The mesh time of one node; `mesh` is the Mesh it belongs to."""

    def __init__(self, mesh: object) -> None:
        self._mesh = mesh
        self._offset = 0  # from the local clock to mesh time

    def at(self, now: int) -> int:
        return ntp.uint32(now + self._offset)

    def open_exchange(self, link: Link, now: int) -> None:
        """Our question, or the request to be asked when the peer is to take our time."""
        link.time.asks(now)
        mesh = self._mesh
        theirs = layout.size(link.tree)
        mine = len(mesh.get_node_list()) + 1 - theirs
        if ntp.adopts(mine, theirs, mesh.node_id, link.node_id):
            self._ask(link, now)
        else:
            self._send(TIME_SYNC, link, link.node_id, (("type", ntp.ASK_ME),))

    def delay_package(self, package: dict, link: Link, now: int) -> None:
        """How far is it to you? Answered on the link it came from."""
        msg = package.get("msg")
        if isinstance(msg, dict) and number(msg, "type", NOTHING) == ntp.ASK:
            self._answer(package, link, now)

    def sync_package(self, package: dict, link: Link, now: int) -> None:
        msg = package.get("msg")
        if not isinstance(msg, dict):
            return
        kind = number(msg, "type", NOTHING)
        if kind == ntp.ASK_ME:
            self._ask(link, now)
        elif kind == ntp.ASK:
            link.time.peer_asks(now)
            self._answer(package, link, now)
        elif kind == ntp.ANSWER:
            self._adjust(msg, link, now)
        elif msg.get("type") == ntp.RESTART:
            link.time.due = now

    def _ask(self, link: Link, now: int) -> None:
        t0 = self.at(now)
        link.time.ask(t0)
        self._send(TIME_SYNC, link, link.node_id, (("type", ntp.ASK), ("t0", t0)))

    def _answer(self, package: dict, link: Link, now: int) -> None:
        t1, t2 = ntp.stamps(self.at(now), link.round_trip, link.time.repeats)
        answer = (
            ("type", ntp.ANSWER),
            ("t0", u32(package["msg"], "t0")),
            ("t1", t1),
            ("t2", t2),
        )
        self._send(number(package, "type", 0), link, u32(package, "from"), answer)

    def _send(self, package_type: int, link: Link, dest: int, msg: tuple) -> None:
        pairs = (
            ("type", package_type),
            ("dest", dest),
            ("from", self._mesh.node_id),
            ("msg", msg),
        )
        link.queue_urgent(package_type, encode(pairs))

    def _adjust(self, msg: dict, link: Link, now: int) -> None:
        found = link.time.answered(
            u32(msg, "t0"), u32(msg, "t1"), u32(msg, "t2"), self.at(now), now
        )
        self._offset += found
        settled = link.time.settled()
        for other in router.identified(self._mesh.links, link):
            if found:
                other.time.forget()
            if settled:
                other.time.due = now
