"""Over-the-air update, level 0, the giving side: what is offered to whom, and which part goes out next.

What lives here: painlessMesh packages 10, 11 and 12 as a sender. Not here: the image (the caller reads a part when told
to send it), who should get what, when a job has ended. Better than the original sender without a byte that it would not
send: only targets are answered, parts are pushed ahead of the requests, a lost part is repeated after 1 to 3 s, not 30.
"""

import binascii

from painlessmesh.protocol import (
    OTA_ANNOUNCE,
    OTA_DATA,
    OTA_REQUEST,
    PART_SIZE,
    PARTS_LIMIT,
    TO_ALL,
    TO_ONE,
    encode,
    flag,
    lower_hex,
    number,
    text,
    u32,
)

# Bits by which times are shorter where many are kept, so that they are 1024 us each: where words have 4 bytes, a number
# beyond 30 bits takes 32 bytes of heap, which microseconds need after 18 minutes, these after twelve days.
UNIT = 10
AHEAD_LIMIT = 64  # parts that a node may have out of order
FRAME_SIZE = 1760  # bytes: a DATA with a full part and a long role
PIECE = 192  # bytes written as base64 at a time; a multiple of 3
_BEFORE_CONTENT = b',"data":"'


class Offer:
    """One image for one (role, hardware). `md5`, 32 lower-case hex digits, names it on the mesh.

    `part_size` is not on the wire: our own nodes expect the one that is the default.
    """

    def __init__(
        self,
        role: str,
        hardware: str,
        md5: str,
        size: int,
        forced: bool = False,
        part_size: int = PART_SIZE,
    ) -> None:
        self.role = role
        self.hardware = hardware
        self.md5 = md5
        self.size = size  # bytes
        self.forced = forced
        self.broadcast = False  # parts go to everybody, and one node asks for all (the original's broadcast mode)
        self.part_size = part_size
        self.parts = (size + part_size - 1) // part_size
        if not 1 <= self.parts <= PARTS_LIMIT:
            raise ValueError("an image of %d bytes cannot be offered" % size)
        if not lower_hex(md5, 32):  # a C++ node would install the image unchecked
            raise ValueError("an image cannot be offered without its MD5 in lower case")

    def part_length(self, part: int) -> int:
        return min(self.part_size, self.size - part * self.part_size)


class Request:
    """One part to send now to one node. `announce`: send the announcement to it again, just before."""

    to_all = False

    def __init__(self, target: object, part: int, announce: bool) -> None:
        self.node_id = target.node_id
        self.offer = target.offer
        self.part = part
        self.announce = announce
        self.broadcasted = target.broadcasted
        self.compressed = target.compressed


