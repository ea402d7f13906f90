"""Which link leads to a node. Knows links and their trees; sends nothing."""

from painlessmesh import layout


def link_to(links: list, node_id: int) -> object | None:
    """The link behind which `node_id` lies; a neighbour itself wins over a mention deeper in another tree."""
    found = None
    for link in links:
        if link.node_id == node_id and node_id:
            return link
        if found is None and layout.contains(link.tree, node_id):
            found = link
    return found


def identified(links: list, except_for: object = None) -> list:
    """The links whose peer has said who it is, without one of them."""
    return [link for link in links if link.node_id and link is not except_for]


def node_ids(links: list) -> list:
    """Every node behind these links, once, neighbours before the nodes behind them."""
    seen = []
    for link in links:
        for node_id in layout.ids(link.tree):
            if node_id not in seen:
                seen.append(node_id)
    return seen
