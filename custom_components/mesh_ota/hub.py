"""The hub: library, jobs, nodes and gateways' sessions of this Home Assistant, one for the whole house.

It gives the pure parts their time and decides nothing itself: what a gateway's report means is `report`'s, what an
installation makes is the engine's, how changes leave is `outlet`'s.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any

from homeassistant.const import EVENT_CORE_CONFIG_UPDATE, EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CALLBACK_TYPE, Event, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later, async_track_time_interval
from homeassistant.helpers.singleton import singleton
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .const import CHECK_DELAY, TICK, UNKNOWN_VERSION
from .errors import StorageFailed, load_sentences
from .firmware.record import Firmware
from .gateway_auth import Sessions
from .health import HealthWatch
from .history_keeper import HistoryKeeper
from .jobs.engine import JobEngine
from .jobs.job import Job, NodeRow
from .jobs.states import JobStatus, NodeStatus
from .library import FirmwareLibrary
from .nodes import Node, NodeRegistry
from .orders import Orders
from .outlet import Change, Outlet
from .pairing import GatewayExpectation
from .policies import Policies
from .signer import Signer
from .translated_errors import async_sentences
from .windows import WindowWatch


class MeshOta(Orders):
    """See the module's docstring."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Empty until `async_load`."""
        self.hass = hass
        self.nodes = NodeRegistry()
        self.engine = JobEngine(self.nodes)
        self.library = FirmwareLibrary(hass)
        self.sessions = Sessions(
            alarm=lambda gateway_id: self._notify("wrong_signatures", gateway_id)
        )
        self.sentences: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self.signer = Signer(hass)
        self.outlet = Outlet(hass, self.engine, self.nodes)
        self.async_subscribe = self.outlet.async_subscribe
        self.windows = WindowWatch(hass, self)
        self.health = HealthWatch(hass, self)
        self.history = HistoryKeeper(hass, self)
        self.policies = Policies(hass, self)
        self._stop_timer: CALLBACK_TYPE | None = None
        self.stopping = False

    async def async_load(self) -> None:
        """Read the stores and the sentences."""
        self.sentences = await self.hass.async_add_executor_job(load_sentences)
        await self.library.async_load()
        await self.signer.async_load()
        self.signer.on_change = self._signing_changed
        self.engine.handouts.key_changes = self.signer.changes_for
        self.engine.handouts.deflated = self.library.deflated.size
        if (stored := await self.outlet.jobs_store.async_load()) is not None:
            self.engine.restore(stored)
        if (stored := await self.outlet.nodes_store.async_load()) is not None:
            self.nodes.restore(stored)
        self.engine.recall()
        self.engine.stages.lost = lambda firmware_id: firmware_id in self.library.damaged
        self.library.in_use = self.engine.needs
        self.library.keeps = self.nodes.may_run
        async_call_later(
            self.hass, CHECK_DELAY, HassJob(self._check_images, cancel_on_shutdown=True)
        )
        self.library.async_listen(lambda number: self._notify("library", str(number)))
        await self._async_learn_language()
        self.hass.bus.async_listen(EVENT_CORE_CONFIG_UPDATE, self._async_learn_language)
        self.windows.async_follow()
        self.health.async_follow()
        await self.policies.async_load()
        await self.history.async_load()
        self.hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, self._stop)

    def _notify(self, kind: str, name: str) -> None:
        self.outlet.notify(Change(kind, name))

    # Gateways

    async def async_add_gateway(self, entry_id: str, gateway_id: str, key: bytes) -> None:
        """Open the door for a gateway."""
        self.nodes.add_gateway(gateway_id, entry_id)
        self.sessions.set_key(gateway_id, key)
        if self._stop_timer is None:
            self._stop_timer = async_track_time_interval(
                self.hass, self._tick, TICK, name="Mesh OTA deadlines", cancel_on_shutdown=True
            )
        self.policies.async_set_timer()
        self.outlet.publish(gateways=[gateway_id])

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
        self.policies.async_set_timer()
        self.outlet.wake(gateway_id)
        self.outlet.publish(nodes=node_ids)
        await self.outlet.jobs_store.async_settle()

    def expect_gateway(self, key: bytes) -> GatewayExpectation:
        """Wait for the first opening under this key."""
        return GatewayExpectation(self.sessions, key)

    # What there is

    def nodes_of(self, gateway_id: str) -> list[Node]:
        """Return the gateway's nodes, without the gateway itself (`node(gateway_id)`)."""
        return self.nodes.nodes_of(gateway_id)

    def row_for(self, node_id: str) -> NodeRow | None:
        """Return the open row that concerns the node, the one it is on first."""
        found = self.engine.row_for(node_id)
        return found[1] if found else None

    async def _async_learn_language(self, _event: Event | None = None) -> None:
        self.texts = await async_sentences(self.hass)
        # Who shows a sentence shows it anew.
        self.outlet.notify(*(Change("node", name) for name in tuple(self.nodes.nodes)))

    def message_of(self, row: NodeRow | Job) -> str | None:
        """Return why a row waits or how it ended, or why a job stopped, in the language of this Home Assistant."""
        if row.error_message is None or row.gaps is None:
            return row.error_message
        return self.worded(row.wording, row.gaps) or row.error_message

    def shown(self, job: Job) -> dict[str, Any]:
        """Return a job as the HTTP API and the actions show it."""
        said = job.as_dict() | {"message": self.message_of(job)}
        for row, each in zip(job.nodes.values(), said["nodes"], strict=True):
            each["message"] = self.message_of(row)
        return said

    def job(self, job_id: int) -> Job | None:
        """Return one job, open or ended."""
        return self.engine.ledger.jobs.get(job_id)

    def jobs(self, status: JobStatus | None = None) -> list[Job]:
        """Return all jobs, or those in one state, oldest first."""
        jobs = self.engine.ledger.jobs.values()
        return [job for job in jobs if status in (None, job.status)]

    def installed_version(self, node: Node) -> str:
        """Return the version that the node has proved, as far as it is known: damaged, it is no version."""
        if node.damaged:
            return UNKNOWN_VERSION
        if (row := self._row_on_trial(node)) is not None:
            return row.from_version or UNKNOWN_VERSION
        running = self.running_firmware(node)
        return node.version or (running.version if running else UNKNOWN_VERSION)

    def _row_on_trial(self, node: Node) -> NodeRow | None:
        """Return the row of a node that runs what it may yet go back from: that is installed once it is confirmed."""
        if node.last is None or node.last.outcome != "trial":
            return None
        found = self.engine.row_for(node.node_id)
        tried = found is not None and node.proof == found[0].proof
        return found[1] if found and tried and found[1].status is NodeStatus.RESTARTING else None

    def running_firmware(self, node: Node) -> Firmware | None:
        """Return what the node runs, by its proof; of a stock node, by what we gave it."""
        return self.library.by_md5(node.md5) if node.stock else self.library.by_proof(node.proof)

    async def async_forget_node(self, node_id: str) -> None:
        """Drop a node; its open rows end."""
        self.nodes.forget(node_id)
        self.engine.forget_node(node_id, dt_util.utcnow(), "node_removed")
        self.outlet.publish(nodes=[node_id])
        await self.outlet.jobs_store.async_settle()

    # Time, and who comes and goes

    def heard(self, gateway_id: str) -> None:
        """Note a correctly signed request."""
        now = dt_util.utcnow()
        if (moved := self.nodes.heard_gateway(gateway_id, now)) is not None:
            self._placed(moved, now)
            self.outlet.publish(nodes=[gateway_id, *moved], gateways=[gateway_id])

    def _placed(self, node_ids: Iterable[str], now: datetime) -> None:
        for node_id in node_ids:
            self.engine.placed(self.nodes.nodes[node_id], now)

    @callback
    def _tick(self, now: datetime) -> None:
        gone, moved = self.nodes.silence(now)
        self._placed(moved, now)
        self.engine.tick(now)
        new = self.nodes.introduce(now)
        self.outlet.publish(nodes=[*gone, *moved], gateways=gone, new=new)
        if not (self.outlet.jobs_store.settled and self.library.settled):
            self.hass.async_create_task(self._async_settle(), "Mesh OTA stores")

    async def _async_settle(self) -> None:
        """Try again what the disk did not take; while it does not, nothing new leaves the house."""
        with suppress(StorageFailed):
            await self.outlet.jobs_store.async_settle()
            await self.library.async_settle()
        self._notify("library", "0")

    async def _check_images(self, _now: datetime) -> None:
        with suppress(StorageFailed):
            await self.library.async_check_images()

    @callback
    def _stop(self, _event: Event) -> None:
        self.stopping = True
        self.windows.async_stop()
        self.health.async_stop()
        self.outlet.wake_all()


__all__ = ["Change", "GatewayExpectation", "MeshOta", "async_get_hub"]

DATA_MESH_OTA: HassKey[MeshOta] = HassKey("mesh_ota")


@singleton(DATA_MESH_OTA, async_=True)
async def async_get_hub(hass: HomeAssistant) -> MeshOta:
    """Return the hub; the first call loads the stores and opens the HTTP doors."""
    from .admin_views import ADMIN_VIEWS  # noqa: PLC0415
    from .gateway_views import GATEWAY_VIEWS  # noqa: PLC0415
    from .job_views import JOB_VIEWS  # noqa: PLC0415
    from .policy_views import POLICY_VIEWS  # noqa: PLC0415

    hub = MeshOta(hass)
    await hub.async_load()
    for view in (*GATEWAY_VIEWS, *ADMIN_VIEWS, *JOB_VIEWS, *POLICY_VIEWS):
        hass.http.register_view(view(hub))
    return hub
