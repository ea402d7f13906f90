"""What a gateway's report means (docs/gateway-api.md §5): the mesh as it sees it, its nodes, their progress.

Taken in one go, without an await: whoever hangs up in the middle leaves no half of a report behind.
"""

from datetime import datetime
from typing import Any

from .hub import Change, MeshOta
from .jobs.reports import Verdict, read_progress
from .nodes import Seen


def take_report(hub: MeshOta, gateway_id: str, body: dict[str, Any], now: datetime) -> list[Any]:
    """Take a report. Returns `dropped`: [job id, token] of what the gateway should drop."""
    _take_gateway(hub, gateway_id, body.get("gateway"), now)
    dropped = _take_progress(hub, gateway_id, body.get("progress"), now)
    seen = Seen()
    if "tree" in body:
        _join(seen, hub.nodes.report_tree(gateway_id, body["tree"], now))
    if isinstance(body.get("nodes"), list):
        _join(seen, hub.nodes.report_nodes(gateway_id, body["nodes"], now))
    for node_id in seen.all:
        hub.engine.placed(hub.nodes.nodes[node_id], now)
    for node_id in seen.told:
        hub.engine.told(hub.nodes.nodes[node_id], now)
    hub.outlet.publish(
        nodes=[gateway_id, *seen.all], gateways=[gateway_id], new=dict.fromkeys(seen.new)
    )
    return dropped


def _join(seen: Seen, more: Seen) -> None:
    seen.new += more.new
    seen.told += more.told
    seen.moved += more.moved


def _take_gateway(hub: MeshOta, gateway_id: str, said: Any, now: datetime) -> None:
    if not isinstance(said, dict):
        return
    node, state = hub.nodes.nodes[gateway_id], hub.gateways[gateway_id]
    room = node.room
    hub.nodes.report_gateway(gateway_id, said)
    if node.room != room:
        # Its first list after a restart is made before it says so again.
        hub.outlet.nodes_store.touch_later()
    hub.engine.placed(node, now)
    hub.engine.told(node, now)
    if hub.engine.restored_from_backup(gateway_id, state.highest_revision, now):
        hub.outlet.notify(Change("old_backup", gateway_id))


def _take_progress(hub: MeshOta, gateway_id: str, entries: Any, now: datetime) -> list[Any]:
    dropped = []
    for entry in entries if isinstance(entries, list) else ():
        said = read_progress(entry)
        if said and hub.engine.progress(gateway_id, said, now) is Verdict.GONE:
            named = [said.job_id, said.token]
            if named not in dropped:
                dropped.append(named)
    return dropped
