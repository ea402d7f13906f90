"""The hub: library, jobs, nodes and gateways' sessions of this Home Assistant, and the place where changes leave.

One for the whole house. It joins the pure parts to Home Assistant (time, stores, timers, listeners) and decides
nothing itself; what a gateway's report means is `report`'s, what an installation makes is the engine's.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.singleton import singleton
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .const import TICK, UNKNOWN_VERSION
from .errors import Conflict, MeshOtaError, NotFound, load_sentences, sentence
from .firmware.record import Firmware
from .gateway_auth import Sessions
from .jobs.engine import JobEngine
from .jobs.handout import Handout
from .jobs.job import Job, NodeRow
from .jobs.ledger import JobChanged, RowMoved
from .jobs.states import JobStatus
from .library import FirmwareLibrary
from .nodes import GatewayState, Node, NodeRegistry
from .store import MeshOtaStore


@dataclass(frozen=True, slots=True)
class Change:
    """Something that a listener may want to show.

    `kind`: `node`, `new_node`, `gateway` (id: node id), `job`, `library` (id: number as text); and what needs the
    user: `wrong_signatures` (id: gateway), `old_backup` (id: gateway; open jobs are paused), `old_backup_settled`
    (none of them is paused any more).
    """

    kind: str
    id: str


class GatewayExpectation:
    """A config flow's wait for the first opening under a key. `future` gives the gateway's node id."""

    def __init__(self, sessions: Sessions, key: bytes) -> None:
        """Let the key open sessions from now on."""
        self.future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._sessions = sessions
        self._key = key
        sessions.expect(key, self._heard)

    def _heard(self, gateway_id: str) -> None:
        if not self.future.done():
            self.future.set_result(gateway_id)

    def cancel(self) -> None:
        """Drop the key; the future is cancelled if nobody called."""
        self._sessions.expect_no_more(self._key)
        self.future.cancel()


class MeshOta:
    """See the module's docstring."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Empty until `async_load`."""
        self.hass = hass
        self.nodes = NodeRegistry()
        self.engine = JobEngine(self.nodes)
        self.library = FirmwareLibrary(hass)
        self.sessions = Sessions(alarm=self._alarm)
        self.sentences: dict[str, str] = {}
        self.jobs_store = MeshOtaStore(hass, "jobs", self.engine.stored)
        self._nodes_store = MeshOtaStore(hass, "nodes", self._stored_nodes)
        self._listeners: list[Callable[[Change], None]] = []
        self._wakeups: dict[str, asyncio.Event] = {}
        self._stop_timer: CALLBACK_TYPE | None = None
        self.stopping = False

    async def async_load(self) -> None:
        """Read the stores and the sentences."""
        self.sentences = await self.hass.async_add_executor_job(load_sentences)
        await self.library.async_load()
        if (stored := await self.jobs_store.async_load()) is not None:
            self.engine.restore(stored)
        if (stored := await self._nodes_store.async_load()) is not None:
            nodes = [Node.restored(node) for node in stored["nodes"]]
            self.nodes.nodes = {node.node_id: node for node in nodes}
        self.library.in_use = self.engine.needs
        self.library.async_listen(self._library_changed)
        self.hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, self._stop)

    def sentence(self, error: MeshOtaError) -> str:
        """Return an error in English, for the HTTP API."""
        return sentence(self.sentences, error)

    # Gateways

    @property
    def gateways(self) -> dict[str, GatewayState]:
        """The gateways that are set up and loaded, by node id."""
        return self.nodes.gateways

    async def async_add_gateway(self, entry_id: str, gateway_id: str, key: bytes) -> None:
        """Open the door for a gateway."""
        self.nodes.add_gateway(gateway_id, entry_id)
        self.sessions.set_key(gateway_id, key)
        if self._stop_timer is None:
            self._stop_timer = async_track_time_interval(
                self.hass, self._tick, TICK, name="Mesh OTA deadlines", cancel_on_shutdown=True
            )
        self.publish(gateways=[gateway_id])

    async def async_remove_gateway(self, gateway_id: str, forget: bool = False) -> None:
        """Close its door; `forget` ends its open rows and drops its nodes too."""
        self.sessions.drop(gateway_id)
        node_ids = self.nodes.remove_gateway(gateway_id, forget=forget)
        self.engine.handouts.forget(gateway_id)
        if forget:
            for node_id in node_ids:
                self.engine.forget_node(node_id, dt_util.utcnow(), "gateway_removed")
        if not self.gateways and self._stop_timer is not None:
            self._stop_timer()
            self._stop_timer = None
        self.wake(gateway_id)
        self.publish(nodes=node_ids)
        await self.jobs_store.async_settle()

    def expect_gateway(self, key: bytes) -> GatewayExpectation:
        """Wait for the first opening under this key."""
        return GatewayExpectation(self.sessions, key)

    # What there is

    def nodes_of(self, gateway_id: str) -> list[Node]:
        """Return the gateway's nodes, without the gateway itself (`node(gateway_id)`)."""
        return self.nodes.nodes_of(gateway_id)

    def node(self, node_id: str) -> Node | None:
        """Return a node, or a gateway by its own id."""
        return self.nodes.nodes.get(node_id)

    def row_for(self, node_id: str) -> NodeRow | None:
        """Return the open row that concerns the node, the one it is on first."""
        found = self.engine.row_for(node_id)
        return found[1] if found else None

    def job(self, job_id: int) -> Job | None:
        """Return one job, open or ended."""
        return self.engine.ledger.jobs.get(job_id)

    def jobs(self, status: JobStatus | None = None) -> list[Job]:
        """Return all jobs, or those in one state, oldest first."""
        jobs = self.engine.ledger.jobs.values()
        return [job for job in jobs if status in (None, job.status)]

    def installed_version(self, node: Node) -> str:
        """Return the version that the node runs, as far as it is known."""
        running = self.running_firmware(node)
        return node.version or (running.version if running else UNKNOWN_VERSION)

    def latest_firmware(self, node: Node) -> Firmware | None:
        """Return the newest firmware that the node could run."""
        return self.library.newest_for(node)

    def running_firmware(self, node: Node) -> Firmware | None:
        """Return what the node runs, by its proof; of a stock node, by what we gave it."""
        return self.library.by_md5(node.md5) if node.stock else self.library.by_proof(node.proof)

    # What a user asks for; all raise MeshOtaError

    async def async_create_job(
        self,
        firmware_id: int,
        *,
        node_ids: Sequence[str] | None = None,
        node_type: str | None = None,
        force: bool = False,
        actor: str | None = None,
    ) -> Job:
        """Make a job; without a target it is for the firmware's type."""
        job = self.engine.create(
            self._whole(self.library.get(firmware_id)),
            dt_util.utcnow(),
            node_ids=node_ids,
            node_type=node_type,
            force=force,
            actor=actor,
        )
        return await self._async_kept(job)

    async def async_install(
        self, node_id: str, version: str | None, actor: str | None = None
    ) -> Job:
        """Install on one node; returns the open job if there is one already, joins one made within 2 s."""
        node = self.node(node_id)
        if node is None:
            raise NotFound("unknown_node", node=node_id)
        if (found := self.engine.row_for(node_id)) and version in (None, found[1].to_version):
            return found[0]
        fitting = self.library.fitting(node)
        firmware = next((each for each in fitting if each.version == version), None)
        if version is None:
            firmware = self.latest_firmware(node)
        if firmware is None:
            raise NotFound("no_such_version", node=node_id, version=version or "-")
        job = self.engine.install(self._whole(firmware), node, dt_util.utcnow(), actor)
        return await self._async_kept(job)

    async def async_cancel_job(self, job_id: int, actor: str | None = None) -> Job:
        """Cancel a job; nodes that restart already run on to their outcome."""
        return await self._async_kept(self.engine.cancel(job_id, dt_util.utcnow()))

    async def async_pause_job(self, job_id: int) -> Job:
        """Pause a job."""
        return await self._async_kept(self.engine.pause(job_id))

    async def async_resume_job(self, job_id: int) -> Job:
        """Go on with a paused job."""
        job = await self._async_kept(self.engine.resume(job_id))
        if all(other.waiting_for != "user" for other in self.engine.ledger.open_jobs):
            self._notify([Change("old_backup_settled", "")])
        return job

    async def async_forget_node(self, node_id: str) -> None:
        """Drop a node; its open rows end."""
        self.nodes.nodes.pop(node_id, None)
        self.engine.forget_node(node_id, dt_util.utcnow(), "node_removed")
        self.publish(nodes=[node_id])
        await self.jobs_store.async_settle()

    def _whole(self, firmware: Firmware) -> Firmware:
        if firmware.id in self.library.damaged:
            raise Conflict("firmware_damaged", firmware=firmware.id)
        return firmware

    async def _async_kept(self, job: Job) -> Job:
        self.publish()
        await self.jobs_store.async_settle()
        return job

    # Changes

    @callback
    def async_subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call `listener` with each change, in the event loop. Returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def handout(self, gateway_id: str) -> Handout:
        """Return what the gateway is to distribute now; settle the store before it leaves the house."""
        before = self.engine.revision
        handout = self.engine.pending(gateway_id)
        if self.engine.revision != before:
            self.jobs_store.touch()
        return handout

    async def async_settled_handout(self, gateway_id: str) -> Handout:
        """Return the gateway's list once it is on the disk, so that no revision is ever given out twice."""
        handout = self.handout(gateway_id)
        while not self.jobs_store.settled:
            await self.jobs_store.async_settle()
            handout = self.handout(gateway_id)
        return handout

    def heard(self, gateway_id: str) -> None:
        """Note a correctly signed request."""
        if self.nodes.heard_gateway(gateway_id, dt_util.utcnow()):
            self.publish(nodes=[gateway_id], gateways=[gateway_id])

    def wakeup(self, gateway_id: str) -> asyncio.Event:
        """Return the event that is set when the gateway's list changes."""
        return self._wakeups.setdefault(gateway_id, asyncio.Event())

    def wake(self, gateway_id: str) -> None:
        """End the gateway's long polls; those that come later wait for the next event."""
        if event := self._wakeups.pop(gateway_id, None):
            event.set()

    @callback
    def publish(
        self, nodes: Iterable[str] = (), gateways: Iterable[str] = (), new: Iterable[str] = ()
    ) -> None:
        """Draw all consequences of what has just changed: lists, sentences, stores, listeners."""
        changes = [Change("new_node", node_id) for node_id in new]
        changes += [Change("gateway", gateway_id) for gateway_id in gateways]
        shown = dict.fromkeys(nodes)
        jobs: dict[int, None] = {}
        lists = set(gateways) | {n.gateway_id for n in map(self.node, shown) if n is not None}
        self._draw(shown, jobs, lists)
        for gateway_id in lists & self.gateways.keys():
            if self.engine.handouts.refresh(gateway_id):
                self.jobs_store.touch()
                self.wake(gateway_id)
        self.engine.explain()
        self._draw(shown, jobs, set())
        changes += [Change("node", node_id) for node_id in shown]
        changes += [Change("job", str(job_id)) for job_id in jobs]
        if shown:
            self._nodes_store.touch_later()
        self._notify(changes)

    def _draw(self, shown: dict[str, None], jobs: dict[int, None], lists: set[str]) -> None:
        """Take the engine's events: which nodes and jobs look different, whose lists may be."""
        for event in self.engine.take_events():
            jobs[event.job_id] = None
            rows = self.engine.ledger.jobs[event.job_id].nodes.values()
            if isinstance(event, JobChanged):
                self.jobs_store.touch()
                shown.update(dict.fromkeys(row.node_id for row in rows))
                lists.update(row.gateway_id for row in rows)
                continue
            shown[event.node_id] = None
            lists.add(event.gateway_id)
            if isinstance(event, RowMoved):
                self.jobs_store.touch()
            else:
                self.jobs_store.touch_later()

    def _notify(self, changes: Iterable[Change]) -> None:
        for change in changes:
            for listener in list(self._listeners):
                listener(change)

    def _library_changed(self, firmware_id: int) -> None:
        self._notify([Change("library", str(firmware_id))])

    def _alarm(self, gateway_id: str) -> None:
        self._notify([Change("wrong_signatures", gateway_id)])

    def old_backup(self, gateway_id: str) -> None:
        """Tell the user that open jobs paused because we are older than what the gateway has seen."""
        self._notify([Change("old_backup", gateway_id)])

    @callback
    def _tick(self, now: datetime) -> None:
        gone, moved = self.nodes.silence(now)
        for node_id in moved:
            if (node := self.node(node_id)) is not None:
                self.engine.placed(node, now)
        self.engine.tick(now)
        self.publish(nodes=[*gone, *moved], gateways=gone, new=self.nodes.introduce(now))
        if not self.jobs_store.settled:
            self.hass.async_create_task(self.jobs_store.async_settle(), "Mesh OTA jobs")

    @callback
    def _stop(self, _event: Event) -> None:
        self.stopping = True
        for gateway_id in list(self._wakeups):
            self.wake(gateway_id)

    def _stored_nodes(self) -> dict[str, object]:
        return {"nodes": [node.stored() for node in self.nodes.nodes.values()]}


DATA_MESH_OTA: HassKey[MeshOta] = HassKey("mesh_ota")


@singleton(DATA_MESH_OTA, async_=True)
async def async_get_hub(hass: HomeAssistant) -> MeshOta:
    """Return the hub; the first call loads the stores and opens the HTTP doors."""
    from .admin_views import ADMIN_VIEWS  # noqa: PLC0415
    from .gateway_views import GATEWAY_VIEWS  # noqa: PLC0415

    hub = MeshOta(hass)
    await hub.async_load()
    for view in (*GATEWAY_VIEWS, *ADMIN_VIEWS):
        hass.http.register_view(view(hub))
    return hub
