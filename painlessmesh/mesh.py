"""The mesh as one node sees it: who is where, what goes on to whom, what is for us. Bytes in, frames out.

What lives here: the life of a link, node sync, routing and delivery. Not here: sockets (`link.py`), mesh time, WiFi, what
an application makes of a package. `now` is in microseconds on a clock that only grows.
"""

import json

from painlessmesh import layout, router
from painlessmesh.mesh_time import MeshTime
from painlessmesh.neighbour import SYNC_INTERVAL, Link
from painlessmesh.protocol import (
    BROADCAST,
    LEVEL_1,
    NODE_SYNC_REPLY,
    NODE_SYNC_REQUEST,
    OTA_ANNOUNCE,
    OTA_DATA,
    OTA_REQUEST,
    SINGLE,
    TIME_DELAY,
    TIME_SYNC,
    TO_ALL,
    TO_ONE,
    decode,
    encode,
    number,
    routing,
    u32,
)

# Packages that command or carry firmware: whoever says them must sit behind the link they came in on.
_FROM_MUST_FIT = (OTA_ANNOUNCE, OTA_REQUEST, OTA_DATA, LEVEL_1)


class Mesh:
    """One node of a painlessMesh. Single-threaded; never raises on what a peer sends."""

    def __init__(self, node_id: int) -> None:
        self.node_id = node_id
        self.root = False
        self.expects_root = (
            False  # whether a tree without a root should look for one; not on the wire
        )
        self.stability = 0  # 0 to 1000, as in the library: grows while the tree stays as it is
        self.on_error = (
            None  # called with what a callback raised; None lets it out of receive() or tick()
        )
        self.on_idle = None  # called with the time when a link could take more
        self.on_nameless_request = (
            None  # (package, link, now) of an OTA request in our own name: see ota_push.py
        )
        self.links = []
        self._time = MeshTime(self)
        self._plugins = {}
        self._on_receive = []
        self._on_new = []
        self._on_dropped = []
        self._on_changed = []
        self._handlers = {
            TIME_DELAY: self._time.delay_package,
            TIME_SYNC: self._time.sync_package,
            NODE_SYNC_REQUEST: self._node_sync,
            NODE_SYNC_REPLY: self._node_sync,
            BROADCAST: self._message,
            SINGLE: self._message,
        }

    # The life of a link

    def link_up(self, now: int, dialled: bool) -> Link:
        """A TCP connection stands; `dialled` when we made it."""
        link = Link(now, dialled)
        self.links.append(link)
        if dialled:
            self._request_sync(link, now)
        return link

    def link_down(self, link: Link, now: int) -> None:
        """The connection has gone; safe to call twice."""
        if link not in self.links:
            return
        self.links.remove(link)
        link.close("the connection has gone")
        if link.node_id:
            self._changed(now, None)
            self._call(self._on_dropped, link.node_id)

    def receive(self, link: Link, chunk: bytes, now: int, size: int | None = None) -> None:
        """What a peer sent: `chunk[:size]`."""
        for frame in link.buffer.feed(chunk, size):
            if link.closing:
                return
            self._frame(link, frame, now)
        if link.buffer.overflowed:
            link.close("a message without an end")

    def tick(self, now: int) -> None:
        """Timers; call at least every 100 ms."""
        for link in list(self.links):
            if link.closing:
                continue
            if link.reply_by is not None and now >= link.reply_by:
                link.close("node sync not answered")
                continue
            if now >= link.next_sync:
                self._request_sync(link, now)
            if link.time.due is not None and now >= link.time.due:
                self._time.open_exchange(link, now)

    def idle(self, now: int) -> None:
        """A link has sent all that waited; the I/O side says so."""
        if self.on_idle:
            self._call((self.on_idle,), now)

    # What an application asks and says

    def set_root(self, on: bool = True) -> None:
        """Whether this node is the root, of which a mesh has at most one."""
        self.root = on

    def set_contains_root(self, on: bool = True) -> None:
        """Whether this mesh is meant to have a root: the WiFi layer then leaves a tree that has none."""
        self.expects_root = on

    def send(self, pairs: object) -> bool:
        """A package by its own `routing` and `dest`; False when there is no way. ValueError when it cannot be sent."""
        frame = encode(pairs)
        heads = {key: value for key, value in pairs if key in ("type", "routing", "dest")}
        if routing(heads) == TO_ALL:
            targets = router.identified(self.links)
        else:
            link = self.link_to(u32(heads, "dest"))
            targets = [link] if link else []
        for link in targets:
            link.queue(frame)
        return bool(targets)

    def send_single(self, dest: int, msg: str) -> bool:
        return self.send((("type", SINGLE), ("dest", dest), ("from", self.node_id), ("msg", msg)))

    def send_broadcast(self, msg: str) -> bool:
        return self.send((("type", BROADCAST), ("dest", 0), ("from", self.node_id), ("msg", msg)))

    def on_package(self, package_type: int, callback: object) -> None:
        """callback(package, link, now) for each package of this type that is for us."""
        self._plugins.setdefault(package_type, []).append(callback)

    def on_receive(self, callback: object) -> None:
        """callback(from_id, msg) for each message; `msg` is text."""
        self._on_receive.append(callback)

    def on_new_connection(self, callback: object) -> None:
        """callback(node_id) when a neighbour has said who it is."""
        self._on_new.append(callback)

    def on_dropped_connection(self, callback: object) -> None:
        """callback(node_id) when such a neighbour has gone."""
        self._on_dropped.append(callback)

    def on_changed_connections(self, callback: object) -> None:
        """callback() when the tree is another one."""
        self._on_changed.append(callback)

    def get_node_list(self) -> list:
        """The ids of all other nodes."""
        return router.node_ids(self.links)

    def get_node_time(self, now: int) -> int:
        """Mesh time: microseconds, unsigned 32 bits, wraps."""
        return self._time.at(now)

    def tree(self) -> list:
        """(node id, parent id) of every other node; our own id is the parent of our neighbours."""
        rows = []
        for link in self.links:
            for row in layout.parents(link.tree, self.node_id):
                if self.link_to(row[0]) is link:  # a node that moves is in two trees for a while
                    rows.append(row)
        return rows

    def contains_root(self) -> bool:
        return self.root or any([layout.has_root(link.tree) for link in self.links])

    def link_to(self, node_id: int) -> Link | None:
        """The link that leads to a node; None for ourselves and for unknown ones."""
        return None if node_id == self.node_id else router.link_to(self.links, node_id)

    def lies_behind(self, node_id: int, link: Link) -> bool:
        """Whether this node speaks through this link. A second link that claims it as well is not believed."""
        return link.node_id != 0 and self.link_to(node_id) is link

    # Frames

    def _frame(self, link: Link, frame: bytearray, now: int) -> None:
        package = decode(frame)
        if package is None:
            return
        way = routing(package)
        if way == TO_ONE and u32(package, "dest") != self.node_id:
            towards = self.link_to(u32(package, "dest"))
            if towards and towards is not link:
                frame.append(0)  # its terminator, in place: a relayed part takes 1.7 KB already
                towards.queue(frame)
            return
        if way == TO_ALL:
            if self._went_in_a_circle(package, link):
                return
            frame.append(0)
            for other in router.identified(self.links, link):
                other.queue(frame)
        self._deliver(package, link, now)

    def _went_in_a_circle(self, package: dict, link: Link) -> bool:
        """Whether a broadcast came by a way that its author is not on. Nothing else stops one in a loop of links."""
        author = u32(package, "from")
        if author == self.node_id:
            return True
        return not layout.contains(link.tree, author) and self.link_to(author) is not None

    def _deliver(self, package: dict, link: Link, now: int) -> None:
        package_type = number(package, "type", -1)
        author = u32(package, "from")
        if package_type in _FROM_MUST_FIT and not self.lies_behind(author, link):
            if package_type == OTA_REQUEST and author == self.node_id and self.on_nameless_request:
                self._call((self.on_nameless_request,), package, link, now)
            return
        own = self._handlers.get(package_type)
        if own:
            own(package, link, now)
        self._call(self._plugins.get(package_type, ()), package, link, now)

    def _message(self, package: dict, link: Link, now: int) -> None:
        msg = package.get("msg")
        if not isinstance(msg, str):
            msg = json.dumps(msg, separators=(",", ":"))
        self._call(self._on_receive, u32(package, "from"), msg)

    def _call(self, callbacks: object, *arguments: object) -> None:
        for callback in callbacks:
            try:
                callback(*arguments)
            except Exception as error:
                if self.on_error is None:
                    raise
                self.on_error(error)

    # Node sync

    def _sync_frame(self, link: Link, package_type: int) -> bytes:
        # A receiver that finds itself in `subs` takes it, and its other neighbours then close their links to it.
        return encode(
            (
                ("nodeId", self.node_id),
                ("root", self.root or None),
                (
                    "subs",
                    layout.subs_json([other.tree for other in router.identified(self.links, link)]),
                ),
                ("type", package_type),
                ("dest", link.node_id),
                ("from", self.node_id),
            )
        )

    def _queue_sync(self, link: Link, package_type: int) -> None:
        link.queue_urgent(package_type, lambda: self._sync_frame(link, package_type))

    def _request_sync(self, link: Link, now: int) -> None:
        link.requested(now)
        self._queue_sync(link, NODE_SYNC_REQUEST)

    def _node_sync(self, package: dict, link: Link, now: int) -> None:
        tree = layout.parse(package)
        if tree is None:
            link.close("a node sync without a node id")
            return
        # A peer that forgets to leave us out of its tree is harmless here; met deeper, we are part of a loop.
        tree = layout.without(tree, self.node_id)
        refusal = self._refusal(tree, link)
        if refusal:
            link.close(refusal)
            return
        if not link.node_id:
            self._identified(layout.top(tree), link, now)
        if tree != link.tree:
            new = not link.tree
            link.tree = tree
            self._changed(now, link)
            if new:
                self._call(self._on_new, link.node_id)
        else:
            link.next_sync = now + SYNC_INTERVAL
            self.stability = min(self.stability + 25, 1000)
        if number(package, "type", 0) == NODE_SYNC_REQUEST:
            self._queue_sync(link, NODE_SYNC_REPLY)
        else:
            link.replied(now)

    def _refusal(self, tree: bytes, link: Link) -> str:
        """Why the link must close instead of taking this tree; "" when it need not."""
        peer = layout.top(tree)
        others = [other for other in self.links if other is not link]
        if peer == self.node_id:
            return "the peer has our own node id"
        together = layout.size(tree) + sum([layout.size(other.tree) for other in others])
        if together >= layout.TREE_LIMIT:
            return "the mesh would have too many nodes"
        if layout.depth_of(tree, peer) >= 0 or layout.depth_of(tree, self.node_id) >= 0:
            return "a loop"
        if link.node_id:
            return "" if peer == link.node_id else "the peer has changed its node id"
        for other in others:
            # A node has one uplink only: it dials us again because its old connection is dead. Deeper in the tree, or
            # with one of both dialled by us, it is a loop.
            if layout.contains(other.tree, peer) and (
                link.dialled or other.dialled or other.node_id != peer
            ):
                return "the peer is in the mesh already"
        return ""

    def _identified(self, peer: int, link: Link, now: int) -> None:
        for other in router.identified(self.links):
            if other.node_id == peer:
                other.close("replaced by a new connection")
                self.link_down(other, now)
        link.node_id = peer
        link.time.start(now, link.dialled)

    def _changed(self, now: int, link: Link | None) -> None:
        """The tree behind `link` is another one, or a link has gone: whoever knows our tree hears of it at once."""
        self.stability //= 2
        for other in self.links:
            if other is not link and (other.node_id or other.reply_by is not None):
                self._request_sync(other, now)
        self._call(self._on_changed)
