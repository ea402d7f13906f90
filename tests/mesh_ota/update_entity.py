"""An update entity in its house: what it shows, and pressing its button."""

from typing import Any

from homeassistant.core import HomeAssistant, State

from .gateway_client import GatewayClient

NODE = "2222222222"


SECOND = "3333333333"


UPDATE = "update.hall_firmware"


SECOND_UPDATE = "update.attic_firmware"


def shown(hass: HomeAssistant, entity_id: str = UPDATE) -> State:
    """The entity's state."""
    state = hass.states.get(entity_id)
    assert state is not None
    return state


async def install(hass: HomeAssistant, entity_id: str | list[str] = UPDATE, **more: Any) -> None:
    """Press Install."""
    await hass.services.async_call(
        "update", "install", {"entity_id": entity_id, **more}, blocking=True
    )


async def pending_job(caller: GatewayClient) -> dict[str, Any]:
    """The one job that the gateway is to do."""
    (job,) = (await caller.pending()).json["jobs"]
    return job


async def progress(
    hass: HomeAssistant, caller: GatewayClient, job: dict[str, Any], status: str, **more: Any
) -> None:
    """The gateway says how far the node is."""
    await caller.report_progress(job, NODE, status, **more)
    await hass.async_block_till_done()
