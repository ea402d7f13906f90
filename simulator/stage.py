"""What every run on this computer needs first: Home Assistant and a house, paired as a user pairs them.

The end-to-end tests stand on the same stage as the demo. Whatever is started here ends with `close`, and, should this
program die, by the guardian.
"""

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator import firmware
from simulator.floor_plan import HOUSE, Place
from simulator.guardian import Guardian
from simulator.home_assistant import HomeAssistant
from simulator.home_assistant_client import HomeAssistantClient
from simulator.virtual_mesh import VirtualMesh

_PAIRING_SECONDS = 60
_JOINING_SECONDS = 90


@dataclass(frozen=True)
class Entity:
    """The update entity of one node, as Home Assistant shows it now."""

    entity_id: str
    node_id: str
    state: str
    attributes: dict[str, Any]

    @property
    def installed(self) -> str | None:
        return self.attributes["installed_version"]

    @property
    def latest(self) -> str | None:
        return self.attributes["latest_version"]

    @property
    def in_progress(self) -> bool:
        return bool(self.attributes["in_progress"])

    @property
    def percentage(self) -> int | None:
        return self.attributes["update_percentage"]


class Stage:
    def __init__(
        self, folder: Path, port: int | None = None, plan: Sequence[Place] = HOUSE
    ) -> None:
        self.folder = folder
        self.guardian = Guardian()
        self.home_assistant = HomeAssistant(folder / "home-assistant", self.guardian, port)
        there = ("127.0.0.1", self.home_assistant.port)
        self.mesh = VirtualMesh(folder / "house", self.guardian, there, plan)
        self.setup_key = ""

    @property
    def client(self) -> HomeAssistantClient:
        return self.home_assistant.client

    async def open(self) -> None:
        """Start everything, pair the gateway through the config flow, and wait until every node has an entity."""
        _, self.setup_key = await asyncio.gather(self.home_assistant.start(), self.mesh.start())
        result = await self.client.add_gateway(self.setup_key, _PAIRING_SECONDS)
        if result["type"] != "create_entry":
            raise RuntimeError(f"The gateway could not be added to Home Assistant: {result}")
        await self.wait_for_all_nodes(_JOINING_SECONDS)

    async def close(self, *, keep: bool = False) -> None:
        await self.mesh.stop()
        if keep:
            await self.home_assistant.stop()
        else:  # nobody reads what it would still write
            await self.home_assistant.kill()
        self.guardian.close()
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    async def entities(self) -> dict[str, Entity]:
        """{name of the node: its update entity}; the gateway's is under `gateway`."""
        registry = await self.client.command("config/entity_registry/list")
        node_ids = {
            row["entity_id"]: row["unique_id"] for row in registry if row["platform"] == "mesh_ota"
        }
        states = await self.client.states("update")
        found = {}
        for board in self.mesh.boards:
            for entity_id, unique_id in node_ids.items():
                if unique_id.startswith(str(board.node_id)) and entity_id in states:
                    row = states[entity_id]
                    found[board.name] = Entity(
                        entity_id, str(board.node_id), row["state"], row["attributes"]
                    )
        return found

    async def told(self) -> dict[str, Any]:
        """The diagnostics of the gateway's entry: all that Home Assistant knows."""
        entries = await self.client.call("GET", "/api/config/config_entries/entry?domain=mesh_ota")
        entry = next(row for row in entries if str(self.mesh.gateway.node_id) in row["title"])
        answer = await self.client.call("GET", f"/api/diagnostics/config_entry/{entry['entry_id']}")
        return dict(answer["data"])

    async def wait_for_all_nodes(self, seconds: float) -> None:
        missing: list[str] = []
        async with _explained(
            seconds, lambda: f"Home Assistant has not heard of {', '.join(missing)}."
        ):
            while True:
                known = await self.entities()
                missing = [
                    name
                    for name in self.mesh.nodes
                    if name not in known or known[name].state == "unavailable"
                ]
                if not missing:
                    return
                await asyncio.sleep(0.5)

    async def upload_new_versions(
        self, version: str, padding: bytes = b"", **build: Any
    ) -> dict[str, dict[str, Any]]:
        """A bundle with a new behaviour for each type of the house, into the library; {type: firmware}."""
        types = sorted({place.node_type for place in self.mesh.plan})
        bundles = await asyncio.gather(
            *(
                asyncio.to_thread(firmware.with_new_behaviour, node_type, version, padding, **build)
                for node_type in types
            )
        )
        return {
            node_type: await self.upload(node_type, version, content)
            for node_type, content in zip(types, bundles, strict=True)
        }

    async def upload(self, node_type: str, version: str, content: bytes) -> dict[str, Any]:
        path = self.folder / f"{node_type}-{version}.tar"
        path.write_bytes(content)
        notes = f"Version {version}: lights a lamp on GPIO{firmware.LIT_BY_NEW_VERSION}."
        return await self.client.upload(
            path, node_type=node_type, version=version, release_notes=notes, is_stable="true"
        )


class _explained:  # noqa: N801  reads as a statement where it stands
    """A time limit that ends with a sentence made when it has passed."""

    def __init__(self, seconds: float, sentence: Any) -> None:
        self._limit = asyncio.timeout(seconds)
        self._sentence = sentence

    async def __aenter__(self) -> None:
        await self._limit.__aenter__()

    async def __aexit__(self, *error: Any) -> None:
        try:
            await self._limit.__aexit__(*error)
        except TimeoutError:
            raise TimeoutError(self._sentence()) from None
