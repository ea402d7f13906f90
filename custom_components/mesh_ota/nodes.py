"""All nodes and gateways that Home Assistant knows: who reports whom, who is there, what a report says of them.

Pure. What a report says is taken value by value: a key of the wrong type is as if it were absent (`status`). What
follows from it for a job is the engine's matter (`jobs`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .const import (
    APP_BUNDLE,
    GATEWAY_SILENT,
    GATEWAY_TYPE,
    HARDWARE_MICROPYTHON,
    NODE_SILENT,
    NODES_MAX,
    TREE_MAX,
)
from .firmware.record import Firmware
from .node import GatewayState, Node
from .status import node_id, read_asks_for, read_status, read_tree
from .whereabouts import Whereabouts

__all__ = ["GatewayState", "Node", "NodeRegistry", "Seen"]


@dataclass(slots=True)
class Seen:
    """What one report changed, by node id."""

    new: list[str] = field(default_factory=list)
    """Are introduced, or belong to this gateway, from now on."""
    told: list[str] = field(default_factory=list)
    """Said their status, or what they ask for."""
    moved: list[str] = field(default_factory=list)
    """Came, left or hang elsewhere."""

    @property
    def all(self) -> list[str]:
        """Every node that changed, once."""
        return list(dict.fromkeys([*self.new, *self.told, *self.moved]))


class NodeRegistry:
    """All nodes by id, and the gateways that report them."""

    def __init__(self) -> None:
        """Know nobody."""
        self.nodes: dict[str, Node] = {}
        self.gateways: dict[str, GatewayState] = {}
        self._whereabouts = Whereabouts()
        self.tied: Callable[[str], bool] = lambda _node_id: False
        """Says whether a node may not change its gateway now (between commit and proof)."""

    def stored(self) -> dict[str, Any]:
        """Return every node, for the store."""
        return {"nodes": [node.stored() for node in self.nodes.values()]}

    def restore(self, stored: dict[str, Any]) -> None:
        """Take up where `stored` ended; everybody is away until heard."""
        self._whereabouts = Whereabouts()
        nodes = [Node.restored(node) for node in stored["nodes"]]
        self.nodes = {node.node_id: node for node in nodes}
        for node in nodes:
            self._whereabouts.put(node)

    def forget(self, node_id: str) -> None:
        """Drop a node, if it is known."""
        if (node := self.nodes.pop(node_id, None)) is not None:
            self._whereabouts.drop(node)

    def may_run(self, image: Firmware) -> bool:
        """Whether a node runs the image, or could go back to it."""
        for node in self.nodes.values():
            other = node.other or {}
            if image.proof in (node.proof, other.get("proof")) or image.md5_hash == node.md5:
                return True
        return False

    def nodes_of(self, gateway_id: str) -> list[Node]:
        """Return the gateway's nodes that have been introduced, without the gateway itself."""
        return [node for node in self.at(gateway_id) if node.introduced and not node.is_gateway]

    def at(self, gateway_id: str) -> list[Node]:
        """Return whatever is at the gateway: strangers and the gateway itself too."""
        return self._whereabouts.at(gateway_id)

    def gateways_of(self, node_id: str) -> set[str]:
        """Return the gateway that a node is at and the one it was at before, where it has or had one."""
        node = self.nodes.get(node_id)
        found = {node.gateway_id if node else None, self._whereabouts.former(node_id)}
        return {gateway_id for gateway_id in found if gateway_id is not None}

    def add_gateway(self, gateway_id: str, entry_id: str) -> GatewayState:
        """Take a gateway in; it is away until it is heard."""
        state = self.gateways[gateway_id] = GatewayState(gateway_id=gateway_id, entry_id=entry_id)
        known = self.nodes.get(gateway_id)
        if known is None or not known.is_gateway:
            self.forget(gateway_id)
            own = self.nodes[gateway_id] = Node(
                node_id=gateway_id,
                gateway_id=gateway_id,
                node_type=GATEWAY_TYPE,
                hardware=HARDWARE_MICROPYTHON,
                kind=APP_BUNDLE,
                stock=False,
                introduced=True,
            )
            self._whereabouts.put(own)
        return state

    def remove_gateway(self, gateway_id: str, *, forget: bool) -> list[str]:
        """Let a gateway go; its nodes are away from now on, or forgotten. Returns their ids."""
        self.gateways.pop(gateway_id, None)
        concerned = self.at(gateway_id)
        for node in concerned:
            node.online, node.parent = False, None
            if forget:
                self.forget(node.node_id)
        return [node.node_id for node in concerned]

    def heard_gateway(self, gateway_id: str, now: datetime) -> list[str] | None:
        """Note a correctly signed request. Returns None, or the nodes that came back with a gateway that was away."""
        state = self.gateways[gateway_id]
        came, state.online, state.last_heard = not state.online, True, now
        node = self.nodes[gateway_id]
        node.online, node.last_heard = True, now
        if not came:
            return None
        # Its tree holds unless it says another: it tells each change, and all of it in a new session.
        return self._place(self.at(gateway_id), now)

    def introduce(self, now: datetime) -> list[str]:
        """Introduce nodes that have been there for long and said nothing: stock ones. Returns their ids.

        Those that passed by and said nothing are forgotten: anybody in the mesh can make up node ids.
        """
        strangers = [node for node in self.nodes.values() if not node.introduced]
        silent = [
            node for node in strangers if node.first_seen and now - node.first_seen >= NODE_SILENT
        ]
        for node in silent:
            node.introduced = node.online
            if not node.online:
                self.forget(node.node_id)
        return [node.node_id for node in silent if node.introduced]

    def silence(self, now: datetime) -> tuple[list[str], list[str]]:
        """Notice who has not been heard for too long. Returns the ids of gateways and nodes that went away."""
        gone = [
            state.gateway_id
            for state in self.gateways.values()
            if state.online and state.last_heard and now - state.last_heard > GATEWAY_SILENT
        ]
        for gateway_id in gone:
            state = self.gateways[gateway_id]
            state.online = False
            self.nodes[gateway_id].online = False
        # A whole tree says by itself who is there; only without one does a node's silence matter.
        told = {
            state.gateway_id
            for state in self.gateways.values()
            if state.online and state.tree is not None and len(state.tree) < TREE_MAX
        }
        silent = [node for node in self.nodes.values() if node.gateway_id not in told]
        return gone, self._place(silent, now)

    def report_gateway(self, gateway_id: str, body: dict[str, Any]) -> None:
        """Take what the gateway says of itself."""
        said = read_status(body)
        for name in ("node_type", "hardware"):
            said.pop(name, None)
        self._tell(self.nodes[gateway_id], said)
        room = body.get("max_targets")
        self.nodes[gateway_id].room = room if type(room) is int and 0 < room < 1000 else 0
        highest = body.get("highest_revision")
        if type(highest) is int and 0 <= highest < 10**15:
            self.gateways[gateway_id].highest_revision = highest

    def report_tree(self, gateway_id: str, tree: Any, now: datetime) -> Seen:
        """Take the mesh as the gateway sees it; nodes not known yet are stock until they say their status."""
        state, seen = self.gateways[gateway_id], Seen()
        state.tree = read_tree(tree)
        for name in state.tree:
            node = self._take(name, gateway_id, seen, now)
            if node is not None:
                node.last_heard = now
        seen.moved = self._place(self.at(gateway_id), now)
        return seen

    def report_nodes(self, gateway_id: str, entries: Iterable[Any], now: datetime) -> Seen:
        """Take what single nodes said."""
        seen = Seen()
        for entry in entries:
            name = node_id(entry.get("node_id")) if isinstance(entry, dict) else None
            if name is None or name == gateway_id:
                continue
            said = read_status(entry.get("status")) or read_asks_for(entry.get("asks_for"))
            node = self._take(name, gateway_id, seen, now) if said else None
            if node is None:
                continue
            self._tell(node, said)
            if not node.introduced:
                node.introduced = True
                seen.new.append(name)
            node.last_heard = _heard_at(entry.get("heard"), node.last_heard, now)
            seen.told.append(name)
        mine = [self.nodes[name] for name in seen.told]
        seen.moved = self._place(mine, now)
        return seen

    def _take(self, name: str, gateway_id: str, seen: Seen, now: datetime) -> Node | None:
        """Return the node if this gateway may speak for it."""
        node = self.nodes.get(name)
        if node is None:
            if self._whereabouts.count(gateway_id) > NODES_MAX:
                return None
            node = self.nodes[name] = Node(node_id=name, gateway_id=gateway_id, first_seen=now)
            self._whereabouts.put(node)
        elif node.gateway_id != gateway_id:
            # It moves once the other gateway no longer sees it, never between commit and proof.
            if node.online or node.is_gateway or self.tied(name):
                return None
            self._whereabouts.move(node, gateway_id)
            if node.introduced:
                seen.new.append(name)
        return node

    def _tell(self, node: Node, said: dict[str, Any]) -> None:
        if said.pop("level", 0) == 0 and not node.stock:
            return  # it has said its status once: what it asks for at level 0 adds nothing
        for name, value in said.items():
            setattr(node, name, value)

    def _place(self, nodes: Iterable[Node], now: datetime) -> list[str]:
        """Set `online` and `parent` of each from tree and time. Returns the ids that changed."""
        moved = []
        for node in nodes:
            if node.is_gateway:
                continue
            before = node.online, node.parent
            node.online, node.parent = self._position(node, now)
            node.hung_on = node.parent or node.hung_on
            if before != (node.online, node.parent):
                moved.append(node.node_id)
        return moved

    def _position(self, node: Node, now: datetime) -> tuple[bool, str | None]:
        state = self.gateways.get(node.gateway_id)
        if state is None or not state.online:
            return False, None
        tree = state.tree
        if tree is not None and node.node_id in tree:
            return True, tree[node.node_id]
        if tree is not None and len(tree) < TREE_MAX:
            return False, None
        # No tree yet, or one that may have been cut: then only what was heard counts.
        recent = node.last_heard is not None and now - node.last_heard < NODE_SILENT
        return recent, node.parent if recent else None


def _heard_at(ago: Any, before: datetime | None, now: datetime) -> datetime | None:
    """Return when the node was heard, from the seconds since then."""
    if type(ago) is not int or not 0 <= ago <= 10**9:
        return before
    heard = now - timedelta(seconds=ago)
    return heard if before is None or heard > before else before
