"""What a page of the frontend may list and follow over the WebSocket: firmware, jobs, nodes and the mesh.

Administrators only, and nothing is changed here. The words are those of the HTTP API (`docs/gateway-api.md` §7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import voluptuous as vol

from homeassistant.components.websocket_api import async_register_command
from homeassistant.components.websocket_api.connection import ActiveConnection
from homeassistant.components.websocket_api.decorators import async_response, require_admin
from homeassistant.components.websocket_api.messages import (
    BASE_COMMAND_MESSAGE_SCHEMA,
    event_message,
)
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

from .const import DOMAIN
from .hub import MeshOta, async_get_hub
from .outlet import Change

# A rollout changes something with every block of every node: a page is told a few times per second at most.
PACE = timedelta(milliseconds=250)

type Shown = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Topic:
    """One list that can be read and followed; each item has an id."""

    ids: Callable[[MeshOta], Iterable[str]]
    show: Callable[[MeshOta, str], Shown | None]
    """The item with this id, None if there is none any more."""
    concerned: Callable[[MeshOta, Change], Iterable[str]]
    """Ids of the items that may look different after a change."""


def _firmware(hub: MeshOta, name: str) -> Shown | None:
    row = hub.library.rows.get(int(name))
    return None if row is None else row.as_dict() | {"damaged": row.id in hub.library.damaged}


def _changed_firmware(_hub: MeshOta, change: Change) -> Iterable[str]:
    # 0 tells of the disk, not of a firmware.
    return (change.id,) if change.kind == "library" and change.id != "0" else ()


def _job(hub: MeshOta, name: str) -> Shown | None:
    job = hub.job(int(name))
    return None if job is None else hub.shown(job)


def _changed_job(_hub: MeshOta, change: Change) -> Iterable[str]:
    return (change.id,) if change.kind == "job" else ()


def _known_nodes(hub: MeshOta) -> Iterable[str]:
    return [node.node_id for node in hub.nodes.nodes.values() if node.introduced]


def _node(hub: MeshOta, name: str) -> Shown | None:
    node = hub.node(name)
    if node is None or not node.introduced:
        return None
    return node.as_dict() | {"installed_version": hub.installed_version(node)}


def _changed_node(_hub: MeshOta, change: Change) -> Iterable[str]:
    return (change.id,) if change.kind in ("node", "new_node", "gateway") else ()


def _mesh(hub: MeshOta, name: str) -> Shown | None:
    state = hub.gateways.get(name)
    if state is None:
        return None
    return {
        "gateway_id": state.gateway_id,
        "online": state.online,
        "last_heard": state.last_heard and state.last_heard.isoformat(),
        "tree": [
            {"node_id": node_id, "parent": parent} for node_id, parent in (state.tree or {}).items()
        ],
    }


def _changed_mesh(hub: MeshOta, change: Change) -> Iterable[str]:
    if change.kind not in ("node", "new_node", "gateway"):
        return ()
    # A node that is gone says no longer whose it was.
    node = hub.node(change.id)
    return (change.id,) if node is None else (node.gateway_id,)


TOPICS = {
    "firmware": Topic(
        ids=lambda hub: [str(row.id) for row in hub.library.list()],
        show=_firmware,
        concerned=_changed_firmware,
    ),
    "jobs": Topic(
        ids=lambda hub: [str(job.id) for job in hub.jobs()],
        show=_job,
        concerned=_changed_job,
    ),
    "nodes": Topic(ids=_known_nodes, show=_node, concerned=_changed_node),
    "tree": Topic(ids=lambda hub: list(hub.gateways), show=_mesh, concerned=_changed_mesh),
}


class Follower:
    """One subscription: collects what changes and tells it at the pace of a page."""

    def __init__(self, hub: MeshOta, topic: Topic, tell: Callable[[Shown], None]) -> None:
        """Follow until `stop`."""
        self._hub = hub
        self._topic = topic
        self._tell = tell
        self._waiting: dict[str, None] = {}
        self._timer: CALLBACK_TYPE | None = None
        self._unsubscribe = hub.async_subscribe(self._follow)

    @callback
    def _follow(self, change: Change) -> None:
        self._waiting.update(dict.fromkeys(self._topic.concerned(self._hub, change)))
        if self._waiting and self._timer is None:
            job = HassJob(self._say, cancel_on_shutdown=True)
            self._timer = async_call_later(self._hub.hass, PACE, job)

    @callback
    def _say(self, _now: datetime) -> None:
        self._timer, names, self._waiting = None, self._waiting, {}
        shown = {name: self._topic.show(self._hub, name) for name in names}
        self._tell(
            {
                "changed": [item for item in shown.values() if item is not None],
                "removed": [name for name, item in shown.items() if item is None],
            }
        )

    @callback
    def stop(self) -> None:
        """Leave no listener and no timer."""
        self._unsubscribe()
        if self._timer is not None:
            self._timer()
            self._timer = None


@callback
def async_setup_websocket_api(hass: HomeAssistant) -> None:
    """Register the commands; they work for as long as Home Assistant runs."""
    for name in TOPICS:
        for verb, serve in (("list", _list), ("subscribe", _subscribe)):
            command = f"{DOMAIN}/{name}/{verb}"
            schema = BASE_COMMAND_MESSAGE_SCHEMA.extend({vol.Required("type"): command})
            async_register_command(hass, command, serve, schema)


@require_admin
@async_response
async def _list(hass: HomeAssistant, connection: ActiveConnection, msg: dict[str, Any]) -> None:
    """Answer with all items, once."""
    name = msg["type"].split("/")[1]
    hub = await async_get_hub(hass)
    connection.send_result(msg["id"], {name: _all(hub, TOPICS[name])})


@require_admin
@async_response
async def _subscribe(
    hass: HomeAssistant, connection: ActiveConnection, msg: dict[str, Any]
) -> None:
    """Send all items as the first event, then what changed and what is gone."""
    name = msg["type"].split("/")[1]
    hub = await async_get_hub(hass)

    @callback
    def tell(said: Shown) -> None:
        connection.send_message(event_message(msg["id"], said))

    connection.subscriptions[msg["id"]] = Follower(hub, TOPICS[name], tell).stop
    connection.send_result(msg["id"])
    tell({name: _all(hub, TOPICS[name])})


def _all(hub: MeshOta, topic: Topic) -> list[Shown]:
    shown = [topic.show(hub, name) for name in topic.ids(hub)]
    return [item for item in shown if item is not None]
