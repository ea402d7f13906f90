"""Where changes leave: gateways' lists are made anew, stores told, long polls woken, listeners called, in that order.

Nothing is decided here; the pure parts have changed already when `publish` is called.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from homeassistant.core import HomeAssistant, callback

from .jobs.engine import JobEngine
from .jobs.handout import Handout
from .jobs.ledger import JobChanged, RowMoved
from .jobs.states import NodeStatus
from .nodes import NodeRegistry
from .store import MeshOtaStore


@dataclass(frozen=True, slots=True)
class Change:
    """Something that a listener may want to show.

    `kind`: `node`, `new_node`, `gateway` (id: node id), `job`, `library` (id: number as text); and what needs the
    user: `wrong_signatures` (id: gateway), `old_backup` (id: gateway; open jobs are paused), `old_backup_settled`
    (none of them waits for the user any more), `signing` (turned on or off, exported, or another key).
    """

    kind: str
    id: str


EVERYTHING = ""


def behind(gateway_id: str) -> str:
    """Return the topic of all that happens to a gateway and its nodes, also those that come from it or leave it."""
    return f"behind {gateway_id}"


@dataclass(frozen=True, slots=True)
class Moved(Change):
    """A node of a job went to another state; `kind` is `moved`, `id` the node's."""

    job_id: int
    gateway_id: str
    before: NodeStatus
    after: NodeStatus


class Outlet:
    """Draws the consequences of what changed in engine and registry."""

    def __init__(self, hass: HomeAssistant, engine: JobEngine, nodes: NodeRegistry) -> None:
        """Keep the stores of jobs and nodes."""
        self.jobs_store = MeshOtaStore(hass, "jobs", engine.stored)
        self.nodes_store = MeshOtaStore(hass, "nodes", nodes.stored)
        self._engine = engine
        self._nodes = nodes
        self._moved: list[Moved] = []
        self._listeners: dict[str, list[Callable[[Change], None]]] = {}
        self._wakeups: dict[str, asyncio.Event] = {}

    @callback
    def async_subscribe(
        self, listener: Callable[[Change], None], *topics: str
    ) -> Callable[[], None]:
        """Call `listener` with each change, in the event loop. Returns what ends it.

        With topics, only with changes of one of these kinds, about one of these ids, or `behind` one of these
        gateways; it may be called with others too.
        """
        names = topics or (EVERYTHING,)
        for topic in names:
            self._listeners.setdefault(topic, []).append(listener)

        def end() -> None:
            for topic in names:
                self._listeners[topic].remove(listener)
                if not self._listeners[topic]:
                    del self._listeners[topic]

        return end

    @property
    def listening(self) -> int:
        """How many subscriptions there are."""
        return sum(len(listeners) for listeners in self._listeners.values())

    def notify(self, *changes: Change) -> None:
        """Tell whoever asked for it, each once."""
        for change in changes:
            heard = [
                each for topic in self._topics(change) for each in self._listeners.get(topic, ())
            ]
            for listener in dict.fromkeys(heard):
                listener(change)

    def _topics(self, change: Change) -> list[str]:
        gateways = self._nodes.gateways_of(change.id)
        if isinstance(change, Moved):
            gateways.add(change.gateway_id)
        return [EVERYTHING, change.kind, *map(behind, gateways), change.id]

    @callback
    def publish(
        self, nodes: Iterable[str] = (), gateways: Iterable[str] = (), new: Iterable[str] = ()
    ) -> None:
        """Draw all consequences of what has just changed; `new` nodes are told of first."""
        shown, jobs = dict.fromkeys(nodes), dict[str, None]()
        lists = set(gateways)
        lists.update(
            self._nodes.nodes[name].gateway_id for name in shown if name in self._nodes.nodes
        )
        self._draw(shown, jobs, lists)
        for gateway_id in lists & self._nodes.gateways.keys():
            if self._engine.handouts.refresh(gateway_id):
                self.jobs_store.touch()
                self.wake(gateway_id)
        for gateway_id in lists:
            self._engine.explain(gateway_id)
        self._draw(shown, jobs, set())
        if shown.keys() - self._nodes.gateways.keys():
            self.nodes_store.touch_later()
        for kind, ids in (("new_node", new), ("gateway", gateways), ("node", shown), ("job", jobs)):
            self.notify(*(Change(kind, name) for name in ids))
        moved, self._moved = self._moved, []
        self.notify(*moved)

    def _draw(self, shown: dict[str, None], jobs: dict[str, None], lists: set[str]) -> None:
        """Take the engine's events: which nodes and jobs look different, whose lists may be."""
        for event in self._engine.take_events():
            jobs[str(event.job_id)] = None
            if isinstance(event, JobChanged):
                rows = self._engine.ledger.jobs[event.job_id].nodes.values()
                shown.update(dict.fromkeys(row.node_id for row in rows))
                lists.update(row.gateway_id for row in rows)
            else:
                if isinstance(event, RowMoved):
                    self._moved.append(_moved(event))
                shown[event.node_id] = None
                lists.add(event.gateway_id)
            if isinstance(event, JobChanged | RowMoved):
                self.jobs_store.touch()
            else:
                self.jobs_store.touch_later()

    # The gateways' lists

    def handout(self, gateway_id: str) -> Handout:
        """Return what the gateway is to distribute now; it may not leave the house before it is stored."""
        before = self._engine.revision
        handout = self._engine.pending(gateway_id)
        if self._engine.revision != before:
            self.jobs_store.touch()
        return handout

    async def async_settled_handout(self, gateway_id: str) -> Handout:
        """Return the gateway's list once it is on the disk, so that no revision is ever given out twice."""
        handout = self.handout(gateway_id)
        while not self.jobs_store.settled:
            await self.jobs_store.async_settle()
            handout = self.handout(gateway_id)
        self._engine.given(gateway_id, handout.revision)
        return handout

    def wakeup(self, gateway_id: str) -> asyncio.Event:
        """Return the event that is set when the gateway's list changes."""
        return self._wakeups.setdefault(gateway_id, asyncio.Event())

    def wake(self, gateway_id: str) -> None:
        """End the gateway's long polls; those that come later wait for the next event."""
        if event := self._wakeups.pop(gateway_id, None):
            event.set()

    def wake_all(self) -> None:
        """End every long poll."""
        for gateway_id in tuple(self._wakeups):
            self.wake(gateway_id)


def _moved(event: RowMoved) -> Moved:
    return Moved("moved", event.node_id, event.job_id, event.gateway_id, event.before, event.after)
