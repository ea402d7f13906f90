"""What a page of the frontend lists and follows over the WebSocket, as its client sees it."""

from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.mesh_ota.hub import MeshOta
from custom_components.mesh_ota.websocket_api import PACE, TOPICS
from homeassistant.core import HomeAssistant

from .conftest import GATEWAY_ID, Upload
from .gateway_client import GatewayClient

NODE, SECOND = "2222222222", "3333333333"
COMMANDS = [f"mesh_ota/{name}/{verb}" for name in TOPICS for verb in ("list", "subscribe")]


@pytest.fixture
async def house(hass: HomeAssistant, caller: GatewayClient, upload: Upload) -> dict[str, Any]:
    """Two nodes, one behind the other, and a firmware."""
    await caller.report(tree=[[NODE, GATEWAY_ID], [SECOND, NODE]])
    await caller.report_node(NODE)
    await caller.report_node(SECOND, name="attic")
    await hass.async_block_till_done()
    return await upload("pir", "1.1.0")


def listeners(hub: MeshOta) -> int:
    """How many follow the house."""
    return hub.outlet.listening


async def ask(client: Any, command: str, **more: Any) -> dict[str, Any]:
    """One command and its answer."""
    await client.send_json_auto_id({"type": command, **more})
    return await client.receive_json()


async def follow(client: Any, name: str) -> list[dict[str, Any]]:
    """Subscribe; what is there to begin with."""
    assert (await ask(client, f"mesh_ota/{name}/subscribe"))["success"]
    return (await client.receive_json())["event"][name]


