"""When a node says something of itself."""

import pytest


@pytest.fixture
async def met(house):
    assert await house.run(5, house.met)
    return house


async def test_a_status_comes_at_least_every_minute(met):
    met.mute = True
    await met.run(3)
    said = len(met.statuses)
    await met.run(181)
    assert len(met.statuses) == said + 3


async def test_a_quiet_node_and_its_gateway_do_not_talk_all_the_time(met):
    await met.run(300)
    assert len(met.statuses) <= 15


async def test_a_gateway_that_restarts_is_answered_and_its_messages_count(met):
    met.unplug()
    met.power_gateway(nonce="00112233445566aa")
    met.plug()
    met.statuses.clear()
    assert await met.run(5, lambda: met.statuses)
    met.go(do="restart")
    assert await met.until_phase("restarting", 2)


async def test_the_boot_number_grows_and_the_nonce_changes_with_each_boot(met):
    before = met.status
    met.boot("power_on")
    assert await met.run(5, met.met)
    assert met.status["boot"] == before["boot"] + 1
    assert met.status["nonce"] != before["nonce"]


async def test_telemetry_goes_to_the_gateway_once_it_is_known(met):
    heard = []
    met.gateway.on_receive(lambda sender, text: heard.append(text))
    await met.run(31)
    assert any('"t":6' in text and '"firmware":"1.0.0"' in text for text in heard)
