"""A node that took a bad firmware: what its owner sees of it the next morning."""

import asyncio

from simulator import firmware
from simulator.home_assistant_client import USER_LOGIN, USER_PASSWORD
from simulator.stage import Stage
from tests.browser.frontend import Frontend
from tests.browser.registry import update_dialog

BAD = "1.2.0"
_SECONDS = 200


async def test_the_dialog_of_a_node_that_went_back_says_why(
    stage: Stage, frontend: Frontend
) -> None:
    await stage.client.add_gateway(stage.setup_key)
    await stage.wait_for_all_nodes(90)
    content = firmware.that_raises("pir", BAD, "There is no sensor on GPIO4.")
    await stage.upload("pir", BAD, content)
    entity = (await stage.entities())["garage"]
    await stage.client.act("update", "install", entity_id=entity.entity_id)
    await job_ended(stage)
    await frontend.log_in(USER_LOGIN, USER_PASSWORD)
    await frontend.open(await update_dialog(stage, "garage"))
    await frontend.sees("The node went back to its old firmware.")
    await frontend.sees("There is no sensor on GPIO4.")
    await frontend.sees("Update available")
    await frontend.keep("rolled-back")


async def job_ended(stage: Stage) -> None:
    async with asyncio.timeout(_SECONDS):
        while True:
            jobs = await stage.client.mesh("GET", "ota/updates")
            if jobs and all(job["completed_at"] for job in jobs):
                return
            await asyncio.sleep(0.5)
