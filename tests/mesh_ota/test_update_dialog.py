"""What the update dialog says: the notes, under what the node waits for or why its last update failed."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from homeassistant.core import HomeAssistant

from .gateway_client import GatewayClient
from .update_entity import NODE, UPDATE, install, pending_job, progress


@pytest.fixture
async def node(hass: HomeAssistant, caller: GatewayClient) -> None:
    """One node of type pir, called hall, on version 1.0.0."""
    await caller.report_node(NODE)
    await hass.async_block_till_done()


async def test_release_notes_are_shown_in_the_update_dialog(
    hass: HomeAssistant, node: None, upload: Any, hass_ws_client: WebSocketGenerator
):
    """As the uploader wrote them."""
    await upload("pir", "1.1.0", release_notes="* sees **cats** too")
    await hass.async_block_till_done()
    client = await hass_ws_client()
    await client.send_json_auto_id({"type": "update/release_notes", "entity_id": UPDATE})
    assert "sees **cats** too" in (await client.receive_json())["result"]


async def notes(hass_ws_client: WebSocketGenerator) -> str:
    """The text of the update dialog."""
    client = await hass_ws_client()
    await client.send_json_auto_id({"type": "update/release_notes", "entity_id": UPDATE})
    return (await client.receive_json())["result"]


async def test_the_update_dialog_says_what_a_node_waits_for(
    hass: HomeAssistant,
    node: None,
    caller: GatewayClient,
    upload: Any,
    hass_ws_client: WebSocketGenerator,
):
    """Pressed at night for a node that is asleep."""
    await caller.report(tree=[])
    await upload("pir", "1.1.0", release_notes="Cats.")
    await hass.async_block_till_done()
    await install(hass)
    text = await notes(hass_ws_client)
    assert text.startswith('<ha-alert alert-type="info">')
    assert "it will be offered when it joins" in text
    assert text.endswith("Cats.")


async def test_the_update_dialog_says_why_the_last_update_failed_and_hides_no_markup_in_it(
    hass: HomeAssistant,
    node: None,
    caller: GatewayClient,
    upload: Any,
    hass_ws_client: WebSocketGenerator,
):
    """The words come from a board in the mesh, and go to the browser of an administrator."""
    await upload("pir", "1.1.0")
    await hass.async_block_till_done()
    await install(hass)
    job = await pending_job(caller)
    said = 'No room <img src="x">.'
    await progress(hass, caller, job, "failed", reason="space", error_message=said)
    text = await notes(hass_ws_client)
    assert text.startswith(
        '<ha-alert alert-type="error">The node has no room for this firmware. No '
    )
    assert "<img" not in text
