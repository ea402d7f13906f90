"""What differs between versions of painlessMesh (7.6), row by row, and what we do about it. Runs on both Pythons."""

import asyncio

from device.wifi import Choice
from painlessmesh import link as links, ntp
from painlessmesh.mesh import Mesh
from painlessmesh.ota_target import STOCK_WINDOW
from painlessmesh.protocol import SEND_LIMIT, decode
from tests.painlessmesh.mesh_net import SECOND, START, identified, take_all
from tests.painlessmesh.test_ota_receiver import asked, data, names, taking
from tests.painlessmesh.test_ota_sender import GATEWAY, NODE, due, request, sender, wire
from tests.painlessmesh.test_tolerance import said_by_us
from tests.painlessmesh.test_what_happens_when import finished_within, stock_net

PEER = 2222222222


def test_1_4_1_to_1_4_3_forget_the_offer_after_each_part_and_get_it_again_before_each():
    net, gateway, node, _ = stock_net()
    node.forgets = True
    gateway.announce(NODE)
    assert finished_within(net, node, 60)
    assert gateway.sender.target(NODE).announce_each


def test_1_4_1_to_1_4_3_wait_five_seconds_for_a_node_sync_and_get_it_at_once():
    mesh = Mesh(GATEWAY)
    link = identified(mesh, PEER)
    mesh.receive(link, b'{"nodeId":2222222222,"type":5,"from":2222222222}\0', START)
    assert decode(take_all(link)[0][:-1])["type"] == 6


def test_1_4_1_to_1_4_3_queue_fifty_messages_and_are_never_sent_so_many_ahead():
    made = sender(size=200 * 1024)
    now = 0
    made.on_request(request(0), now)
    for part in range(1, 60):
        due(made, now)
        now += 1000
        made.on_request(request(part), now)
    assert len(due(made, now)) <= STOCK_WINDOW < 50


def test_up_to_1_5_3_the_key_broadcasted_is_unknown_and_not_said_to_them():
    made = sender()
    old = request(0)
    del old["broadcasted"]
    assert "broadcasted" not in wire(made.data_package(made.on_request(old, 0), bytes(1024)))


def test_from_1_5_4_the_key_broadcasted_is_echoed():
    made = sender()
    found = made.on_request(request(0, broadcasted=False), 0)
    assert wire(made.data_package(found, bytes(1024)))["broadcasted"] is False


def test_a_1_5_5_with_arduinojson_6_that_lost_its_part_number_starts_at_the_first():
    made = sender(forced=True)
    asking = request(0)
    del asking["partNo"]
    found = made.on_request(asking, 0)
    assert found.part == 0 and "forced" not in wire(made.data_package(found, bytes(1024)))


def test_nodes_that_restart_at_once_and_nodes_that_restart_after_two_seconds_take_the_last_part_once():
    for pause in (0, 2 * SECOND):
        net, gateway, node, between = stock_net()
        gateway.announce(NODE)
        assert finished_within(net, node, 10)
        net.run(pause)
        between.cut()  # the restart
        net.run(30 * SECOND)
        assert node.finished == 1


def test_from_1_5_1_answers_that_look_too_fast_are_thrown_away_and_ours_never_look_so():
    for trip in (0, 1000, 40_000, 800_000):
        t1, t2 = ntp.stamps(5_000_000, trip, 0)
        assert trip <= 85 * (t2 - t1)


def test_before_1_5_1_an_offset_of_zero_ends_a_round_as_well():
    timer = ntp.TimeSync()
    timer.start(0, True)
    timer.asks(0)
    timer.ask(1000)
    timer.answered(1000, 1000, 1000, 1000, 5)
    assert timer.due == 5 + ntp.ROUND


def test_alteriom_says_compressed_and_it_is_echoed():
    made = sender()
    found = made.on_request(request(0, compressed=True), 0)
    assert wire(made.data_package(found, bytes(1024)))["compressed"] is True


def test_alteriom_says_its_time_authority_in_requests_only_and_nothing_flaps():
    mesh = Mesh(GATEWAY)
    link = identified(mesh, PEER)
    changed = []
    mesh.on_changed_connections(lambda: changed.append(1))
    for extra in (b'"hasTimeAuthority":true,', b"") * 3:
        mesh.receive(link, b'{"nodeId":2222222222,' + extra + b'"type":5,"from":2222222222}\0', 1)
    assert changed == []


def test_alteriom_packages_for_its_bridges_are_passed_on_and_change_nothing():
    mesh = Mesh(GATEWAY)
    link, other = identified(mesh, PEER), identified(mesh, 3333333333)
    take_all(link)
    for kind in (610, 611, 612, 613, 620, 622):
        frame = b'{"type":%d,"from":2222222222,"routing":2,"timestamp":1.5,"x":null}\0' % kind
        mesh.receive(link, frame, START)
        assert take_all(other)[-1] == frame and take_all(link) == []


def test_from_1_4_4_a_sender_gives_one_part_for_each_request_and_ours_asks_after_each_part():
    made = taking()
    for part in range(4):
        events = made.data(data(part), part)
        assert names(events) == ["part", "request"] and asked(events[1:]) == part + 1


def test_up_to_1_4_3_five_seconds_and_from_1_4_4_ten_are_waited_for_a_reply_and_ours_waits_for_the_slower():
    mesh = Mesh(GATEWAY)
    link = mesh.link_up(START, True)
    mesh.tick(START + 9_900_000)
    assert link.closing == ""


def test_before_1_5_4_nodes_scan_every_channel_and_from_then_on_one_and_ours_joins_what_it_hears():
    rows = [(PEER, -80, 6, b"a"), (3333333333, -50, 11, b"b")]
    assert Choice(GATEWAY).best(rows, [], 0)[2] == 11


async def test_from_1_4_4_the_dialling_end_delays_small_segments_and_ours_never_does_at_either_end():
    """One write for each frame as well: the tail of a frame in two pieces would wait for an ACK."""

    class Socket:
        def __init__(self):
            self.options = []

        def setsockopt(self, *arguments):
            self.options.append(arguments)

    class Writer:
        def __init__(self):
            self.s, self.written = Socket(), []

        def write(self, frame):
            self.written.append(bytes(frame))

        async def drain(self):
            pass

        def close(self):
            pass

        async def wait_closed(self):
            pass

    class Silent:
        async def read(self, _size):
            await asyncio.sleep(5)
            return b""

    for dialled in (True, False):
        writer, made = Writer(), links.Links(Mesh(GATEWAY), lambda: START)
        serving = asyncio.create_task(made._serve(Silent(), writer, dialled))
        await asyncio.sleep(0.01)
        link = made.mesh.links[0]
        link.queue(b"x" * 1500 + b"\0")
        await asyncio.sleep(0.01)
        link.close("enough")
        await serving
        assert writer.s.options == [(6, 1, 1)]
        assert writer.written[-1] == b"x" * 1500 + b"\0"


def test_with_arduinojson_6_or_7_everything_we_say_fits_its_memory_and_has_its_types():
    """Version 6 reads at most 8 KiB in one fork, version 7 takes no float or quoted number for an id."""
    for frame in said_by_us():
        assert len(frame) <= SEND_LIMIT < 8192
        package = decode(frame[:-1])
        for key in ("type", "from", "dest", "routing", "noPart", "partNo", "nodeId"):
            assert isinstance(package.get(key, 0), int)
        for key in ("root", "forced", "broadcasted", "compressed"):
            assert package.get(key, True) in (True, False)
