"""The whole gateway between a Home Assistant and nodes, over real sockets."""

import gateway_in_house as g
from home_assistant_side import job

NODE = 2222222222


async def test_an_image_reaches_a_node_that_restarts_and_proves_it(house, until):
    image = g.image_of(20_000)
    ha = house.home_assistant
    node = await house.add(NODE)
    await until(lambda: ha.told(NODE, "nodes"))
    ha.images[2] = image
    ha.set_jobs(job(image, [(NODE, 1)]))
    await until(lambda: node.phase == "idle" and node.proof != "cd" * 32)
    assert node.images == [image]
    assert node.commits == ["4f1d2c3b5a697887-1"]
    await until(
        lambda: ha.told(NODE, "nodes")[-1]["status"].get("last", {}).get("outcome") == "confirmed"
    )
    states = [entry["status"] for entry in ha.told(NODE)]
    assert states[-1] == "restarting"
