"""The proof comes from flash, not from a note."""

import random

from tests.end_to_end.house import House


async def test_one_flipped_byte_in_the_active_slot_shows_another_proof_and_completes_no_job(
    house: House,
) -> None:
    board = house.mesh.nodes["stairs"]
    before = await house.node("stairs")
    jobs_before = await house.client.mesh("GET", "ota/updates")
    role = board.flash / before["slot"] / "roles" / "watcher.mpy"
    whole = role.read_bytes()
    await board.stop()
    # Inside the text of the role: one letter of what it prints.
    place = whole.index(b"This is the new version.") + random.randrange(20)
    role.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    await board.start()
    try:
        damaged = await house.until(
            lambda: house.node("stairs"), lambda node: node["boot"] > before["boot"], 60
        )
        assert damaged["proof"] != before["proof"]
        assert damaged["damaged"] == "roles/watcher.mpy"
        shown = await house.entity("stairs")
        assert (shown.installed, shown.state) == ("unknown", "on"), "Install is how to mend it"
        assert await house.client.mesh("GET", "ota/updates") == jobs_before
    finally:
        await board.stop()
        role.write_bytes(whole)
        await board.start()
    mended = await house.until(
        lambda: house.node("stairs"), lambda node: node["boot"] > damaged["boot"], 60
    )
    assert mended["proof"] == before["proof"]


async def test_a_job_is_not_completed_by_a_node_that_comes_back_with_a_damaged_slot(
    house: House,
) -> None:
    """The row waits for the proof of the image; whatever else the node says does not end it as completed."""
    uploaded = await house.new_firmware("kitchen")
    board = house.mesh.nodes["kitchen"]
    active = (await house.node("kitchen"))["slot"]
    other = board.flash / ("b" if active == "a" else "a")
    job = await house.make_job(uploaded, "kitchen")
    await house.until(
        lambda: house.row(job, "kitchen"), lambda row: row["status"] == "restarting", 60
    )
    await board.stop()
    role = other / "roles" / "led.mpy"
    whole = role.read_bytes()
    role.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    await board.start()
    ended = await house.ended(job)
    assert ended["nodes"][0]["status"] == "rolled_back"
    assert (await house.node("kitchen"))["slot"] == active
