"""One update entity per gateway and node type with more than one node: the whole type at once."""

from __future__ import annotations

from typing import Any, override

from homeassistant.components.update import (
    UpdateDeviceClass,
    UpdateEntity,
    UpdateEntityFeature,
)
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.device_registry import DeviceInfo

from .actors import async_actor
from .const import DOMAIN, UNKNOWN_VERSION
from .devices import GatewayEntry
from .firmware.record import Firmware, version_key
from .hub import Change
from .jobs.fit import why_not
from .jobs.job import NodeRow
from .nodes import Node
from .outlet import behind
from .translated_errors import translated_errors


class FleetUpdate(UpdateEntity):
    """The firmware of all nodes of one type behind one gateway."""

    _attr_has_entity_name = True
    _attr_should_poll = False
    _attr_translation_key = "fleet"
    _attr_device_class = UpdateDeviceClass.FIRMWARE
    _attr_supported_features = (
        UpdateEntityFeature.INSTALL
        | UpdateEntityFeature.PROGRESS
        | UpdateEntityFeature.SPECIFIC_VERSION
    )
    _unrecorded_attributes = frozenset({"behind"})

    def __init__(self, gateway: GatewayEntry, node_type: str) -> None:
        """Belong to the gateway's device."""
        self._hub = gateway.hub
        self._gateway_id = gateway.gateway_id
        self._node_type = node_type
        self._attr_unique_id = f"{gateway.gateway_id}-fleet-{node_type}"
        self._attr_translation_placeholders = {"node_type": node_type}
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, gateway.gateway_id)})

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the hub."""
        await super().async_added_to_hass()
        topics = behind(self._gateway_id), "library"
        self.async_on_remove(self._hub.async_subscribe(self._follow, *topics))

    def _follow(self, change: Change) -> None:
        if change.kind in ("node", "new_node", "library", "gateway"):
            self.async_write_ha_state()

    @property
    def _nodes(self) -> list[Node]:
        nodes = self._hub.nodes_of(self._gateway_id)
        return [node for node in nodes if node.node_type == self._node_type]

    @property
    def _under_way(self) -> list[NodeRow]:
        rows = [self._hub.row_for(node.node_id) for node in self._nodes]
        return [row for row in rows if row is not None and row.started]

    @property
    def _newest(self) -> Firmware | None:
        found = [self._hub.latest_firmware(node) for node in self._nodes]
        fitting = [firmware for firmware in found if firmware is not None]
        return max(fitting, key=lambda row: (version_key(row.version), row.id), default=None)

    def _behind(self) -> list[Node]:
        newest = self._newest
        if newest is None:
            return []
        versions = ((node, self._hub.installed_version(node)) for node in self._nodes)
        return [
            node
            for node, version in versions
            if why_not(newest, node) is None
            and (version == UNKNOWN_VERSION or version_key(version) < version_key(newest.version))
        ]

    @property
    @override
    def available(self) -> bool:
        """There is nothing to say of a type that nobody is of."""
        return bool(self._nodes)

    @property
    @override
    def title(self) -> str:
        """How many of which type: lists of updates show the device's name and this, and the device is the gateway."""
        return f"{len(self._nodes)} × {self._node_type}"  # noqa: RUF001  twice, not x

    @property
    @override
    def in_progress(self) -> bool:
        """Whether any of the nodes is on its way."""
        return bool(self._under_way)

    @property
    @override
    def update_percentage(self) -> int | None:
        """The mean over the nodes of the jobs that are under way; None before the first part."""
        job_rows = [
            row
            for job in self._hub.engine.ledger.open_jobs
            if job.node_type == self._node_type and any(r.started for r in job.nodes.values())
            for row in job.nodes.values()
            if row.gateway_id == self._gateway_id
        ]
        if not self._under_way or not any(row.current_part or row.final for row in job_rows):
            return None
        done = sum(100 if row.final else row.percentage or 0 for row in job_rows)
        return done // len(job_rows)

    @property
    @override
    def installed_version(self) -> str | None:
        """The oldest version that any of them runs; "unknown" if one cannot say."""
        versions = [self._hub.installed_version(node) for node in self._nodes]
        if UNKNOWN_VERSION in versions:
            return UNKNOWN_VERSION
        return min(versions, key=version_key, default=None)

    @property
    @override
    def latest_version(self) -> str | None:
        """The newest version that fits any of them; what they run when there is none, or nobody is behind."""
        newest = self._newest
        return newest.version if newest and self._behind() else self.installed_version

    @override
    def version_is_newer(self, latest_version: str, installed_version: str) -> bool:
        """Somebody is behind, or on the way."""
        return bool(self._behind()) or self.in_progress

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Who is behind, by name."""
        return {"behind": sorted(node.name or node.node_id for node in self._behind())}

    @override
    async def async_install(self, version: str | None, backup: bool, **kwargs: Any) -> None:
        """Make one job for all that do not run the version and have no job for it yet."""
        rows = self._hub.library.list(self._node_type)
        firmware = self._newest
        if version is not None:
            firmware = next((row for row in rows if row.version == version), None)
        if firmware is None:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="no_such_version_of_type",
                translation_placeholders={"node_type": self._node_type, "version": version or "-"},
            )
        wanted = [node.node_id for node in self._nodes if self._wants(node, firmware)]
        if wanted:
            with translated_errors():
                await self._hub.async_create_job(
                    firmware.id,
                    node_ids=wanted,
                    actor=async_actor(self.hass, self._context),
                )

    def _wants(self, node: Node, firmware: Firmware) -> bool:
        row = self._hub.row_for(node.node_id)
        waits = row is not None and row.to_version == firmware.version
        return why_not(firmware, node) is None and not waits
