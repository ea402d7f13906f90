"""The node tree of painlessMesh: read from a node sync, asked, written into one. Knows no links and no time.

A tree is bytes: five for each node, its id and then its depth and whether it is the root, in the order in which the JSON
names them. The first row is the node it belongs to, at depth 0. So a node costs a board five bytes, where a tuple with
an id of 32 bits takes 64, and it is found without a loop in Python.
"""

from painlessmesh.protocol import flag, u32

TREE_LIMIT = 90  # nodes of the whole mesh: at 44 bytes each they fit into one frame of 4096 bytes
ROW = 5  # bytes
_IDS = 0xFFFFFFFF


def parse(package: dict) -> bytes | None:
    """The tree in a node sync; None when it has no usable id or is too big.

    `nodeId` may be missing at the top (then `from` counts). Children without an id are dropped with what hangs below.
    """
    node_id = u32(package, "nodeId") or u32(package, "from")
    tree = bytearray(_row(0, node_id, flag(package, "root")))
    waiting = [(1, child) for child in _children(package)]
    while waiting:
        depth, child = waiting.pop(0)
        child_id = u32(child, "nodeId")
        if child_id:
            tree.extend(_row(depth, child_id, flag(child, "root")))
            waiting = [(depth + 1, grandchild) for grandchild in _children(child)] + waiting
        if size(tree) > TREE_LIMIT:
            return None
    return bytes(tree) if node_id else None


def _children(package: dict) -> list:
    subs = package.get("subs")
    return [child for child in subs if isinstance(child, dict)] if isinstance(subs, list) else []


def _row(depth: int, node_id: int, root: bool) -> bytes:
    return node_id.to_bytes(4, "big") + bytes((depth << 1 | root,))


def rows(tree: bytes) -> object:
    """(depth, node id, root) of each node."""
    for at in range(0, len(tree), ROW):
        last = tree[at + 4]
        yield last >> 1, int.from_bytes(tree[at : at + 4], "big"), bool(last & 1)


def top(tree: bytes) -> int:
    """The node it belongs to."""
    return int.from_bytes(tree[:4], "big")


def size(tree: bytes) -> int:
    """How many nodes."""
    return len(tree) // ROW


def contains(tree: bytes, node_id: int) -> bool:
    return _find(tree, node_id) >= 0


def _find(tree: bytes, node_id: int) -> int:
    """Where its first row begins; -1 when there is none."""
    if not 0 < node_id <= _IDS:
        return -1
    wanted = node_id.to_bytes(4, "big")
    at = tree.find(wanted)
    while at >= 0 and at % ROW:
        at = tree.find(wanted, at + 1)
    return at


def ids(tree: bytes) -> list:
    return [row[1] for row in rows(tree)]


def has_root(tree: bytes) -> bool:
    return any([row[2] for row in rows(tree)])


def depth_of(tree: bytes, node_id: int) -> int:
    """How deep `node_id` first occurs below the top; -1 when it does not."""
    at = _find(tree[ROW:], node_id)
    return -1 if at < 0 else tree[at + ROW + 4] >> 1


def without(tree: bytes, node_id: int) -> bytes:
    """The tree with every `node_id` at depth 1, and what hangs below it, left out."""
    kept = b""
    dropping = False
    for depth, row_id, root in rows(tree):
        if depth <= 1:
            dropping = depth == 1 and row_id == node_id
        if not dropping:
            kept += _row(depth, row_id, root)
    return kept


def parents(tree: bytes, above: int) -> list:
    """(node id, parent id) for each row; the top's parent is `above`."""
    path = [above]
    pairs = []
    for depth, node_id, _ in rows(tree):
        path[depth + 1 :] = [node_id]
        pairs.append((node_id, path[depth]))
    return pairs


def subs_json(trees: list) -> bytes | None:
    """The value of `subs` for these trees side by side; None (leave the key out) for none."""
    if not trees:
        return None
    pieces = []
    at = -1  # depth of the object that is open
    for tree in trees:
        for depth, node_id, root in rows(tree):
            if depth > at:
                pieces.append("[{" if at < 0 else ',"subs":[{')
            else:
                pieces.append("}]" * (at - depth) + "},{")
            pieces.append('"nodeId":%d' % node_id)
            if root:
                pieces.append(',"root":true')
            at = depth
    pieces.append("}]" * (at + 1))
    return "".join(pieces).encode()
