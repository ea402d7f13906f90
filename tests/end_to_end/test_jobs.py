"""Jobs one after another in the same gateway run: skipped, forced, for one node, for several types."""

import asyncio

from tests.end_to_end.house import House


async def test_the_same_job_again_is_skipped_and_with_force_flashed_once(house: House) -> None:
    uploaded = await house.new_firmware("stairs")
    assert (await house.ended(await house.make_job(uploaded, "stairs")))["status"] == "completed"
    starts = house.mesh.nodes["stairs"].starts
    again = await house.ended(await house.make_job(uploaded, "stairs"))
    assert again["nodes"][0]["status"] == "skipped"
    assert house.mesh.nodes["stairs"].starts == starts
    forced = await house.ended(await house.make_job(uploaded, "stairs", force=True))
    assert forced["nodes"][0]["status"] == "completed"
    assert house.mesh.nodes["stairs"].starts == starts + 1
    await asyncio.sleep(5)
    assert house.mesh.nodes["stairs"].starts == starts + 1


async def test_two_jobs_of_different_types_and_then_a_third_each_bring_their_own_bytes(
    house: House,
) -> None:
    gateway_starts = house.mesh.gateway.starts
    for_led, for_dht = await house.new_firmware("kitchen"), await house.new_firmware("bath")
    led, dht = await house.make_job(for_led), await house.make_job(for_dht)
    assert (await house.ended(led))["status"] == "completed"
    assert (await house.ended(dht))["status"] == "completed"
    for_button = await house.new_firmware("bedroom")
    assert (await house.ended(await house.make_job(for_button)))["status"] == "completed"
    assert (await house.node("kitchen"))["proof"] == for_led["proof"]
    assert (await house.node("bath"))["proof"] == for_dht["proof"]
    assert (await house.node("bedroom"))["proof"] == for_button["proof"]
    assert house.mesh.gateway.starts == gateway_starts


async def test_a_job_for_one_of_two_nodes_of_a_type_leaves_the_other_as_it_was(
    house: House,
) -> None:
    before = (await house.node("garage"))["proof"]
    starts = house.mesh.nodes["garage"].starts
    uploaded = await house.new_firmware("hall")
    job = await house.ended(await house.make_job(uploaded, "hall"))
    assert [row["node_id"] for row in job["nodes"]] == [house.node_id("hall")]
    assert (await house.node("hall"))["proof"] == uploaded["proof"]
    assert (await house.node("garage"))["proof"] == before
    assert house.mesh.nodes["garage"].starts == starts


async def test_a_bundle_that_raises_at_its_start_is_rolled_back_with_the_reason(
    house: House,
) -> None:
    before = await house.entity("desk")
    uploaded = await house.failing_firmware("desk", "the kettle is on fire")
    row = (await house.ended(await house.make_job(uploaded, "desk")))["nodes"][0]
    assert row["status"] == "rolled_back"
    assert "the kettle is on fire" in row["error_message"]
    after = await house.until(lambda: house.entity("desk"), lambda now: not now.in_progress, 10)
    assert after.installed == before.installed
    assert after.percentage is None
    assert (await house.node("desk"))["proof"] != uploaded["proof"]
