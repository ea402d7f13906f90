"""The whole gateway between a Home Assistant and nodes, over real sockets and on the real clock."""

import asyncio
import time

import gateway_in_house as g
import pytest
from gateway_in_house import image_of
from home_assistant_side import job

from gateway import poller

pytestmark = pytest.mark.long

NODE, OTHER = 2222222222, 3333333333


@pytest.fixture
def quick(monkeypatch):
    """Pauses after failures a tenth as long."""
    monkeypatch.setattr(poller, "UNKNOWN_PAUSE", 1)
    monkeypatch.setattr(poller, "UNREACHABLE_LONGEST", 0.5)
    monkeypatch.setattr(poller, "REFUSED_LONGEST", 0.5)


async def met(house, until, *node_ids):
    nodes = [await house.add(node_id) for node_id in node_ids or (NODE,)]
    ha = house.home_assistant
    await until(lambda: all(ha.told(node_id, "nodes") for node_id in node_ids or (NODE,)))
    await until(lambda: polls(ha) > 1)
    return nodes[0] if len(nodes) == 1 else nodes


def polls(ha):
    return sum("wait=50" in target for _, target, _, _ in ha.requests)


def distribute(house, image, *node_ids, **changes):
    ha = house.home_assistant
    found = job(image, [(node_id, 1) for node_id in node_ids], **changes)
    ha.images[found["firmware_id"]] = image
    ha.set_jobs(*[old for old in ha.jobs if old["id"] != found["id"]], found)
    return found


def last_status(house, node_id=NODE):
    told = house.home_assistant.told(node_id, "nodes")
    return told[-1]["status"] if told else {}


async def test_an_image_reaches_a_node_that_restarts_and_proves_it(house, until):
    image = image_of(50_000)
    node = await met(house, until)
    distribute(house, image, NODE)
    await until(lambda: last_status(house).get("last", {}).get("outcome") == "confirmed", 15)
    assert node.images == [image]
    assert node.commits == ["4f1d2c3b5a697887-1"]
    told = house.home_assistant.told(NODE)
    assert told[-1]["status"] == "restarting"
    assert told[-1]["boot"] == 7
    assert last_status(house)["boot"] == 8


async def test_a_job_starts_within_a_second_of_being_listed(house, until):
    node = await met(house, until)
    began = time.monotonic()
    distribute(house, image_of(5000), NODE)
    await until(lambda: node.parts)
    assert time.monotonic() - began < 1


async def test_a_rollout_takes_at_most_two_connections(house, until):
    nodes = await met(house, until, NODE, OTHER)
    ha = house.home_assistant
    await asyncio.sleep(0.5)
    ha.peers.clear()
    image = image_of(200_000)
    distribute(house, image, NODE, OTHER)
    await until(lambda: all(node.boot == 8 and node.phase == "idle" for node in nodes), 20)
    assert len(ha.peers) <= 2
    assert ha.bytes_served() <= 1.05 * len(image) + 4096


async def test_a_cancel_is_obeyed_within_two_seconds(house, until):
    node = await met(house, until)
    node.obeys = False
    ha = house.home_assistant
    distribute(house, image_of(5000), NODE)
    await until(lambda: node.phase == "ready", 10)
    began = time.monotonic()
    ha.set_jobs()
    await until(lambda: node.cancelled)
    assert time.monotonic() - began < 2


async def test_a_block_that_is_refused_since_the_job_ended_costs_no_pause(house, until):
    node = await met(house, until)
    ha = house.home_assistant
    download, refused_at = ha._download, []

    def cancelled_meanwhile(firmware_id, span, encoding):
        if span.startswith("bytes=204800-"):
            refused_at.append(time.monotonic())
            ha.set_jobs()
        return download(firmware_id, span, encoding)

    ha._download = cancelled_meanwhile
    distribute(house, image_of(300_000), NODE)
    await until(lambda: node.cancelled)
    assert time.monotonic() - refused_at[0] < 0.7


async def test_a_job_that_a_report_calls_unknown_is_dropped(house, until):
    node = await met(house, until)
    node.obeys = False
    ha = house.home_assistant
    found = distribute(house, image_of(5000), NODE)
    await until(lambda: node.phase == "ready", 10)
    ha.dropped = [[found["id"], found["token"]]]
    await until(lambda: node.cancelled)


async def test_something_to_say_does_not_wait_for_a_long_poll(house, until):
    await met(house, until)
    ha = house.home_assistant
    began = time.monotonic()
    await house.add(OTHER)
    await until(lambda: ha.told(OTHER, "nodes"))
    assert time.monotonic() - began < 2


