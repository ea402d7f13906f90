"""What a node says of itself beside its version: for finding out why something does not work, so mostly off at first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import (
    SIGNAL_STRENGTH_DECIBELS_MILLIWATT,
    EntityCategory,
    UnitOfInformation,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .devices import GatewayEntry, MeshOtaConfigEntry, describe
from .entity import MeshOtaEntity, async_follow_nodes
from .hub import MeshOta
from .jobs.states import FINAL
from .nodes import Node

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class NodeSensorDescription(SensorEntityDescription):
    """A sensor, and where its value comes from."""

    value: Callable[[MeshOta, Node], str | int | datetime | None]
    of_the_moment: bool = False
    """Whether it is worth nothing once the node is away: unavailable then, and no statistics of it."""


def _last_outcome(hub: MeshOta, node: Node) -> str | None:
    rows = (job.nodes.get(node.node_id) for job in reversed(hub.jobs()))
    return next((str(row.status) for row in rows if row is not None and row.final), None)


SENSORS = (
    NodeSensorDescription(
        key="last_outcome",
        device_class=SensorDeviceClass.ENUM,
        options=[str(status) for status in FINAL],
        value=_last_outcome,
    ),
    NodeSensorDescription(
        key="last_heard",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_registry_enabled_default=False,
        value=lambda _hub, node: node.last_heard,
    ),
    NodeSensorDescription(
        key="running_hash",
        entity_registry_enabled_default=False,
        value=lambda _hub, node: node.md5 if node.stock else node.proof,
    ),
    NodeSensorDescription(
        key="signal",
        device_class=SensorDeviceClass.SIGNAL_STRENGTH,
        native_unit_of_measurement=SIGNAL_STRENGTH_DECIBELS_MILLIWATT,
        state_class=SensorStateClass.MEASUREMENT,
        entity_registry_enabled_default=False,
        value=lambda _hub, node: node.rssi,
        of_the_moment=True,
    ),
    NodeSensorDescription(
        key="heap",
        device_class=SensorDeviceClass.DATA_SIZE,
        native_unit_of_measurement=UnitOfInformation.BYTES,
        state_class=SensorStateClass.MEASUREMENT,
        entity_registry_enabled_default=False,
        value=lambda _hub, node: node.heap,
        of_the_moment=True,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: MeshOtaConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add those of each node whose type is known, and of each that says it later."""
    gateway = entry.runtime_data

    def make(node: Node) -> list[NodeSensor]:
        return [NodeSensor(gateway, node, each) for each in SENSORS] if node.node_type else []

    async_follow_nodes(entry, async_add_entities, make)


class NodeSensor(MeshOtaEntity, SensorEntity):
    """One value of one node."""

    _attr_entity_category = EntityCategory.DIAGNOSTIC
    entity_description: NodeSensorDescription

    def __init__(
        self, gateway: GatewayEntry, node: Node, description: NodeSensorDescription
    ) -> None:
        """Show this value."""
        super().__init__(gateway.hub, node, describe(gateway, node))
        self.entity_description = description
        self._attr_translation_key = description.key
        self._attr_unique_id = f"{node.node_id}-{description.key}"

    @property
    @override
    def available(self) -> bool:
        """What a node ran last is still true while it is away; how well it was heard is not."""
        return super().available and (self.node.online or not self.entity_description.of_the_moment)

    @property
    @override
    def native_value(self) -> str | int | datetime | None:
        """What the node said last."""
        return self.entity_description.value(self.hub, self.node)
