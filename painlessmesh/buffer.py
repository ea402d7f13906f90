"""Cuts a byte stream into frames. Knows the terminator and the limits; does not know what a frame means."""

FRAME_LIMIT = 8192  # bytes of one frame that we accept, terminator not counted
SKIP_LIMIT = 65536  # bytes skipped in one frame that is too long, before the link must close


class FrameBuffer:
    """Holds at most one unfinished frame, whatever arrives."""

    overflowed = False  # the peer never ends its frame: the link must close
    _skipped = 0  # bytes thrown away of the frame under way

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, chunk: bytes, size: int | None = None) -> list:
        """The frames that are complete with `chunk[:size]`, without their terminators and without empty ones.

        Each is a bytearray of its own: a copy as bytes would cost a board another 1.6 KB for every part of an image.
        """
        frames = []
        end = len(chunk) if size is None else size
        start = 0
        while start < end and not self.overflowed:
            stop = chunk.find(b"\0", start, end)
            self._keep(chunk, start, end if stop < 0 else stop)
            if stop < 0:
                break
            if self._held and not self._skipped:
                frames.append(self._held)
            self._held = bytearray()
            if self._skipped:
                self._skipped = 0
            start = stop + 1
        return frames

    def _keep(self, chunk: bytes, start: int, stop: int) -> None:
        if not self._skipped and len(self._held) + stop - start <= FRAME_LIMIT:
            self._held += chunk[start:stop]
            return
        self._skipped += len(self._held) + stop - start
        self._held = bytearray()
        self.overflowed = self._skipped > SKIP_LIMIT
