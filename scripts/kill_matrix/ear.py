"""What passes between the gateway and its neighbours: which point a job has reached, and how often each part went out."""

import re

from scripts.kill_matrix.runs import SHARES

_PART = re.compile(rb'"noPart":(\d+),.*"dest":\d+,"partNo":(\d+),')
_PHASE = re.compile(rb'\\"phase\\":\\"(\w+)\\"')


class Ear:
    """Hears one node's job at a time; `hear` is what a Wire calls."""

    def __init__(self) -> None:
        self._streams: dict[object, bytes] = {}
        self.listen_for(0)

    def listen_for(self, node_id: int) -> None:
        """Forget all that was heard; from now on it is about this node."""
        self._node = str(node_id).encode()
        self.parts = 1
        """of the image as it goes over the mesh, deflated or not; as the parts themselves say it"""
        self._sent: list[int] = []
        self._heard: set[str] = set()

    @property
    def sent(self) -> int:
        """Parts that went out to the node, each time counted."""
        return len(self._sent)

    @property
    def sent_again(self) -> int:
        """Parts that went out to the node beyond once each."""
        return len(self._sent) - len(set(self._sent))

    def sent_before(self, count: int) -> int:
        """Of the parts after the first `count` ones: those that were among these."""
        return len(set(self._sent[:count]) & set(self._sent[count:]))

    def reached(self, point: str) -> bool:
        if point in SHARES:
            wanted = min(int(SHARES[point] * self.parts), self.parts - 1)
            return any(part >= wanted for part in self._sent)
        return point in self._heard

    def hear(self, stream: object, chunk: bytes) -> None:
        *frames, rest = (self._streams.get(stream, b"") + chunk).split(b"\0")
        self._streams[stream] = rest
        for frame in frames:
            self._frame(frame)

    def _frame(self, frame: bytes) -> None:
        to_node = b'"dest":' + self._node + b"," in frame
        if b'"type":12,' in frame and to_node:
            found = _PART.search(frame)
            if found:
                self.parts = int(found[1])
                self._sent.append(int(found[2]))
        elif b'"type":10,' in frame and (to_node or b'"dest":' + self._node + b"}" in frame):
            self._heard.add("offered")
        elif b'"type":71,' in frame and to_node and b'\\"do\\":\\"commit\\"' in frame:
            self._heard.add("commit")
        elif b'"type":71,' in frame and b'"from":' + self._node + b"," in frame:
            found = _PHASE.search(frame)
            if found:
                self._heard.add(found[1].decode())
