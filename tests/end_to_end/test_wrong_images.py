"""Images that look right to Home Assistant and are wrong for the node: it says why, and takes the next good one."""

import asyncio

from scripts.firmware import bundle
from tests.end_to_end.house import House, fresh_version


async def test_a_bundle_for_a_newer_micropython_fails_with_the_nodes_sentence(house: House) -> None:
    before, version = await house.entity("desk"), fresh_version()
    content = await asyncio.to_thread(bundle.build, "button2", version, micropython="99.1")
    job = await house.ended(
        await house.make_job(await house.stage.upload("button2", version, content), "desk")
    )
    await house.failed_with(job, "desk", "The bundle needs MicroPython 99.1, this is 1.")
    assert (await house.entity("desk")).installed == before.installed
    good = await house.new_firmware("desk")
    assert (await house.ended(await house.make_job(good, "desk")))["status"] == "completed"
