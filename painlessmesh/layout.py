"""The node tree of painlessMesh: read from a node sync, asked, written into one. Knows no links and no time.

A tree is a list of rows (depth, node id, root) in the order in which the JSON names them; row 0 is the node it belongs
to, at depth 0. A flat list costs less heap than nested objects, and no recursion.
"""

from painlessmesh.protocol import flag, u32

TREE_LIMIT = 90  # nodes of the whole mesh: at 44 bytes each they fit into one frame of 4096 bytes


def parse(package: dict) -> list | None:
    """The tree in a node sync; None when it has no usable id or is too big.

    `nodeId` may be missing at the top (then `from` counts). Children without an id are dropped with what hangs below.
    """
    node_id = u32(package, "nodeId") or u32(package, "from")
    tree = [(0, node_id, flag(package, "root"))]
    waiting = [(1, child) for child in _children(package)]
    while waiting:
        depth, child = waiting.pop(0)
        child_id = u32(child, "nodeId")
        if child_id:
            tree.append((depth, child_id, flag(child, "root")))
            waiting = [(depth + 1, grandchild) for grandchild in _children(child)] + waiting
        if len(tree) > TREE_LIMIT:
            return None
    return tree if node_id else None


def _children(package: dict) -> list:
    subs = package.get("subs")
    return [child for child in subs if isinstance(child, dict)] if isinstance(subs, list) else []


def contains(tree: list, node_id: int) -> bool:
    for row in tree:
        if row[1] == node_id:
            return True
    return False


def ids(tree: list) -> list:
    return [row[1] for row in tree]


def depth_of(tree: list, node_id: int) -> int:
    """How deep `node_id` first occurs below the top; -1 when it does not."""
    for depth, row_id, _ in tree[1:]:
        if row_id == node_id:
            return depth
    return -1


def without(tree: list, node_id: int) -> list:
    """The tree with every `node_id` at depth 1, and what hangs below it, left out."""
    kept = []
    dropping = False
    for row in tree:
        if row[0] <= 1:
            dropping = row[0] == 1 and row[1] == node_id
        if not dropping:
            kept.append(row)
    return kept


def parents(tree: list, above: int) -> list:
    """(node id, parent id) for each row; the top's parent is `above`."""
    path = [above]
    pairs = []
    for depth, node_id, _ in tree:
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
        for depth, node_id, root in tree:
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
