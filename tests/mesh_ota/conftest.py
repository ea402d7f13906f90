"""Fixtures for the Home Assistant side: the integration in a Home Assistant of its own, with a folder of its own."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

# First of all: it patches Home Assistant's recorder, which the integration's own imports would load unpatched.
import pytest_homeassistant_custom_component.patch_recorder  # noqa: F401  # isort: skip
import pytest
from aiohttp import FormData
from pytest_homeassistant_custom_component.common import MockConfigEntry

# At module level: the harness has a package `custom_components` of its own that would come first.
from custom_components.mesh_ota.const import CONF_KEY, DOMAIN
from custom_components.mesh_ota.hub import MeshOta, async_get_hub
from custom_components.mesh_ota.jobs.job import Job
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from . import images
from .blocking_calls import detected
from .gateway_client import GatewayClient
from .translation_check import checked_translations

if TYPE_CHECKING:
    # It imports the recorder, which the harness has to be the first to do.
    from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

__all__ = ["checked_translations"]

GATEWAY_ID = "1111111111"
GATEWAY_KEY = bytes(range(32))
NODE = "2222222222"

type NewGateway = Callable[[str, bytes], Awaitable[GatewayClient]]
type Upload = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _custom_integrations(enable_custom_integrations: None) -> None:
    """Let Home Assistant find ours."""


@pytest.fixture(autouse=True)
def blocking_calls() -> Iterator[list[str]]:
    """Fail a test in which the integration made a blocking call on the event loop."""
    with detected() as calls:
        yield calls
    assert not calls, "\n\n".join(calls)


@pytest.fixture
def recorder_db_url(hass_fixture_setup: list[bool]) -> str:
    """In memory; Home Assistant's harness would ask the command line."""
    assert not hass_fixture_setup
    return "sqlite://"


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Give each test a configuration folder of its own, since images are real files."""
    return hass_tmp_config_dir


@pytest.fixture
def config_dir(hass_config_dir: str) -> Path:
    """The configuration folder."""
    return Path(hass_config_dir)


@pytest.fixture
async def hub(hass: HomeAssistant) -> MeshOta:
    """The hub with its HTTP doors, before any gateway is set up."""
    assert await async_setup_component(hass, "http", {})
    return await async_get_hub(hass)


@pytest.fixture
async def admin(hub: MeshOta, hass_client: ClientSessionGenerator) -> Any:
    """An administrator's HTTP client."""
    return await hass_client()


@pytest.fixture
def entry() -> MockConfigEntry:
    """The config entry of one gateway."""
    return MockConfigEntry(
        domain=DOMAIN,
        unique_id=GATEWAY_ID,
        title=f"Gateway {GATEWAY_ID}",
        data={CONF_KEY: GATEWAY_KEY.hex()},
    )


@pytest.fixture
def bundle(tmp_path: Path) -> Callable[..., Path]:
    """Write an app-bundle; see `images.bundle`."""

    def write(**said: Any) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.tar"
        path.write_bytes(images.bundle(**said))
        return path

    return write


@pytest.fixture
def exchange(recorded: Path) -> Callable[[str], dict[str, Any]]:
    """One recorded exchange of gateway and Home Assistant, by name."""
    return lambda name: json.loads((recorded / "gateway_api" / f"{name}.json").read_text())


@pytest.fixture
async def new_gateway(hub: MeshOta, hass_client_no_auth: ClientSessionGenerator) -> NewGateway:
    """Make a gateway that calls this Home Assistant: `await new_gateway(node id, 32 bytes)`."""

    async def make(gateway_id: str, key: bytes) -> GatewayClient:
        return GatewayClient(await hass_client_no_auth(), gateway_id, key)

    return make


@pytest.fixture
async def paired(hass: HomeAssistant, hub: MeshOta, entry: MockConfigEntry) -> MockConfigEntry:
    """The entry of a gateway that is set up and has not called yet."""
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry


@pytest.fixture
async def caller(
    hass: HomeAssistant, paired: MockConfigEntry, new_gateway: NewGateway
) -> GatewayClient:
    """The gateway of `paired`, with a session and its first report made."""
    client = await new_gateway(GATEWAY_ID, GATEWAY_KEY)
    assert (await client.open()).signed
    assert (await client.report()).status == 200
    await hass.async_block_till_done()
    return client


@pytest.fixture
async def upload(
    hass: HomeAssistant, paired: MockConfigEntry, hass_client: ClientSessionGenerator
) -> Upload:
    """Put an app-bundle into the library as a script would; the answer is the firmware."""

    async def post(node_type: str, version: str, **fields: str) -> dict[str, Any]:
        content = images.bundle(node_type=node_type, version=version)
        form = FormData({"node_type": node_type, "version": version, **fields})
        form.add_field("file", content, filename=f"{node_type}-{version}.tar")
        client = await hass_client()
        answer = await client.post("/api/mesh_ota/v1/firmware/upload", data=form)
        assert answer.status == 201, await answer.text()
        await hass.async_block_till_done()
        return await answer.json()

    return post


@pytest.fixture
async def node(caller: GatewayClient) -> None:
    """One node of type pir in the mesh."""
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    await caller.report_node(NODE)


@pytest.fixture
async def job(hub: MeshOta, node: None, upload: Upload) -> Job:
    """A job for that node."""
    firmware = await upload("pir", "1.1.0")
    return await hub.async_create_job(firmware["id"], node_ids=[NODE])
