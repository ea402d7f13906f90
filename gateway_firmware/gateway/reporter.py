"""Composes reports: the mesh as this gateway sees it, in small bodies, nothing twice, nothing lost.

Contact and distributor hold the latest absolute values and say which of them are news; here they are
put together, and marked as told only when Home Assistant has signed for them. So a day without Home
Assistant costs no memory: when it is back it hears how things are, not how they went.
"""

import json

NODES_MAX = 4
PROGRESS_MAX = 8
ROOM = 3072  # bytes
NODES_ROOM = 900  # bytes of the body after which no further node is put in
CLOSING = 4  # bytes around a row, and behind the last one
TREE_MAX = 64
BUSY_GAP = 1_000_000  # us between two reports while something moves
IDLE_GAP = 200_000  # us; nodes that change together go into one report
BUSY_QUIET = 1_500_000  # us, nothing to say, but a cancel must be heard of within 2 s
IDLE_QUIET = 60_000_000
BETWEEN_POLLS = 45_000_000  # us after which the regular report goes out rather than break a poll


class Reporter:
    """`facts()` answers the gateway object of a report as a dict, `room()` at least ROOM bytes for its body, which are the
    reporter's until `told` or `lost`."""

    def __init__(
        self, mesh: object, contact: object, distributor: object, facts: object, room: object
    ) -> None:
        self._mesh = mesh
        self._contact = contact
        self._distributor = distributor
        self._facts = facts
        self._told_at = None  # when the last report was signed for; None makes the next one due
        self._gateway_news = self._tree_news = True
        self._flying = []  # what is in the report under way
        self._room = room
        self._body = b""
        self._length = 0
        mesh.on_changed_connections(self._tree_changed)

    def everything(self) -> None:
        """A new session: Home Assistant may know nothing of us."""
        self._gateway_news = self._tree_news = True
        self._told_at = None
        self._contact.tell_everything()
        self._distributor.tell_everything()

    def due_in(self, now: int, between_polls: bool = False) -> int:
        """Microseconds until the next report should go out; 0 when that is now."""
        if self._told_at is None:
            return 0
        if self._distributor.distributing:
            gap = BUSY_GAP if self._has_news() else BUSY_QUIET
        elif self._has_news():
            gap = IDLE_GAP
        else:
            gap = BETWEEN_POLLS if between_polls else IDLE_QUIET
        return max(0, self._told_at + gap - now)

    def compose(self, now: int) -> memoryview:
        """The body of the next report. Follow it up with `told` or `lost`."""
        self._flying = []
        self._body = self._room()
        self._length = 0
        if self._told_at is not None and now - self._told_at >= BETWEEN_POLLS:
            self._contact.promote()  # the regular one: it tells of all nodes, in several if need be
        self._put("{")
        if self._gateway_news or self._told_at is None or not self._distributor.distributing:
            self._put('"gateway": ')
            self._put(json.dumps(self._facts()))
            self._put(", ")
        if self._tree_news:
            self._put_list("tree", self._tree())
            self._put(", ")
        self._gateway_news = self._tree_news = False
        self._put_list("nodes", self._nodes(now))
        self._put(", ")
        self._put_list("progress", self._progress())
        self._put("}")
        return memoryview(self._body)[: self._length]

    def _put_list(self, name: str, rows: object) -> None:
        """Each row is a tuple of pieces."""
        before = '"' + name + '": ['
        for row in rows:
            self._put(before)
            for piece in row:
                self._put(piece)
            before = ", "
        self._put("]" if before == ", " else before + "]")

    def _put(self, piece: str | bytes) -> None:
        piece = piece.encode() if isinstance(piece, str) else piece
        end = self._length + len(piece)
        if end > len(self._body):
            said, self._body = self._body, bytearray(end)
            self._body[: self._length] = said[: self._length]
        memoryview(self._body)[self._length : end] = piece
        self._length = end

    def told(self, now: int) -> None:
        """Home Assistant has signed for the last body."""
        for item in self._flying:
            item.told()
        self._flying = []
        self._told_at = now

    def lost(self) -> None:
        """The last body may never have arrived: all of it is news again."""
        for item in self._flying:
            item.lost()
        self._flying = []
        self._gateway_news = self._tree_news = True

    def _has_news(self) -> bool:
        return self._tree_news or self._contact.has_news() or self._distributor.has_news()

    def _tree(self) -> object:
        for row in self._mesh.tree()[:TREE_MAX]:
            yield ('["{}", "{}"]'.format(*row),)

    def _nodes(self, now: int) -> object:
        for node in self._contact.to_tell(now)[:NODES_MAX]:
            if self._length > NODES_ROOM:
                break
            self._flying.append(node)
            yield node.entry(now)

    def _progress(self) -> object:
        """What finds no room is still news, for the next report; one goes into each."""
        for number, target in enumerate(self._distributor.to_tell()[:PROGRESS_MAX]):
            entry = json.dumps(target.entry())
            if number and self._length + len(entry) + CLOSING > ROOM:
                target.lost()
                break
            self._flying.append(target)
            yield (entry,)

    def _tree_changed(self) -> None:
        self._tree_news = True