async def test_an_idle_gateway_waits_in_one_request(house, until):
    await met(house, until)
    ha = house.home_assistant
    await asyncio.sleep(1)
    before = len(ha.requests)
    await asyncio.sleep(3)
    assert len(ha.requests) == before


async def test_all_is_told_again_when_home_assistant_is_back(house, until, quick):
    await met(house, until, NODE, OTHER)
    ha = house.home_assistant
    await ha.stop()
    await asyncio.sleep(1)
    ha.reports.clear()
    await ha.start()
    await until(lambda: ha.told(NODE, "nodes") and ha.told(OTHER, "nodes"), 10)
    assert len(ha.reports[0][1]["tree"]) == 2
    assert "gateway" in ha.reports[0][1]


async def test_a_transfer_survives_a_restart_of_home_assistant(house, until, quick):
    node = await met(house, until)
    ha = house.home_assistant
    image = image_of(1_000_000)
    distribute(house, image, NODE)
    await until(lambda: len(node.parts) > 50)
    await ha.stop()
    await asyncio.sleep(2)
    stopped_at = len(node.parts)
    assert stopped_at < 976
    await ha.start()
    await until(lambda: node.boot == 8 and node.phase == "idle", 40)
    assert node.images == [image]
    assert node.parts == list(range(977))


async def test_a_transfer_survives_a_restart_of_the_gateway(house, until, quick):
    node = await met(house, until)
    image = image_of(1_000_000)
    distribute(house, image, NODE)
    await until(lambda: len(node.parts) > 50)
    await house.stop_gateway()
    assert len(node.parts) < 976
    await house.start_gateway()
    await until(lambda: node.boot == 8 and node.phase == "idle", 40)
    assert node.images == [image]


async def test_a_gateway_that_is_not_known_yet_asks_every_ten_seconds(house, until, monkeypatch):
    ha = house.home_assistant
    await house.stop_gateway()
    ha.accepts = False
    ha.refused = 0
    monkeypatch.setattr(poller, "UNKNOWN_PAUSE", 0.3)
    await house.start_gateway()
    await asyncio.sleep(1.6)
    assert 4 <= ha.refused <= 7
    ha.accepts = True
    await until(lambda: house.gateway.poller.accepted)


def test_the_pause_of_a_gateway_that_is_not_known_yet_is_ten_seconds():
    assert poller.UNKNOWN_PAUSE == 10


async def test_a_gateway_that_the_dialog_has_heard_is_there_soon_after_its_entry(house, until):
    ha = house.home_assistant
    await house.stop_gateway()
    ha.pairing = True
    await house.start_gateway()
    await until(lambda: ha.sessions and ha.refused)
    ha.pairing = False
    await until(lambda: house.gateway.poller.accepted, 4)


async def test_a_gateway_that_is_only_ever_heard_by_the_dialog_does_not_run_in_circles(
    house, until
):
    ha = house.home_assistant
    await house.stop_gateway()
    ha.pairing, ha.refused = True, 0
    await house.start_gateway()
    await until(lambda: ha.refused)
    await asyncio.sleep(4)
    assert 2 <= ha.refused <= 4


async def test_a_known_gateway_backs_off_when_it_is_refused(house, until):
    await met(house, until)
    ha = house.home_assistant
    ha.accepts = False
    ha.sessions.clear()
    ha.refused = 0
    await house.add(OTHER)  # something to say
    await asyncio.sleep(4)
    assert 2 <= ha.refused <= 5
    ha.accepts = True
    await until(lambda: ha.told(OTHER, "nodes"), 12)


async def test_a_gateway_never_runs_in_circles_while_nobody_is_there(house, until):
    await met(house, until)
    await house.home_assistant.stop()
    made = house.gateway.connection.made
    await asyncio.sleep(4)
    assert house.gateway.connection.made - made <= 5
    await house.home_assistant.start()


async def test_an_answer_that_was_tampered_with_changes_nothing(house, until, quick):
    node = await met(house, until)
    ha = house.home_assistant
    evil = job(image_of(5000), [(NODE, 1)])

    def spoil(target, status, headers, body):
        if "pending" in target:
            import json

            body = json.dumps({"revision": 99, "jobs": [evil]}).encode()
        return status, headers, body

    ha.spoil = spoil
    ha.images[2] = image_of(5000)
    ha.set_jobs()
    await asyncio.sleep(2)
    assert node.announcements == []
    ha.spoil = None
    distribute(house, image_of(5000), NODE)
    await until(lambda: node.images)


