"""Over-the-air update as painlessMesh users know it: `init_ota_send`, `offer_ota`, `init_ota_receive`.

What lives here: one sender or one receiver joined to a Mesh, announced and answered as the C++ library does it, and the
names of both sides in one place. Not here: who may be trusted (`level1_node.py`), flash, and the order of jobs; the
shipped firmwares have their own for those.
"""

from painlessmesh.ota_receiver import Receiver
from painlessmesh.ota_sender import Offer, Request, Sender
from painlessmesh.protocol import OTA_ANNOUNCE, OTA_DATA, OTA_REQUEST

__all__ = (
    "Giving",
    "Offer",
    "Receiver",
    "Request",
    "Sender",
    "Taking",
    "init_ota_receive",
    "init_ota_send",
)

ANNOUNCE_AGAIN = 60_000_000  # us, as the library
ANNOUNCEMENTS = 60
LINK_ROOM = 2  # frames waiting in the link to a node; more would only fill the heap


class Giving:
    """What `init_ota_send` answers. Call `tick(now)` often; nodes that ask for an offer's role are its targets."""

    def __init__(self, mesh: object, read: object) -> None:
        self.sender = Sender(mesh.node_id)
        self._mesh = mesh
        self._read = read
        self._waiting = []  # requests whose link is not free
        self._left = {}  # offer: announcements still to come
        self._next = {}  # offer: when
        mesh.on_package(OTA_REQUEST, self._requested)

    def offer_ota(
        self, role: str, hardware: str, md5: str, size: int, forced: bool = False
    ) -> Offer:
        """Announce an image of `size` bytes at once and then every minute for an hour.

        ValueError while nodes are on another image for that role and hardware. `forced` is said to no one but each
        node that has asked: said to all, they would install it again after each of their restarts.
        """
        offer = Offer(role, hardware, md5, size, forced)
        if not self.sender.offer(offer):
            raise ValueError("nodes are still taking another image for %s" % role)
        self._left[offer], self._next[offer] = ANNOUNCEMENTS, 0
        return offer

    def withdraw(self, offer: Offer) -> None:
        self.sender.withdraw(offer.role, offer.hardware)
        self._left.pop(offer, None)

    def tick(self, now: int) -> None:
        """Announces and sends what is due."""
        for offer in list(self._left):
            if self._left[offer] and now >= self._next[offer]:
                self._left[offer] -= 1
                self._next[offer] = now + ANNOUNCE_AGAIN
                self._mesh.send(self.sender.broadcast_announcement(offer))
        self._pump(now)

    def _requested(self, package: dict, link: object, now: int) -> None:
        node_id = package.get("from")
        offer = self.sender.offer_of(package.get("role"), package.get("hardware"))
        if offer and self.sender.target(node_id) is None:
            self.sender.add_target(offer, node_id, stock=True)
        request = self.sender.on_request(package, now)
        if request:
            self._waiting.append(request)
        self._pump(now)

    def _pump(self, now: int) -> None:
        while True:
            request = self._waiting[0] if self._waiting else self.sender.due(now)
            if request is None:
                return
            link = self._mesh.link_to(request.node_id)
            if link and link.waiting >= LINK_ROOM:
                if not self._waiting:
                    self._waiting.append(request)
                return
            if self._waiting:
                self._waiting.pop(0)
            self._give(request)

    def _give(self, request: Request) -> None:
        payload = self._read(request.offer, request.part)
        if payload:  # nothing: not there now, and the node asks again
            if request.announce:
                self._mesh.send(self.sender.announcement(request.node_id))
            self._mesh.send(self.sender.data_package(request, payload))


class Taking:
    """What `init_ota_receive` answers. Call `tick(now)` often. `receiver` says how far it is."""

    def __init__(self, mesh: object, receiver: Receiver, take: object) -> None:
        self.receiver = receiver
        self._mesh = mesh
        self._take = take
        mesh.on_package(
            OTA_ANNOUNCE, lambda package, link, now: self._act(receiver.announce(package, now))
        )
        mesh.on_package(OTA_DATA, lambda package, link, now: self._act(receiver.data(package, now)))

    def start(self, part: int, now: int) -> None:
        """After a "begin": the part to go on at; without it, the next `tick` starts at the first."""
        self._act(self.receiver.start(part, now))

    def tick(self, now: int) -> None:
        self._act(self.receiver.tick(now))

    def _act(self, events: list) -> None:
        for event in events:
            if event[0] == "request":
                self._mesh.send(event[1])
            else:
                self._take(event)


def init_ota_send(mesh: object, read: object) -> Giving:
    """Give images to whoever asks. `read(offer, part)` gives that part's bytes (1024, the last may have fewer), or
    nothing."""
    return Giving(mesh, read)


def init_ota_receive(mesh: object, role: str, hardware: str, take: object) -> Taking:
    """Take images for that role; `take(event)` hears the events of `Receiver` but the requests, which are sent.

    Whoever has the mesh's password can send one: check the whole before it runs.
    """
    return Taking(mesh, Receiver(mesh.node_id, role, hardware), take)
