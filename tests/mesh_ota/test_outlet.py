"""Who is told of what: each listener of what it asked for, once, and nobody of what concerns another gateway."""

from custom_components.mesh_ota.hub import MeshOta
from custom_components.mesh_ota.outlet import Change, behind

from .gateway_client import GatewayClient

GATEWAY, OTHER, NODE = "1111111111", "1111111112", "2222222222"


async def test_a_listener_hears_only_of_its_topics_and_of_each_change_once(hub: MeshOta):
    heard: list[Change] = []
    end = hub.async_subscribe(heard.append, "job", "7", NODE)
    job, node, other = Change("job", "7"), Change("node", NODE), Change("node", GATEWAY)
    hub.outlet.notify(job, node, other)
    assert heard == [job, node]
    end()
    hub.outlet.notify(job)
    assert heard == [job, node]
    assert hub.outlet.listening == len(list_of_the_house(hub))


def list_of_the_house(hub: MeshOta) -> list[object]:
    """Who listens to a house without gateways: windows, health and history."""
    return [hub.windows, hub.health, hub.history]


async def test_what_happens_behind_one_gateway_is_not_told_to_another(
    hub: MeshOta, caller: GatewayClient
):
    await hub.async_add_gateway("other", OTHER, bytes(32))
    mine: list[Change] = []
    others: list[Change] = []
    hub.async_subscribe(mine.append, behind(GATEWAY))
    hub.async_subscribe(others.append, behind(OTHER))
    await caller.report(tree=[[NODE, GATEWAY]])
    await caller.report_node(NODE)
    assert Change("node", NODE) in mine
    assert others == []


async def test_a_node_that_goes_is_told_to_the_gateway_it_was_at(
    hub: MeshOta, caller: GatewayClient
):
    await caller.report(tree=[[NODE, GATEWAY]])
    await caller.report_node(NODE)
    heard: list[Change] = []
    hub.async_subscribe(heard.append, behind(GATEWAY))
    await hub.async_forget_node(NODE)
    assert heard == [Change("node", NODE)]