class Sender:
    """All offers of one gateway."""

    def __init__(self, node_id: int) -> None:
        self.node_id = node_id
        self._offers = {}  # (role, hardware): Offer
        self._targets = []  # the next one to be served is first
        self._frame = bytearray(FRAME_SIZE)

    def offer(self, offer: Offer) -> bool:
        """Makes it the offer for its (role, hardware).

        False while nodes are on another one there: a C++ node would go on at the same part with the other image.
        """
        key = (offer.role, offer.hardware)
        old = self._offers.get(key)
        if old and old.md5 != offer.md5:
            if any(target.base >= 0 for target in self._targets if target.offer is old):
                return False
            self.withdraw(*key)
        elif old:
            for target in self._targets:
                if target.offer is old:
                    target.offer = offer
        self._offers[key] = offer
        return True

    def withdraw(self, role: str, hardware: str) -> None:
        """The offer ends, for all its targets."""
        offer = self._offers.pop((role, hardware), None)
        self._targets = [target for target in self._targets if target.offer is not offer]

    def offer_of(self, role: str, hardware: str) -> Offer | None:
        return self._offers.get((role, hardware))

    def add_target(
        self, offer: Offer, node_id: int, stock: bool = False, window: int = 0, ahead: int = 0
    ) -> object:
        """This node may take the offer. `stock`: a C++ node. `window`: most parts in flight; 1 is one per request.

        `ahead`: it speaks level 1, and is told that it may take so many parts out of order.
        """
        self.remove_target(node_id)
        # Either is 3 KB of heap, which a gateway may never need.
        if ahead:
            from painlessmesh.ota_ahead import AheadTarget

            target = AheadTarget(node_id, offer, ahead)
        else:
            from painlessmesh.ota_target import STOCK_WINDOW, WINDOW, Target

            target = Target(node_id, offer, stock, window or (STOCK_WINDOW if stock else WINDOW))
        self._targets.append(target)
        return target

    def remove_target(self, node_id: int) -> None:
        self._targets = [target for target in self._targets if target.node_id != node_id]

    def target(self, node_id: int) -> object:
        for target in self._targets:
            if target.node_id == node_id:
                return target
        return None

    def announcement(self, node_id: int) -> tuple:
        """The offer to one target, as pairs. `forced` until the node has asked, and never again."""
        target = self.target(node_id)
        said = self._announcement(
            target.offer, TO_ONE, node_id, target.offer.forced and target.base < 0
        )
        return said + (("ahead", target.ahead or None),)

    def broadcast_announcement(self, offer: Offer) -> tuple:
        """The offer to everybody; never forced: a C++ node would install it after each of its boots."""
        return self._announcement(offer, TO_ALL, None, False)

    def on_request(self, package: dict, now: int = 0) -> Request | None:
        """What a DATA_REQUEST makes us send now; None when nothing, or when it is no target's good request."""
        target = self.target(u32(package, "from"))
        if target is None or not self._fits(package, target.offer):
            return None
        # Version 1.5.5 built with ArduinoJson 6 loses partNo in its first request after a forced announcement.
        part = number(package, "partNo", 0 if target.offer.forced else -1)
        if not 0 <= part < target.offer.parts:
            return None
        if target.ahead:  # it does not know that word: one part after the other, then
            target = self.add_target(target.offer, target.node_id)
        broadcasted = package.get("broadcasted")
        target.broadcasted = None if broadcasted is None else flag(package, "broadcasted")
        target.compressed = True if flag(package, "compressed") else None
        target.asked(part, now)
        return self._take(target, now)

    def on_need(self, node_id: int, need: dict, now: int) -> bool:
        """The body of a level 1 `need` of that node; whether it was about what it is offered."""
        target = self.target(node_id)
        if target is None or not target.ahead or need.get("md5") != target.offer.md5[:8]:
            return False
        part, seen = number(need, "part", PARTS_LIMIT + 1), number(need, "seen", 0)
        missing = text(need, "missing", AHEAD_LIMIT // 4 + 1)
        if not part <= seen <= min(part + AHEAD_LIMIT + 1, target.offer.parts) or missing.strip(
            "0123456789abcdef"
        ):
            return False
        target.told(part, seen, int(missing or "0", 16), now)
        return True

    def due(self, now: int) -> Request | None:
        """The next part to send: pushed ahead of its request, or repeated. Call until None; targets take turns."""
        for target in self._targets:
            target.tick(now)
            request = self._take(target, now)
            if request:
                self._targets.remove(target)
                self._targets.append(target)
                return request
        return None

    def data_package(self, request: Request, payload: bytes) -> tuple:
        """The pairs of a DATA. ValueError when `payload` has not exactly the length of that part."""
        content = b'"' + binascii.b2a_base64(payload).rstrip() + b'"'
        return self._data_head(request, payload) + (("data", content),)

    def data_frame(self, request: Request, payload: memoryview) -> memoryview:
        """A DATA as a frame, in the one buffer there is: good until the next one is made. ValueError as above.

        Written piece by piece: a heap full of code has no room for five copies of a part.
        """
        head = encode(self._data_head(request, payload))
        size = len(head) + len(_BEFORE_CONTENT) + 1 + (len(payload) + 2) // 3 * 4
        if len(self._frame) < size:
            self._frame = bytearray(size)
        frame = memoryview(self._frame)
        end = len(head) - 2  # its bracket and its terminator come after the content
        frame[:end] = head[:end]
        end = _put(frame, end, _BEFORE_CONTENT)
        for at in range(0, len(payload), PIECE):
            piece = binascii.b2a_base64(payload[at : at + PIECE])
            end = _put(frame, end, piece[:-1])  # without its line end
        return frame[: _put(frame, end, b'"}\0')]

    def _data_head(self, request: Request, payload: bytes) -> tuple:
        offer = request.offer
        if len(payload) != offer.part_length(request.part):
            raise ValueError("part %d has %d bytes" % (request.part, len(payload)))
        everybody = request.to_all or (offer.broadcast and request.broadcasted)
        # `forced` is left out: a C++ node built with ArduinoJson 6 would lose partNo in its next request.
        return self._head(offer, TO_ALL if everybody else TO_ONE, OTA_DATA) + (
            ("noPart", offer.parts),
            ("broadcasted", request.broadcasted),
            ("compressed", request.compressed),
            ("dest", request.node_id),
            ("partNo", request.part),
        )

    def _take(self, target: object, now: int) -> Request | None:
        part = target.take(now)
        return None if part is None else Request(target, part, target.announces())

    def _fits(self, package: dict, offer: Offer) -> bool:
        return (
            number(package, "type", 0) == OTA_REQUEST
            and package.get("md5") == offer.md5
            and package.get("role") == offer.role
            and package.get("hardware") == offer.hardware
        )

    def _announcement(self, offer: Offer, way: int, dest: int | None, forced: bool) -> tuple:
        return self._head(offer, way, OTA_ANNOUNCE) + (
            ("forced", forced or None),
            ("noPart", offer.parts),
            ("broadcasted", offer.broadcast),
            ("dest", dest),
        )

    def _head(self, offer: Offer, way: int, package_type: int) -> tuple:
        return (
            ("from", self.node_id),
            ("routing", way),
            ("type", package_type),
            ("md5", offer.md5),
            ("hardware", offer.hardware),
            ("role", offer.role),
        )


def _put(frame: memoryview, at: int, piece: bytes) -> int:
    """Where the next piece belongs."""
    end = at + len(piece)
    frame[at:end] = piece
    return end
