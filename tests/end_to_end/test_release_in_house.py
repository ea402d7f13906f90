"""What somebody without a clone has: the files of a release. A real Home Assistant loads them, pairs a gateway, updates a node.

How boards are put into service from the same files is in tests/scripts/test_release.py.
"""

import hashlib
import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from scripts.packaging import command
from simulator.free_port import free_port
from simulator.stage import Stage
from tests.end_to_end.house import House
from tests.end_to_end.small_house import near

VERSION = "9.8.7"
NAME = "desk"


@pytest.fixture(scope="module")
def files(full_counts: bool) -> dict[str, bytes]:
    if not full_counts:
        pytest.skip("a house of its own takes a minute: scripts/test --all")
    return command.built(VERSION)


@pytest_asyncio.fixture(loop_scope="session")
async def released(tmp_path: Path, files: dict[str, bytes]) -> AsyncIterator[House]:
    """Home Assistant with the integration as HACS unpacks it, and a gateway of the release."""
    component = tmp_path / "home-assistant/custom_components/mesh_ota"
    component.mkdir(parents=True)
    with zipfile.ZipFile(io.BytesIO(files["mesh_ota.zip"])) as archive:
        archive.extractall(component)
    stage = Stage(tmp_path, free_port(), near(NAME))
    stage.mesh.gateway_bundle = files[f"gateway-{VERSION}.tar"]
    try:
        await stage.open()
        yield House(stage)
    finally:
        await stage.close(keep=True)


async def test_home_assistant_runs_the_released_integration_and_brings_a_released_bundle_to_a_node(
    released: House, files: dict[str, bytes]
) -> None:
    integrations = await released.client.command("manifest/list", integrations=["mesh_ota"])
    assert [one["version"] for one in integrations] == [VERSION]
    assert (await released.entity("gateway")).installed == VERSION
    node_type = released.node_type(NAME)
    bundle = files[f"{node_type}-{VERSION}.tar"]
    uploaded = await released.stage.upload(node_type, VERSION, bundle)
    assert uploaded["sha256"] == hashlib.sha256(bundle).hexdigest()
    offered = await released.until(
        lambda: released.entity(NAME), lambda now: now.latest == VERSION, 10
    )
    await released.client.call(
        "POST", "/api/services/update/install", {"entity_id": offered.entity_id}
    )
    await released.until(
        lambda: released.entity(NAME),
        lambda now: now.installed == VERSION and not now.in_progress,
        120,
    )
    node = await released.node(NAME)
    assert (node["version"], node["proof"]) == (VERSION, uploaded["proof"])
