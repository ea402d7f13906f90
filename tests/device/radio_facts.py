"""What the ESP32 port was measured to do, and what board.py makes of it: run by test_board_on_radio on MicroPython's unix port.

Lives here: the world around one board (files of the fakes in simulator/hardware) and the claims, each run in a process of
its own. Not here: which access point is the best (test_wifi), whole boards (tests/simulator).
"""

import asyncio
import json
import os
import time

import machine
import network
import parts

from device import board as board_module
from device.board import MAX_STATIONS, Board, id_of_mac
from painlessmesh.link import LINKS_LIMIT

HOUSE = "3c28a6010203"
OTHER = "3c28a6010204"
MESH = {"prefix": "house", "password": "long enough", "channel": 6, "hidden": False, "port": 5555}
SOCKETS = 10  # of an ESP32, in all


def point(bssid, rssi=-50, **changes):
    """An access point that this board hears."""
    said = {"ssid": "house", "key": "long enough", "channel": 6, "hidden": False, "max_clients": 7}
    said["ip"] = "127.2.3.1"
    said.update(changes)
    parts.write(parts.AIR + "/" + bssid + ".ap", json.dumps(said))
    path = parts.AIR + "/" + parts.mac().hex() + ".hears"
    heard = parts.read_json(path)
    heard[bssid] = (rssi, "127.2.3.1")
    parts.write(path, json.dumps(heard))


def gone(bssid):
    os.unlink(parts.AIR + "/" + bssid + ".ap")


def guests(bssid, count):
    for number in range(count):
        name = "0000000000%02x.station" % number
        parts.write(parts.AIR + "/" + name, json.dumps({"bssid": bssid}))


def join(board, bssid=HOUSE, mesh=MESH):
    return asyncio.run(board.join(bytes.fromhex(bssid), mesh))


def scan(board, mesh=MESH):
    return asyncio.run(board.scan(mesh))


def raises(error, call, *arguments):
    try:
        call(*arguments)
    except error:
        return True
    return False


# Who this board is: the mesh's id and address come from the MAC of its access point, one above the station's


def test_the_node_id_is_of_the_access_points_mac_not_of_the_stations():
    assert parts.mac().hex() == "240ada728050"
    assert Board().node_id == 0xDA728051


def test_the_node_id_is_what_a_scanner_computes_from_the_bssid():
    board = Board()
    board.start_access_point(MESH)
    assert board.node_id == id_of_mac(network.WLAN(network.WLAN.IF_AP).config("mac"))


def test_the_access_point_asks_for_10_x_y_1_and_listens_where_the_driver_says():
    assert board_module.mesh_address(0xDA728051) == "10.128.81.1"
    assert Board().start_access_point(MESH) == ("127.128.81.1", 5555)


def test_the_access_point_is_up_with_name_password_and_channel_of_the_mesh():
    Board().start_access_point(MESH)
    ap = network.WLAN(network.WLAN.IF_AP)
    assert ap.active()
    said = [ap.config(name) for name in ("ssid", "key", "security", "channel", "hidden")]
    assert said == ["house", "long enough", network.WLAN.SEC_WPA2, 6, False]


def test_a_hidden_mesh_is_not_named_by_its_access_points():
    Board().start_access_point(dict(MESH, hidden=True))
    assert network.WLAN(network.WLAN.IF_AP).config("hidden")


# The ten sockets of an ESP32


def test_seven_neighbours_the_uplink_the_listener_and_http_are_the_ten_sockets():
    assert LINKS_LIMIT + 2 == SOCKETS
    assert MAX_STATIONS == LINKS_LIMIT - 1
    Board().start_access_point(MESH)
    assert network.WLAN(network.WLAN.IF_AP).config("max_clients") == MAX_STATIONS


# Scanning


def test_a_scan_wakes_the_station_first_for_a_sleeping_one_raises():
    assert raises(OSError, network.WLAN(network.WLAN.IF_STA).scan)
    assert scan(Board()) == []


