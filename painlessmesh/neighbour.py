"""One neighbour: what waits to be sent to it, the tree behind it, its timers. Decides nothing; `mesh.py` does."""

from painlessmesh.buffer import FrameBuffer
from painlessmesh.ntp import TimeSync

WAITING_LIMIT = 32  # ordinary frames
WAITING_BYTES = 32768  # of ordinary frames: a slow link must not eat a board's heap

FIRST_REQUEST = 10_000_000  # us from accepting a link to our own first node sync
SYNC_INTERVAL = 60_000_000  # us between our node syncs
REPLY_TIMEOUT = 10_000_000  # us for a node sync to be answered


class Link:
    """A TCP connection to a neighbour, without the connection.

    The I/O side sets `wake`, takes frames with `next_frame`, and ends the connection when `closing` holds a reason.
    Twelve attributes: a board has eight of these, and a thirteenth costs each of them half as much heap again.
    """

    closing = ""  # why the connection must end

    def __init__(self, now: int, dialled: bool) -> None:
        self.dialled = dialled
        self.node_id = 0  # 0 until its first node sync
        self.tree = b""  # as layout.py has it; empty until then
        self.wake = None  # called when there is something to send or a reason to close
        self.buffer = FrameBuffer()
        self.time = TimeSync()
        self.next_sync = now if dialled else now + FIRST_REQUEST
        self.reply_by = None  # when the answer to our node sync is overdue
        self.round_trip = 0  # us, from our last node sync to its answer
        self._urgent = []  # (kind, frame): at most one of each kind
        self._ordinary = []
        self._bytes = 0

    @property
    def waiting(self) -> int:
        """Frames not yet taken."""
        return len(self._urgent) + len(self._ordinary)

    def queue(self, frame: object) -> None:
        """An ordinary frame; beyond the limits the oldest ones are dropped.

        Wherever a frame is queued, a function may be in its place: it makes the frame, or None, when it is to be sent, so
        that what waits takes no heap.
        """
        self._ordinary.append(frame)
        self._bytes += _size(frame)
        while len(self._ordinary) > WAITING_LIMIT or self._bytes > WAITING_BYTES:
            self._bytes -= _size(self._ordinary.pop(0))
        self._call()

    def queue_urgent(self, kind: int, frame: object) -> None:
        """A time or node sync. A newer one replaces a waiting one of its kind, so that no peer can pile them up."""
        for index, waiting in enumerate(self._urgent):
            if waiting[0] == kind:
                self._urgent[index] = (kind, frame)
                break
        else:
            self._urgent.append((kind, frame))
        self._call()

    def next_frame(self) -> bytes | None:
        """The frame to send next, urgent ones first; None when nothing waits. Another may be made in the same memory."""
        frame = None
        while frame is None and self.waiting:
            if self._urgent:
                frame = self._urgent.pop(0)[1]
            else:
                frame = self._ordinary.pop(0)
                self._bytes -= _size(frame)
            if callable(frame):
                frame = frame()
        return frame

    def close(self, reason: str) -> None:
        """The first reason stays."""
        if not self.closing:
            self.closing = reason
            self._call()

    def requested(self, now: int) -> None:
        """A node sync of ours goes out."""
        self.next_sync = now + SYNC_INTERVAL
        if self.reply_by is None:
            self.reply_by = now + REPLY_TIMEOUT

    def replied(self, now: int) -> None:
        if self.reply_by is not None:
            self.round_trip = now - (
                self.reply_by - REPLY_TIMEOUT
            )  # since the oldest unanswered one
            self.reply_by = None

    def _call(self) -> None:
        if self.wake:
            self.wake()


def _size(frame: object) -> int:
    return 0 if callable(frame) else len(frame)
