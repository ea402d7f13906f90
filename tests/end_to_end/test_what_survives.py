"""Library, jobs and history after a restart, and in a copy of the configuration directory."""

import shutil
from pathlib import Path
from typing import Any

from simulator.home_assistant import HomeAssistant
from simulator.home_assistant_client import HomeAssistantClient
from tests.end_to_end.house import House


async def test_library_jobs_and_history_are_there_after_a_restart_and_in_a_copy(
    house: House, tmp_path: Path
) -> None:
    await house.cancel(await _waiting_job(house))
    before = await _kept(house.client)
    await house.stage.home_assistant.restart()
    assert await _kept(house.client) == before

    original = house.stage.home_assistant
    await original.stop()
    # The gateway stays out of this, and the original comes back as it was: a copy is not a second home.
    house.mesh.uplink.cut()
    shutil.copytree(original.folder, tmp_path / "copy", symlinks=True)
    copy = HomeAssistant(tmp_path / "copy", house.stage.guardian, original.port)
    copy.client.log_in_as(original.client)
    try:
        await copy.start()
        assert await _kept(copy.client) == before
        newest = before["firmware"][0]
        content = await copy.client.mesh("GET", f"firmware/{newest['id']}/download", raw=True)
        assert len(content) == newest["size_bytes"]
    finally:
        await copy.stop()
        house.mesh.uplink.mend()
        await original.start()


async def test_entities_show_no_progress_after_a_restart_without_jobs(house: House) -> None:
    await house.stage.home_assistant.restart()
    entities = await house.stage.entities()
    assert set(house.mesh.nodes) <= set(entities)
    for entity in entities.values():
        assert not entity.in_progress
        assert entity.percentage is None


async def _waiting_job(house: House) -> dict[str, Any]:
    await house.mesh.nodes["desk"].stop()
    return await house.make_job(await house.new_firmware("desk"), "desk")


async def _kept(client: HomeAssistantClient) -> dict[str, Any]:
    jobs = await client.mesh("GET", "ota/updates")
    return {
        "firmware": await client.mesh("GET", "firmware"),
        "jobs": [await client.mesh("GET", f"ota/updates/{job['id']}") for job in jobs],
    }