def test_a_scan_names_the_access_points_of_this_mesh_by_their_ids():
    point(HOUSE, -61)
    point(OTHER, -40, ssid="neighbour")
    assert scan(Board()) == [(0xA6010203, -61, 6, bytes.fromhex(HOUSE))]


def test_an_access_point_without_a_name_counts_only_in_a_hidden_mesh():
    point(HOUSE, hidden=True)
    board = Board()
    assert scan(board) == []
    assert [row[0] for row in scan(board, dict(MESH, hidden=True))] == [0xA6010203]


def test_access_points_on_every_channel_are_found():
    """Nodes up to 1.5.3 do not filter by channel; our access point follows our uplink's."""
    point(HOUSE, channel=11)
    assert scan(Board())[0][2] == 11


# Joining


def test_joining_answers_where_the_other_nodes_mesh_listens():
    point(HOUSE)
    board = Board()
    assert join(board) == "127.2.3.1"
    assert board.uplink_alive() and board.rssi() == -50


def test_the_access_point_that_was_chosen_is_joined_not_the_loudest():
    point(HOUSE, -80)
    point(OTHER, -30)
    board = Board()
    assert join(board) and board.rssi() == -80


def test_a_hidden_access_point_is_joined():
    point(HOUSE, hidden=True)
    assert join(Board(), mesh=dict(MESH, hidden=True)) == "127.2.3.1"


def test_the_own_access_point_follows_to_the_channel_of_the_uplink():
    point(HOUSE, channel=11)
    board = Board()
    board.start_access_point(MESH)
    assert join(board)
    assert network.WLAN(network.WLAN.IF_AP).config("channel") == 11


def test_the_mesh_of_a_gateway_is_on_the_channel_of_its_router():
    point(OTHER, ssid="home", key="home-key", channel=3)
    board = Board()
    board.start_access_point(MESH)
    assert asyncio.run(board.join_router({"ssid": "home", "password": "home-key"}))
    assert board.router_alive()
    assert network.WLAN(network.WLAN.IF_AP).config("channel") == 3


def test_a_wrong_password_ends_the_attempt_and_the_radio_is_free_again():
    point(HOUSE, key="another password")
    board = Board()
    assert join(board) is None
    assert network.WLAN(network.WLAN.IF_STA).status() == network.STAT_IDLE


def test_an_access_point_out_of_reach_ends_the_attempt():
    began = time.ticks_ms()
    assert join(Board()) is None
    assert time.ticks_diff(time.ticks_ms(), began) < 2000


def test_a_full_access_point_ends_the_attempt():
    point(HOUSE)
    guests(HOUSE, 7)
    assert join(Board()) is None


def test_an_access_point_that_never_answers_is_given_up():
    board_module.JOIN_SECONDS = 0.5
    point(HOUSE)
    board = Board()
    network._ASSOCIATION_MS = 60000
    assert join(board) is None
    assert network.WLAN(network.WLAN.IF_STA).status() == network.STAT_IDLE


def test_a_driver_that_is_busy_is_no_crash():
    def busy(*_arguments, **_named):
        raise OSError("Wifi Internal Error")

    board = Board()
    network.WLAN.connect = busy
    assert join(board) is None


def test_the_hostname_is_set_for_the_router():
    point(OTHER, ssid="home", key="home-key")
    assert asyncio.run(Board().join_router({"ssid": "home", "password": "home-key"}))
    assert network.hostname() == "meshota-8051"


# Losing what was joined: the driver would reconnect for ever, scanning all the time


def test_the_driver_by_itself_reconnects_for_ever():
    sta = network.WLAN(network.WLAN.IF_STA)
    sta.active(True)
    point(HOUSE)
    sta.connect("house", "long enough")
    while not sta.isconnected():
        time.sleep_ms(10)
    gone(HOUSE)
    assert [sta.status(), sta.status()] == [network.STAT_CONNECTING, network.STAT_CONNECTING]


def test_our_station_does_not_reconnect_by_itself():
    point(HOUSE)
    board = Board()
    assert join(board)
    gone(HOUSE)
    assert not board.uplink_alive()
    point(HOUSE)
    time.sleep_ms(300)
    assert not board.uplink_alive()


