"""What shall happen by itself, per node type: off until an administrator turns it on for a type.

Only stable firmware is taken, only after its delay, only forward, and each node is tried once per firmware; how the job
goes about it (window, canary, threshold) is part of the policy.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util

from .const import AUTO_UPDATE_INTERVAL, NODE_TYPE_PATTERN, UNKNOWN_VERSION
from .errors import InvalidRequest, MeshOtaError, NotFound
from .firmware.record import Firmware, version_key
from .jobs.rollout import Rollout, read_rollout
from .nodes import Node
from .retention import Retention
from .store import MeshOtaStore

if TYPE_CHECKING:
    from .hub import MeshOta

_LOGGER = logging.getLogger(__name__)

ACTOR = "auto-update"
DELAY_MAX = 24 * 365


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """What shall happen to the nodes of one type."""

    node_type: str
    auto_update: bool = False
    delay_hours: int = 24
    """How long a firmware has to have been in the library."""
    rollout: Rollout = field(default_factory=Rollout)

    def as_dict(self) -> dict[str, Any]:
        """Return it as the HTTP API shows it, and as it is stored."""
        return {
            "node_type": self.node_type,
            "auto_update": self.auto_update,
            "delay_hours": self.delay_hours,
            "rollout": self.rollout.stored(),
        }


class Policies:
    """All policies by node type."""

    def __init__(self, hass: HomeAssistant, hub: MeshOta) -> None:
        """None until `async_load`."""
        self._hass = hass
        self._hub = hub
        self._policies: dict[str, Policy] = {}
        self.retention = Retention()
        self._store = MeshOtaStore(hass, "policies", self._stored)
        self._end_timer: Callable[[], None] | None = None

    def _stored(self) -> dict[str, Any]:
        return {
            "policies": [policy.as_dict() for policy in self._policies.values()],
            "retention": self.retention.as_dict(),
        }

    async def async_load(self) -> None:
        """Read the store."""
        stored = await self._store.async_load() or {"policies": []}
        for said in stored["policies"]:
            policy = Policy(**said | {"rollout": Rollout.restored(said["rollout"])})
            self._policies[policy.node_type] = policy
        self._keep(Retention.read(stored.get("retention", {})))
        self.async_set_timer()

    def _keep(self, retention: Retention) -> None:
        self.retention = retention
        self._hub.library.most = retention.library_mib * 2**20

    def get(self, node_type: str) -> Policy:
        """Return a type's policy; the one that does nothing if there is none."""
        return self._policies.get(node_type, Policy(node_type=node_type))

    def everything(self) -> list[Policy]:
        """Return all that were set, by type."""
        return sorted(self._policies.values(), key=lambda policy: policy.node_type)

    async def async_set(self, node_type: str, said: dict[str, Any]) -> Policy:
        """Set what is said of a type's policy and leave the rest. Raises InvalidRequest."""
        if not re.fullmatch(NODE_TYPE_PATTERN, node_type):
            raise InvalidRequest("node_type_malformed", node_type=node_type[:40])
        policy = self.get(node_type)
        auto = said.get("auto_update", policy.auto_update)
        delay = said.get("delay_hours", policy.delay_hours)
        if not isinstance(auto, bool):
            raise InvalidRequest("field_malformed", field="auto_update")
        if type(delay) is not int or not 0 <= delay <= DELAY_MAX:
            raise InvalidRequest("field_malformed", field="delay_hours")
        rollout = read_rollout(said["rollout"]) if "rollout" in said else policy.rollout
        policy = replace(policy, auto_update=auto, delay_hours=delay, rollout=rollout)
        self._policies[node_type] = policy
        await self._async_kept()
        return policy

    async def async_keep(self, said: dict[str, Any]) -> Retention:
        """Set how much of the past is kept; what is beyond goes at once, images with the next upload. Raises InvalidRequest."""
        self._keep(Retention.read(said))
        await self._async_kept()
        self._hub.history.prune()
        return self.retention

    async def async_remove(self, node_type: str) -> None:
        """Forget a type's policy. Raises NotFound."""
        if self._policies.pop(node_type, None) is None:
            raise NotFound("unknown_policy", node_type=node_type[:40])
        await self._async_kept()

    async def _async_kept(self) -> None:
        self.async_set_timer()
        self._store.touch()
        await self._store.async_settle()

    @callback
    def async_set_timer(self) -> None:
        """Look at the clock while there is something to do by itself, and a gateway to do it."""
        wanted = any(policy.auto_update for policy in self._policies.values())
        wanted = wanted and bool(self._hub.gateways)
        if not wanted and self._end_timer is not None:
            self._end_timer()
            self._end_timer = None
        elif wanted and self._end_timer is None:
            self._end_timer = async_track_time_interval(
                self._hass,
                self._tick,
                AUTO_UPDATE_INTERVAL,
                name="Mesh OTA auto-update",
                cancel_on_shutdown=True,
            )

    @callback
    def _tick(self, now: datetime) -> None:
        self._hass.async_create_task(self.async_run(now), "Mesh OTA auto-update")

    async def async_run(self, now: datetime | None = None) -> None:
        """Make the jobs that are due."""
        if any(job.waiting_for == "user" for job in self._hub.engine.ledger.open_jobs):
            return  # restored from a backup: nothing moves before somebody has looked
        for policy in self.everything():
            for firmware_id, node_ids in self._due(policy, now or dt_util.utcnow()).items():
                try:
                    await self._hub.async_create_job(
                        firmware_id, node_ids=node_ids, actor=ACTOR, rollout=policy.rollout
                    )
                except MeshOtaError as err:
                    _LOGGER.warning("No automatic update: %s", self._hub.sentence(err))

    def _due(self, policy: Policy, now: datetime) -> dict[int, list[str]]:
        """Return the nodes to update by firmware id."""
        due: dict[int, list[str]] = {}
        if not policy.auto_update:
            return due
        ripe = now - timedelta(hours=policy.delay_hours)
        tried = self._hub.history.tried()
        for node in self._hub.nodes.nodes.values():
            if node.node_type != policy.node_type or not (node.introduced or node.is_gateway):
                continue
            firmware = self._wanted(node, ripe, tried)
            if firmware is not None:
                due.setdefault(firmware.id, []).append(node.node_id)
        return due

    def _wanted(self, node: Node, ripe: datetime, tried: set[tuple[int, str]]) -> Firmware | None:
        """Return what the node shall get: newer than what it runs, never tried on it, nothing else under way."""
        running = self._hub.installed_version(node)
        if running == UNKNOWN_VERSION or self._hub.row_for(node.node_id) is not None:
            return None
        library = self._hub.library
        fitting = [
            row
            for row in library.fitting(node)
            if row.is_stable
            and row.id not in library.damaged
            and datetime.fromisoformat(row.created_at) <= ripe
        ]
        newest = fitting[0] if fitting else None
        if newest is None or version_key(newest.version) <= version_key(running):
            return None
        if (newest.id, node.node_id) in tried:
            return None
        if node.online or not self._hub.history.waited(newest.id, node.node_id):
            return newest
        return None
