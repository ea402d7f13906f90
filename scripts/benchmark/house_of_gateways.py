"""A real Home Assistant with many gateways, and their clients: what `scripts/bench ha` loads.

Lives here: how it is set up. Its entries are written while it is stopped: a thousand dialogs would take longer than all the
rest.
"""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import aiohttp

from scripts.benchmark.load import WAIT, Ask
from simulator import home_assistant
from simulator.guardian import Guardian
from simulator.home_assistant import HomeAssistant
from tests.mesh_ota.gateway_client import Answer, GatewayClient

START_SECONDS = 300  # for a thousand gateways on two cores
FIRST_GATEWAY, FIRST_NODE = 1_000_000_001, 2_000_000_001
BLOCK = 4096
AT_ONCE = 50  # gateways that open their session at the same time
BORN = "2026-01-01T00:00:00+00:00"
PROBE = '''"""Measures how late the event loop is; made by scripts/bench."""

import sys

from homeassistant.helpers.http import HomeAssistantView

sys.path.insert(0, {repository!r})
from scripts.benchmark.loop_probe import LoopProbe


class ProbeView(HomeAssistantView):
    url = "/api/loop_probe"
    name = "api:loop_probe"
    requires_auth = False
    probe = LoopProbe()

    async def get(self, request):
        return self.json(self.probe.take())


async def async_setup(hass, config):
    hass.http.register_view(ProbeView())
    hass.async_create_background_task(ProbeView.probe.run(), "loop probe")
    return True
'''


class HouseOfGateways:
    """`count` gateways; the first `taking` have a node with a job each."""

    def __init__(self, folder: Path, guardian: Guardian, count: int, taking: int) -> None:
        self.home_assistant = HomeAssistant(folder, guardian, name="Mesh OTA bench")
        self.url = self.home_assistant.url
        self._folder = folder
        self._ids = [str(FIRST_GATEWAY + number) for number in range(count)]
        self._taking = taking
        self._gateways: list[GatewayClient] = []
        self._firmware: dict[str, Any] = {}
        self._node_type = ""

    async def open(self, http: aiohttp.ClientSession, bundle: Path, **words: str) -> None:
        """Start it, let every gateway open its session, and make the job."""
        home_assistant.START_SECONDS = START_SECONDS
        self._add_probe()
        await self.home_assistant.start()
        await self.home_assistant.stop()
        self._add_entries()
        await self.home_assistant.start()
        self._gateways = [GatewayClient(http, each, _key(each)) for each in self._ids]
        turns = asyncio.Semaphore(AT_ONCE)

        async def come(gateway: GatewayClient) -> None:
            async with turns:
                _accepted(await gateway.open())
                _accepted(await gateway.report())

        await asyncio.gather(*(come(gateway) for gateway in self._gateways))
        client = self.home_assistant.client
        self._firmware = await client.upload(bundle, **words)
        nodes = [str(FIRST_NODE + number) for number in range(self._taking)]
        for gateway, node in zip(self._gateways, nodes, strict=False):
            _accepted(await gateway.report(tree=[[node, gateway.gateway_id]]))
        self._node_type = words["node_type"]
        await self.hear_from_nodes()
        said = {"firmware_id": self._firmware["id"], "target_node_ids": nodes}
        await client.mesh("POST", "ota/updates", said)
        for gateway in self._gateways[: self._taking]:
            _accepted(await gateway.pending())

    async def hear_from_nodes(self) -> None:
        """As each does once a minute; otherwise they would be away after a few turns."""
        for number, gateway in enumerate(self._gateways[: self._taking]):
            node = str(FIRST_NODE + number)
            _accepted(await gateway.report_node(node, type=self._node_type, flash=4_000_000))

    def pollers(self) -> list[Ask]:
        """A poll of each gateway that takes nothing."""

        def of(gateway: GatewayClient) -> Ask:
            async def ask() -> None:
                _accepted(await gateway.pending(wait=WAIT, have=gateway.revision))

            return ask

        return [of(gateway) for gateway in self._gateways[self._taking :]]

    def takers(self) -> list[Ask]:
        """The next block of each gateway that has a job."""
        size, number = self._firmware["size_bytes"], self._firmware["id"]

        def of(gateway: GatewayClient) -> Ask:
            at = 0

            async def ask() -> None:
                nonlocal at
                _accepted(await gateway.block(number, at, at + BLOCK - 1))
                at = at + BLOCK if at + BLOCK < size else 0

            return ask

        return [of(gateway) for gateway in self._gateways[: self._taking]]

    def _add_probe(self) -> None:
        probe = self._folder / "custom_components" / "loop_probe"
        probe.mkdir()
        repository = str(home_assistant.REPOSITORY)
        (probe / "__init__.py").write_text(PROBE.format(repository=repository))
        manifest = {"domain": "loop_probe", "name": "Loop probe", "version": "1.0.0"}
        (probe / "manifest.json").write_text(json.dumps(manifest | {"dependencies": ["http"]}))
        configuration = self._folder / "configuration.yaml"
        configuration.write_text(
            configuration.read_text().replace(": debug", ": warning") + "loop_probe:\n"
        )

    def _add_entries(self) -> None:
        path = self._folder / ".storage" / "core.config_entries"
        stored = json.loads(path.read_text())
        stored["data"]["entries"] += [_entry(each) for each in self._ids]
        path.write_text(json.dumps(stored))


def _key(gateway_id: str) -> bytes:
    return hashlib.sha256(gateway_id.encode()).digest()


def _entry(gateway_id: str) -> dict[str, Any]:
    """As Home Assistant stores it."""
    return {
        "created_at": BORN,
        "data": {"key": _key(gateway_id).hex()},
        "disabled_by": None,
        "discovery_keys": {},
        "domain": "mesh_ota",
        "entry_id": f"bench{gateway_id}",
        "minor_version": 1,
        "modified_at": BORN,
        "options": {},
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "source": "user",
        "subentries": [],
        "title": f"Gateway {gateway_id}",
        "unique_id": gateway_id,
        "version": 1,
    }


def _accepted(answer: Answer) -> None:
    if answer.status not in (200, 206) or not answer.signed:
        raise RuntimeError(f"Home Assistant answered {answer.status}: {answer.body[:200]!r}")