def test_a_lost_access_point_has_no_signal():
    point(HOUSE)
    board = Board()
    assert board.rssi() is None
    assert join(board)
    gone(HOUSE)
    assert board.rssi() is None


def test_the_next_access_point_is_joined_after_the_loss_of_the_first():
    point(HOUSE)
    point(OTHER, -70, ip="127.2.4.1")
    board = Board()
    assert join(board)
    gone(HOUSE)
    board.leave()
    assert join(board, OTHER) and board.rssi() == -70


def test_leaving_what_was_never_joined_is_no_crash():
    board = Board()
    board.leave()
    assert not board.uplink_alive()


# Who may become a neighbour


def test_a_client_of_the_home_network_may_not_join_the_mesh():
    board = Board()
    board._interfaces["IF_AP"] = network.WLAN(network.WLAN.IF_AP)
    network._INTERFACES[network.AP_IF].address = ("10.128.81.1", "255.255.255.0", "", "")
    assert board.may_join(("10.128.81.1", 5555), ("10.128.81.4", 50000))
    assert not board.may_join(("192.168.1.4", 5555), ("192.168.1.7", 50000))
    assert not board.may_join(("192.168.1.4", 5555), ("10.128.81.4", 50000))


def test_addresses_are_read_as_either_port_hands_them_out():
    """A tuple on an ESP32, the raw sockaddr on unix."""
    assert board_module.number_of(("10.128.81.4", 50000)) == 0x0A805104
    assert board_module.number_of(b"\x02\x00\x15\xb3\x0a\x80\x51\x04" + bytes(8)) == 0x0A805104


# Clock, reset, watchdog, partitions


def test_the_loader_does_not_start_the_radio():
    Board().heap_free()
    assert not parts.exists(parts.AIR + "/" + "240ada728051.ap")
    assert network._INTERFACES == {}


def test_the_clock_goes_on_where_the_hardware_counter_wraps():
    class Wrapping:
        ticks = 2**30 - 5

        def ticks_us(self):
            return self.ticks % 2**30

        def ticks_diff(self, later, earlier):
            return ((later - earlier + 2**29) % 2**30) - 2**29

    board_module.time = Wrapping()
    board = Board()
    before = board.now_us()
    board_module.time.ticks += 100
    assert board.now_us() - before == 100


def test_each_cause_of_a_reset_has_its_word():
    board = Board()
    for cause in ("power_on", "hard", "watchdog", "deep_sleep", "soft"):
        parts.write(parts.BOARD + "/reset_cause", cause)
        assert board.reset_cause() == cause
    parts.remove(parts.BOARD + "/reset_cause")
    assert board.reset_cause() == "unknown"


def test_a_second_watchdog_sets_the_timeout_anew():
    board = Board()
    board.feed()  # not started yet: nothing to feed
    board.watchdog(30000)
    board.watchdog(3600000)
    board.feed()
    assert parts.read(parts.BOARD + "/wdt") == "3600000"


def test_a_stock_board_has_no_second_partition():
    assert Board().partitions() is None


def test_a_pin_reads_what_the_line_is():
    board = Board()
    os.mkdir(parts.BOARD + "/pins")
    assert board.pin_in(4, pull_up=True).value() == 1
    parts.write(parts.BOARD + "/pins/4", "0")
    assert board.pin_in(4).value() == 0
    board.pin_out(2).value(1)
    assert parts.read(parts.BOARD + "/pins/2") == "1"


def test_a_sensor_that_does_not_answer_is_an_error():
    board = Board()
    os.mkdir(parts.BOARD + "/dht")
    assert raises(OSError, board.dht_read, "dht22", 4)
    parts.write(parts.BOARD + "/dht/4", "21.5 40.0")
    assert board.dht_read("dht22", 4) == (21.5, 40.0)
    assert board.dht_read("dht11", 4) == (21, 40)


def test_the_reset_is_a_hard_one():
    stopped = []
    machine._stop = stopped.append
    Board().reset()
    assert stopped == ["hard"]
