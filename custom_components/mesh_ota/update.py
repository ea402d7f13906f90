"""One update entity per node, and one for the gateway: what it runs, what it could run, how far it is.

The hub's open row for the node is the one truth about progress: nothing of it is kept here, so that no
failure, cancel or restart can leave an entity "in progress".
"""

from __future__ import annotations

from html import escape
from typing import Any, override

from awesomeversion import AwesomeVersion, AwesomeVersionException, AwesomeVersionStrategy

from homeassistant.components.update import (
    UpdateDeviceClass,
    UpdateEntity,
    UpdateEntityFeature,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .actors import async_actor
from .const import UNKNOWN_VERSION
from .devices import GatewayEntry, MeshOtaConfigEntry, describe
from .entity import MeshOtaEntity, async_follow_nodes
from .fleet import FleetUpdate
from .hub import Change
from .jobs.job import NodeRow
from .jobs.states import NodeStatus
from .nodes import Node
from .translated_errors import translated_errors

PARALLEL_UPDATES = 0
"""Installing only writes a job down; the gateway decides what goes over the air at once."""

TROUBLE = (NodeStatus.FAILED, NodeStatus.ROLLED_BACK)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: MeshOtaConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add an entity for each node whose type is known, and for each that says it later.

    Without a type no firmware can be for it; it has a device all the same.
    """
    gateway = entry.runtime_data
    fleets: set[str] = set()

    def make(node: Node) -> list[UpdateEntity]:
        if node.node_type is None:
            return []
        return [FirmwareUpdate(gateway, node), *make_fleet(node.node_type)]

    def make_fleet(node_type: str) -> list[UpdateEntity]:
        nodes = gateway.hub.nodes_of(gateway.gateway_id)
        alike = [node for node in nodes if node.node_type == node_type]
        if node_type in fleets or len(alike) <= 1:
            return []
        fleets.add(node_type)
        return [FleetUpdate(gateway, node_type)]

    async_follow_nodes(entry, async_add_entities, make)


class FirmwareUpdate(MeshOtaEntity, UpdateEntity):
    """The firmware of one node."""

    _attr_device_class = UpdateDeviceClass.FIRMWARE
    _attr_supported_features = (
        UpdateEntityFeature.INSTALL
        | UpdateEntityFeature.PROGRESS
        | UpdateEntityFeature.RELEASE_NOTES
        | UpdateEntityFeature.SPECIFIC_VERSION
    )

    def __init__(self, gateway: GatewayEntry, node: Node) -> None:
        """Show the firmware of this node."""
        super().__init__(gateway.hub, node, describe(gateway, node))
        self._attr_unique_id = f"{node.node_id}-firmware"

    @property
    @override
    def topics(self) -> tuple[str, ...]:
        return (*super().topics, "library")

    @override
    def concerns(self, change: Change) -> bool:
        return super().concerns(change) or change.kind == "library"

    @property
    def _under_way(self) -> NodeRow | None:
        row = self.hub.row_for(self.node.node_id)
        return row if row is not None and row.started else None

    @property
    @override
    def in_progress(self) -> bool:
        """From the offer until the node has proved itself; a job that only waits is no progress."""
        return self._under_way is not None

    @property
    @override
    def update_percentage(self) -> int | None:
        """How much of the image is over; None before its first part."""
        row = self._under_way
        return None if row is None else row.percentage

    @property
    @override
    def installed_version(self) -> str:
        """The version the node has proved, or "unknown" for one that cannot say."""
        return self.hub.installed_version(self.node)

    @property
    @override
    def latest_version(self) -> str | None:
        """The version on its way, so that a downgrade shows too; else the newest that fits."""
        if (row := self._under_way) is not None:
            return row.to_version
        if (firmware := self.hub.latest_firmware(self.node)) is not None:
            return firmware.version
        # Nothing to compare with: what runs is the latest, unless nobody knows what runs.
        installed = self.hub.installed_version(self.node)
        return None if installed == UNKNOWN_VERSION else installed

    @property
    @override
    def title(self) -> str | None:
        """What kind of firmware it is."""
        return self.node.node_type

    @override
    def version_is_newer(self, latest_version: str, installed_version: str) -> bool:
        """Compare as semantic versions; what cannot be compared, or is on its way, is news."""
        if self._under_way is not None:
            return True
        try:
            latest, installed = (
                AwesomeVersion(
                    version,
                    find_first_match=True,
                    ensure_strategy=[AwesomeVersionStrategy.SEMVER],
                )
                for version in (latest_version, installed_version)
            )
            return bool(latest > installed)
        except AwesomeVersionException:
            return latest_version != installed_version

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Why it waits or why the last update failed, and when it goes on if that is known."""
        row = self.hub.row_for(self.node.node_id) or self._failed_last
        if row is None or row.error_message is None:
            return {"reason": None, "next_try": None}
        return {"reason": self.hub.message_of(row), "next_try": row.next_try}

    @override
    async def async_release_notes(self) -> str | None:
        """Return the notes of the version shown as latest, under what the node waits for or why it failed."""
        version = self.latest_version
        fitting = self.hub.library.fitting(self.node)
        notes = next((row.release_notes for row in fitting if row.version == version), "")
        row = self.hub.row_for(self.node.node_id) or self._failed_last
        if row is not None and row.error_message:
            kind = "error" if row.final else "info"
            # It may hold words of a node: nothing of them shall be markup.
            said = escape(self.hub.message_of(row) or "")
            notes = f'<ha-alert alert-type="{kind}">{said}</ha-alert>\n\n{notes}'
        return notes or None

    @property
    def _failed_last(self) -> NodeRow | None:
        """The node's last row, if it was not a success."""
        rows = (job.nodes.get(self.node.node_id) for job in reversed(self.hub.jobs()))
        last = next((row for row in rows if row is not None), None)
        return last if last is not None and last.status in TROUBLE else None

    @override
    async def async_install(self, version: str | None, backup: bool, **kwargs: Any) -> None:
        """Write the job down and return; the node takes it when it can."""
        with translated_errors():
            await self.hub.async_install(
                self.node.node_id, version, actor=async_actor(self.hass, self._context)
            )
