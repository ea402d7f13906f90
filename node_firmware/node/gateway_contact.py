"""How a node and its gateway meet and keep in touch (docs/mesh-protocol.md §5).

Who may be believed is `painlessmesh.level1`'s question; here is when a status goes out, and who is
told that the gateway has answered or commands something. No I/O, no clock.
"""

import json

STATUS_US = 60 * 1000000  # while the gateway is known
ANSWER_US = 2 * 1000000  # a hello is not answered again within this


class GatewayContact:
    def __init__(self, side: object, mesh: object, compose: object) -> None:
        """`side` is a level1.NodeSide; `compose()` answers the body of a status."""
        self.side = side
        self.on_hello = None  # called with nothing: the gateway is there and has answered
        self.on_go = None  # called with the parsed body of a genuine `go`
        self._mesh = mesh
        self._compose = compose
        self._sent_at = -ANSWER_US
        self._owed = False  # a status could not be made
        mesh.on_package(71, self._received)

    def _received(self, package: dict, _link: object, now: int) -> None:
        body = self.side.check(package)
        if body is None:
            asker = self.side.asked_by(package, now)
            if asker is not None:
                self._send(now, asker)
        elif package["op"] == "go":
            self._command(body)
        else:
            self.on_hello()
            self.answer(now)  # the gateway greets again when it has not heard us for a while

    def _command(self, body: str) -> None:
        try:
            command = json.loads(body)
        except ValueError:
            return
        if isinstance(command, dict):
            self.on_go(command)

    def report(self, now: int) -> None:
        """Send a status to the gateway, if there is one: something about this node has changed."""
        if self.side.gateway:
            self._send(now)

    def answer(self, now: int) -> None:
        """The same for one who may ask all the time: at most once in 2 s."""
        if now - self._sent_at >= ANSWER_US:
            self.report(now)

    def need(self, body: str) -> None:
        """What the image on its way lacks; there is nobody to tell before the gateway has answered."""
        package = self.side.build("need", body)
        if package is not None:
            self._mesh.send(package)

    def tick(self, now: int) -> None:
        if self._owed or now - self._sent_at >= STATUS_US:
            self.report(now)

    def _send(self, now: int, to: tuple | None = None) -> None:
        self._owed = True
        self._sent_at = now
        try:
            package = self.side.build("status", self._compose(), to)
        except MemoryError:
            return  # what was to be told has happened all the same; the next tick tells it
        self._owed = False
        if package is not None:
            self._mesh.send(package)
