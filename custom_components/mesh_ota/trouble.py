"""What goes wrong by itself and needs a person: a node that is stuck or gave up, a silent gateway, a damaged library.

Shown as issues under Settings → Repairs, and taken back as soon as it is no longer so.
"""

from __future__ import annotations

from datetime import datetime
from html import escape

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later

from .const import DOMAIN, GATEWAY_MISSED
from .devices import MeshOtaConfigEntry
from .hub import Change, MeshOta
from .jobs.fit import runs_already
from .jobs.job import Job, NodeRow
from .jobs.states import FINAL, NodeStatus
from .nodes import Node
from .outlet import Moved, behind

STUCK = ("no_reaction", "no_progress", "not_verified", "not_back", "too_often", "no_answer")
STORAGE_FULL = "storage_full"


def _is_stuck(node: Node, job: Job, row: NodeRow) -> bool:
    """Whether it stopped somewhere on its way; not if it was brought there by cable since."""
    failed = row.status is NodeStatus.FAILED and row.reason in STUCK
    return failed and not runs_already(job.proof, job.md5_hash, node)


@callback
def async_follow_trouble(hass: HomeAssistant, entry: MeshOtaConfigEntry, hub: MeshOta) -> None:
    """Watch the entry's gateway and its nodes until the entry is unloaded, and the library they share."""
    trouble = Trouble(hass, entry, hub)
    topics = behind(entry.runtime_data.gateway_id), "library"
    entry.async_on_unload(hub.async_subscribe(trouble.follow, *topics))
    entry.async_on_unload(trouble.stop)
    trouble.begin()


class Trouble:
    """The issues of one entry."""

    def __init__(self, hass: HomeAssistant, entry: MeshOtaConfigEntry, hub: MeshOta) -> None:
        """Nothing is wrong yet."""
        self._hass = hass
        self._hub = hub
        self._gateway_id = entry.runtime_data.gateway_id
        self._title = entry.title
        self._timer: CALLBACK_TYPE | None = None
        self._of_nodes: set[str] = set()
        """Issues about nodes that stand."""

    def begin(self) -> None:
        """Look at what is there already."""
        self._look_at_gateway()
        self._look_at_nodes()
        self._look_at_library()

    @callback
    def stop(self) -> None:
        """Ask for nothing more; nobody can say now whether gateway and nodes are well."""
        self._end_timer()
        self._settle(f"gateway_silent_{self._gateway_id}")
        for issue in tuple(self._of_nodes):
            self._settle(issue)

    @callback
    def follow(self, change: Change) -> None:
        """Look at what has changed."""
        if isinstance(change, Moved):
            if change.gateway_id == self._gateway_id and change.after in FINAL:
                self._look_at_node(change.id)
        elif change.kind == "gateway" and change.id == self._gateway_id:
            self._look_at_gateway()
        elif change.kind == "library":
            self._look_at_library()
        elif change.kind == "node":
            if f"node_stuck_{change.id}" in self._of_nodes:
                self._look_at_node(change.id)
            self._look_at_word_of(change.id)

    # The nodes

    def _look_at_nodes(self) -> None:
        """Look at all of them: what failed before a restart of Home Assistant still needs a person."""
        for node in (*self._hub.nodes_of(self._gateway_id), self._hub.node(self._gateway_id)):
            if node is not None:
                self._look_at_node(node.node_id)
                self._look_at_word_of(node.node_id)

    def _look_at_node(self, node_id: str) -> None:
        node, found = self._hub.node(node_id), self._last_end(node_id)
        if node is None or found is None or not _is_stuck(node, *found):
            self._settle(f"node_stuck_{node_id}")
            return
        row = found[1]
        self._raise_of_node(
            f"node_stuck_{node_id}",
            "node_stuck",
            node=node.name or node_id,
            version=row.to_version,
            sentence=self._hub.message_of(row) or "",
        )

    def _last_end(self, node_id: str) -> tuple[Job, NodeRow] | None:
        """Return how the node's last update ended that was not called off."""
        rows = ((job, job.nodes.get(node_id)) for job in reversed(self._hub.jobs()))
        ends = ((job, row) for job, row in rows if row is not None and row.final)
        return next((end for end in ends if end[1].status is not NodeStatus.CANCELLED), None)

    def _look_at_word_of(self, node_id: str) -> None:
        node, issue = self._hub.node(node_id), f"node_gave_up_{node_id}"
        mine = node is not None and self._gateway_id in (node.node_id, node.gateway_id)
        version = self._given_up_by(node) if node and mine else None
        if not node or not node.last or not version:
            if issue in self._of_nodes:  # another gateway's is not ours to take back
                self._settle(issue)
            return
        self._raise_of_node(
            issue,
            "node_gave_up",
            node=node.name or node_id,
            version=version,
            running=self._hub.installed_version(node),
            # In the words of the node: nothing of them shall be markup.
            sentence=escape(node.last.reason),
        )

    def _given_up_by(self, node: Node) -> str | None:
        """Return the version that the node had installed, and has refused since; no row is open that could tell."""
        last = node.last
        if last is None or last.outcome != "refused" or last.proof in ("", node.proof):
            return None
        rows = (
            job.nodes[node.node_id]
            for job in reversed(self._hub.jobs())
            if job.proof == last.proof and node.node_id in job.nodes
        )
        ends = (NodeStatus.COMPLETED, NodeStatus.ROLLED_BACK)
        row = next((row for row in rows if row.status in ends), None)
        return row.to_version if row and row.status is NodeStatus.COMPLETED else None

    # The gateway

    def _look_at_gateway(self) -> None:
        state = self._hub.gateways.get(self._gateway_id)
        if state is None or state.online:
            self._end_timer()
            self._settle(f"gateway_silent_{self._gateway_id}")
        elif self._timer is None:
            job = HassJob(self._missed, cancel_on_shutdown=True)
            self._timer = async_call_later(self._hass, GATEWAY_MISSED, job)

    @callback
    def _missed(self, _now: datetime) -> None:
        self._timer = None
        self._raise(
            f"gateway_silent_{self._gateway_id}",
            "gateway_silent",
            gateway=self._title,
            minutes=str(int(GATEWAY_MISSED.total_seconds() // 60)),
        )

    def _end_timer(self) -> None:
        if self._timer is not None:
            self._timer()
            self._timer = None

    # The library

    def _look_at_library(self) -> None:
        library = self._hub.library
        raised = ir.async_get(self._hass).issues
        for row in library.rows.values():
            if row.id in library.damaged:
                self._raise(
                    f"firmware_damaged_{row.id}",
                    "firmware_damaged",
                    node_type=row.node_type,
                    version=row.version,
                    filename=row.filename,
                )
        shown = [issue for domain, issue in raised if domain == DOMAIN]
        for issue in shown:
            kind, _, number = issue.rpartition("_")
            if kind == "firmware_damaged" and int(number) not in library.damaged:
                self._settle(issue)
        if library.full or self._hub.outlet.jobs_store.failed:
            self._raise(STORAGE_FULL, STORAGE_FULL)
        else:
            self._settle(STORAGE_FULL)

    def _raise_of_node(self, issue: str, key: str, **gaps: str) -> None:
        self._of_nodes.add(issue)
        self._raise(issue, key, **gaps)

    def _raise(self, issue: str, key: str, **gaps: str) -> None:
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            issue,
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key=key,
            translation_placeholders=gaps,
        )

    def _settle(self, issue: str) -> None:
        self._of_nodes.discard(issue)
        ir.async_delete_issue(self._hass, DOMAIN, issue)
