"""What a test has to look up because no person would: the ids in the addresses of pages."""

from simulator.stage import Stage


async def device_id(stage: Stage, name: str) -> str:
    registry = await stage.client.command("config/device_registry/list")
    return next(str(device["id"]) for device in registry if device["name"] == name)


async def update_dialog(stage: Stage, name: str) -> str:
    """The page on which this node's update dialog is open."""
    entity_id = (await stage.entities())[name].entity_id
    page = f"/config/devices/device/{await device_id(stage, name)}"
    return f"{page}?more-info-entity-id={entity_id}"