async def pace(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    """Let so much time pass that a page is told."""
    await hass.async_block_till_done()
    freezer.tick(PACE * 2)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()


async def test_each_list_has_what_is_there(
    house: dict[str, Any], hub: MeshOta, hass: HomeAssistant, hass_ws_client: WebSocketGenerator
):
    job = await hub.async_create_job(house["id"], node_ids=[NODE])
    client = await hass_ws_client(hass)
    said = {name: (await ask(client, f"mesh_ota/{name}/list"))["result"][name] for name in TOPICS}
    assert [row["version"] for row in said["firmware"]] == ["1.1.0"]
    assert said["firmware"][0]["damaged"] is False
    assert [(row["id"], row["nodes"][0]["node_id"]) for row in said["jobs"]] == [(job.id, NODE)]
    nodes = {node["node_id"]: node for node in said["nodes"]}
    assert nodes.keys() == {GATEWAY_ID, NODE, SECOND}
    assert nodes[SECOND]["parent"] == NODE
    assert nodes[NODE]["installed_version"] == "1.0.0"
    assert [(mesh["gateway_id"], mesh["online"]) for mesh in said["tree"]] == [(GATEWAY_ID, True)]
    assert said["tree"][0]["tree"] == [
        {"node_id": NODE, "parent": GATEWAY_ID},
        {"node_id": SECOND, "parent": NODE},
    ]


async def test_no_list_holds_a_secret(
    house: dict[str, Any], hub: MeshOta, hass: HomeAssistant, hass_ws_client: WebSocketGenerator
):
    job = await hub.async_create_job(house["id"], node_ids=[NODE])
    client = await hass_ws_client(hass)
    said = str([await ask(client, f"mesh_ota/{name}/list") for name in TOPICS])
    assert job.token not in said
    assert bytes(range(32)).hex() not in said


async def test_a_follower_hears_of_a_firmware_that_comes_and_goes(
    house: dict[str, Any],
    hub: MeshOta,
    upload: Upload,
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    freezer: FrozenDateTimeFactory,
):
    client = await hass_ws_client(hass)
    assert [row["version"] for row in await follow(client, "firmware")] == ["1.1.0"]
    new = await upload("pir", "1.2.0")
    await pace(hass, freezer)
    event = (await client.receive_json())["event"]
    assert ([row["version"] for row in event["changed"]], event["removed"]) == (["1.2.0"], [])
    await hub.library.async_delete(new["id"])
    await pace(hass, freezer)
    event = (await client.receive_json())["event"]
    assert event == {"changed": [], "removed": [str(new["id"])]}


async def test_a_follower_hears_how_a_job_goes_on_once_for_many_changes(
    house: dict[str, Any],
    hub: MeshOta,
    caller: GatewayClient,
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    freezer: FrozenDateTimeFactory,
):
    """A page is not told of each block."""
    client = await hass_ws_client(hass)
    assert await follow(client, "jobs") == []
    created = await hub.async_create_job(house["id"], node_ids=[NODE])
    job = (await caller.pending()).json["jobs"][0]
    await caller.report_progress(job, NODE, "offered")
    await caller.report_progress(job, NODE, "downloading", current_part=1)
    await pace(hass, freezer)
    event = (await client.receive_json())["event"]
    assert [row["id"] for row in event["changed"]] == [created.id]
    assert event["changed"][0]["nodes"][0]["status"] == "downloading"


async def test_a_follower_hears_of_nodes_and_how_they_hang_together(
    house: dict[str, Any],
    hub: MeshOta,
    caller: GatewayClient,
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    freezer: FrozenDateTimeFactory,
):
    nodes, tree = await hass_ws_client(hass), await hass_ws_client(hass)
    assert len(await follow(nodes, "nodes")) == 3
    assert len(await follow(tree, "tree")) == 1
    await caller.report(tree=[[NODE, GATEWAY_ID]])
    await pace(hass, freezer)
    changed = (await nodes.receive_json())["event"]["changed"]
    assert [node["online"] for node in changed if node["node_id"] == SECOND] == [False]
    meshes = (await tree.receive_json())["event"]["changed"]
    assert [mesh["tree"] for mesh in meshes] == [[{"node_id": NODE, "parent": GATEWAY_ID}]]
    await hub.async_forget_node(SECOND)
    await pace(hass, freezer)
    assert SECOND in (await nodes.receive_json())["event"]["removed"]


@pytest.mark.parametrize("command", COMMANDS)
async def test_nobody_but_an_administrator_is_told(
    house: dict[str, Any],
    hub: MeshOta,
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    hass_read_only_access_token: str,
    command: str,
):
    before = listeners(hub)
    client = await hass_ws_client(hass, hass_read_only_access_token)
    answer = await ask(client, command)
    assert (answer["success"], answer["error"]["code"]) == (False, "unauthorized")
    assert listeners(hub) == before


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_command_with_more_than_it_takes_is_refused(
    house: dict[str, Any],
    hub: MeshOta,
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    command: str,
):
    before = listeners(hub)
    answer = await ask(await hass_ws_client(hass), command, job_id=1)
    assert answer["error"]["code"] == "invalid_format"
    assert listeners(hub) == before


@pytest.mark.parametrize("end", ["unsubscribe", "close"])
async def test_whoever_goes_leaves_no_listener_and_no_timer(
    house: dict[str, Any],
    hub: MeshOta,
    caller: GatewayClient,
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    end: str,
):
    """Even with something to tell on its way; the harness fails a test that leaves a timer."""
    before = listeners(hub)
    client = await hass_ws_client(hass)
    await client.send_json({"id": 5, "type": "mesh_ota/nodes/subscribe"})
    assert (await client.receive_json())["success"]
    await client.receive_json()
    assert listeners(hub) == before + 1
    await caller.report(tree=[])
    if end == "close":
        await client.close()
    else:
        await client.send_json({"id": 6, "type": "unsubscribe_events", "subscription": 5})
        assert (await client.receive_json())["success"]
    await hass.async_block_till_done()
    assert listeners(hub) == before


async def test_a_follower_outlives_a_gateway_that_is_unloaded_and_removed(
    house: dict[str, Any],
    hub: MeshOta,
    paired: MockConfigEntry,
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    freezer: FrozenDateTimeFactory,
):
    """The house is still there: the page shows it without the gateway, and goes as it came."""
    client = await hass_ws_client(hass)
    await follow(client, "tree")
    await hass.config_entries.async_remove(paired.entry_id)
    await pace(hass, freezer)
    event = (await client.receive_json())["event"]
    assert (event["changed"], GATEWAY_ID in event["removed"]) == ([], True)
    left = listeners(hub)
    await client.close()
    await hass.async_block_till_done()
    assert listeners(hub) == left - 1
