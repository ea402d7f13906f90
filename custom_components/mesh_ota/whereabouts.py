"""Which nodes are at which gateway, and where each was before: an index, so that nobody has to look through a house. Pure."""

from .node import Node


class Whereabouts:
    """Nodes by gateway; a node is at exactly one."""

    def __init__(self) -> None:
        """Nobody is anywhere."""
        self._at: dict[str, dict[str, Node]] = {}
        self._former: dict[str, str] = {}

    def put(self, node: Node) -> None:
        """Note where a new node is."""
        self._at.setdefault(node.gateway_id, {})[node.node_id] = node

    def move(self, node: Node, gateway_id: str) -> None:
        """Give the node to another gateway."""
        self.drop(node)
        node.gateway_id = gateway_id
        self.put(node)

    def drop(self, node: Node) -> None:
        """Note that the node is there no more."""
        del self._at[node.gateway_id][node.node_id]
        if not self._at[node.gateway_id]:
            del self._at[node.gateway_id]
        self._former[node.node_id] = node.gateway_id

    def at(self, gateway_id: str) -> list[Node]:
        """Return the gateway's nodes, itself included."""
        return list(self._at.get(gateway_id, {}).values())

    def count(self, gateway_id: str) -> int:
        """Return how many those are."""
        return len(self._at.get(gateway_id, ()))

    def former(self, node_id: str) -> str | None:
        """Return the gateway that the node was at before it moved or was forgotten; None if it never did."""
        return self._former.get(node_id)