async def test_a_block_that_was_tampered_with_reaches_no_node(house, until, quick):
    node = await met(house, until)
    ha = house.home_assistant
    spoilt = []

    def spoil(target, status, headers, body):
        if "download" in target and len(spoilt) < 2:
            spoilt.append(target)
            body = b"\xff" * len(body)
        return status, headers, body

    ha.spoil = spoil
    image = image_of(20_000)
    distribute(house, image, NODE)
    await until(lambda: node.images, 10)
    assert len(spoilt) == 2
    assert node.images == [image]


async def test_an_unsigned_error_means_later(house, until, quick):
    node = await met(house, until)
    ha = house.home_assistant
    ha.spoil = lambda _target, _status, _headers, _body: (503, {}, b"starting")
    image = image_of(20_000)
    distribute(house, image, NODE)
    await asyncio.sleep(1)
    sessions = len(ha.sessions)
    ha.spoil = None
    await until(lambda: node.images, 10)
    assert len(ha.sessions) == sessions


async def test_an_image_that_is_refused_does_not_stop_the_other_job(house, until, quick):
    nodes = await met(house, until, NODE, OTHER)
    nodes[1].role = nodes[1].receiver.role = "led"
    one, other = image_of(20_000, 1), image_of(20_000, 2)
    distribute(house, one, NODE, id=3, token="aa", firmware_id=2)
    del house.home_assistant.images[2]
    distribute(house, other, OTHER, id=4, token="bb", firmware_id=5, role="led")
    await until(lambda: nodes[1].images, 20)
    assert nodes[0].images == []


async def test_a_report_that_is_refused_is_not_said_over_and_over(house, until, quick):
    await met(house, until)
    ha = house.home_assistant
    refused = []
    report = ha._report

    def refuse(body):
        refused.append(body)
        return 400, {"message": "That is no report."}, ""

    ha._report = refuse
    await house.add(OTHER)
    await until(lambda: refused)
    await asyncio.sleep(1.5)
    assert len(refused) <= 6
    ha._report = report
    distribute(house, image_of(5000), OTHER)
    await until(lambda: ha.told(OTHER), 10)


async def test_without_a_long_poll_jobs_are_found_by_the_regular_report(house, until, monkeypatch):
    from gateway import reporter

    monkeypatch.setattr(reporter, "IDLE_QUIET", 500_000)
    monkeypatch.setattr(reporter, "BETWEEN_POLLS", 500_000)
    ha = house.home_assistant
    ha.wait = 0
    await house.stop_gateway()
    await house.start_gateway()
    node = await house.add(NODE)
    await until(lambda: ha.told(NODE, "nodes"))
    distribute(house, image_of(5000), NODE)
    await until(lambda: node.images)
    assert not any("wait=50" in target for _, target, _, _ in ha.requests[-5:])


async def test_the_highest_revision_is_kept_over_a_restart(house, until):
    await met(house, until)
    ha = house.home_assistant
    ha.set_jobs()
    highest = ha.revision
    await until(lambda: house.gateway.revision.value == highest)
    house.gateway.revision.tick(g.now_us() + 61_000_000)
    await house.stop_gateway()
    ha.reports.clear()
    ha.revision = 1
    await house.start_gateway()
    await until(lambda: ha.reports)
    assert ha.reports[0][1]["gateway"]["highest_revision"] == highest


async def test_the_router_may_go_and_come_while_the_mesh_goes_on(house, until, quick):
    node = await met(house, until)
    await house.home_assistant.stop()
    house.gateway.board.router = False
    heard = house.gateway.contact.node(NODE)._heard_at
    node.say()
    await until(lambda: house.gateway.contact.node(NODE)._heard_at > heard)
    await house.home_assistant.start()
    house.gateway.poller.start_anew()
    await until(
        lambda: house.home_assistant.reports[-1][0] > asyncio.get_running_loop().time() - 1, 10
    )


async def test_the_watchdog_is_fed_as_long_as_the_beat_goes_on(house, until):
    await until(lambda: house.gateway.board.fed > 1)
    house.gateway.contact.tick = lambda _now: (_ for _ in ()).throw(RuntimeError("broken"))
    with pytest.raises(RuntimeError, match="broken"):
        await house.running


async def test_the_gateway_key_never_leaves_in_any_form(house, until):
    ha = house.home_assistant
    seen = bytearray()
    answer = ha._answer

    async def listen(request):
        seen.extend(repr(request.raw_headers).encode() + await request.read())
        return await answer(request)

    ha._answer = listen
    await ha.stop()
    await ha.start()
    await met(house, until)
    assert len(seen) > 500
    from gateway.keys import setup_key

    for form in (g.GATEWAY_KEY, g.GATEWAY_KEY.hex().encode(), setup_key(g.GATEWAY_KEY).encode()):
        assert form not in seen
