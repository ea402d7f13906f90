"""The board against a driver that behaves as an ESP32's was measured to."""

import asyncio
import sys
import time
import types

import pytest

NO_AP_FOUND, WRONG_PASSWORD, IDLE, CONNECTING, GOT_IP = 201, 202, 1000, 1001, 1010
MAC = bytes((0x24, 0x0A, 0xDA, 0x72, 0x80, 0x51))


class FakeWLAN:
    IF_STA, IF_AP, SEC_WPA2 = 0, 1, 3

    def __init__(self, interface):
        self.interface = interface
        self.calls = []
        self.settings = {}
        self.address = ("0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0")
        self.outcome = GOT_IP
        self.connected = False
        self.rows = []

    def active(self, on):
        self.calls.append("active")

    def config(self, name=None, **settings):
        if name == "mac":
            return MAC
        self.calls.extend(settings)
        self.settings.update(settings)
        return None

    def ifconfig(self, address=None):
        if address is None:
            return self.address
        self.address = address
        return None

    def scan(self):
        return self.rows

    def connect(self, ssid, key, bssid=None):
        self.calls.append("connect")
        self.target = (ssid, key, bssid)
        self.connected = self.outcome == GOT_IP
        self.address = ("10.1.2.9", "255.255.255.0", "10.1.2.1", "10.1.2.1")

    def disconnect(self):
        self.calls.append("disconnect")
        self.connected = False

    def isconnected(self):
        return self.connected

    def status(self, what=None):
        return -61 if what == "rssi" else self.outcome


@pytest.fixture
def board(monkeypatch):
    network = types.ModuleType("network")
    made = {}
    network.WLAN = FakeWLAN
    network.STAT_IDLE = IDLE
    network.hostname = lambda name: made.setdefault("hostname", name)
    machine = types.ModuleType("machine")
    machine.PWRON_RESET, machine.HARD_RESET, machine.WDT_RESET = 1, 2, 3
    machine.DEEPSLEEP_RESET, machine.SOFT_RESET = 4, 5
    machine.reset_cause = lambda: made["cause"]
    monkeypatch.setitem(sys.modules, "network", network)
    monkeypatch.setitem(sys.modules, "machine", machine)
    ticks = made.setdefault("ticks", [2**30 - 5])
    monkeypatch.setattr(time, "ticks_us", lambda: ticks[0] % 2**30, raising=False)
    wrapped = lambda a, b: ((a - b + 2**29) % 2**30) - 2**29  # noqa: E731
    monkeypatch.setattr(time, "ticks_diff", wrapped, raising=False)
    from device.board import Board

    found = Board()
    found.made = made
    return found


MESH = {"prefix": "house", "password": "long enough", "channel": 6, "hidden": False, "port": 5555}


def test_the_clock_goes_on_when_the_hardware_counter_wraps(board):
    before = board.now_us()
    board.made["ticks"][0] += 100
    assert board.now_us() - before == 100
    board.made["ticks"][0] += 2**29 - 1
    assert board.now_us() - before == 2**29 + 99


def test_the_node_id_is_the_last_four_bytes_of_the_access_points_mac(board):
    assert board.node_id == 0xDA728051


def test_the_access_point_listens_where_the_driver_says(board):
    board._ap.ifconfig = lambda address=None: ("127.128.81.1", "255.0.0.0", "", "")
    assert board.start_access_point(MESH) == ("127.128.81.1", 5555)


def test_the_access_point_has_painlessmeshs_address_and_a_password(board):
    assert board.start_access_point(MESH) == ("10.128.81.1", 5555)
    assert board._ap.settings["ssid"] == "house"
    assert board._ap.settings["key"] == "long enough"
    assert board._ap.settings["security"] == FakeWLAN.SEC_WPA2
    assert board._ap.settings["channel"] == 6


def test_the_driver_never_reconnects_by_itself(board):
    asyncio.run(board.join(b"\1\2\3\4\5\6", MESH))
    assert board._sta.settings["reconnects"] == 0
    assert board._sta.calls.index("reconnects") < board._sta.calls.index("connect")


def test_joining_answers_the_address_of_the_access_point(board):
    assert asyncio.run(board.join(b"\1\2\3\4\5\6", MESH)) == "10.1.2.1"
    assert board._sta.target == ("house", "long enough", b"\1\2\3\4\5\6")
    assert board.uplink_alive()
    assert board.rssi() == -61


@pytest.mark.parametrize("outcome", [NO_AP_FOUND, WRONG_PASSWORD])
def test_a_refusal_ends_the_attempt_at_once(board, outcome):
    board._sta.outcome = outcome
    assert asyncio.run(board.join(b"\1\2\3\4\5\6", MESH)) is None
    assert board._sta.calls[-1] == "disconnect"
    assert board.rssi() is None


def test_a_driver_that_is_busy_is_no_crash(board):
    def busy(*_args, **_named):
        raise OSError("Wifi Internal Error")

    board._sta.connect = busy
    assert asyncio.run(board.join(b"\1\2\3\4\5\6", MESH)) is None


def test_the_hostname_is_set_before_the_router_is_joined(board):
    assert asyncio.run(board.join_router({"ssid": "home", "password": "secret"}))
    assert board.made["hostname"] == "meshota-8051"


def test_a_scan_keeps_only_this_mesh_and_computes_ids_from_bssids(board):
    board._sta.rows = [
        (b"house", b"\0\0\0\0\0\x07", 6, -50, 3, False),
        (b"other", b"\0\0\0\0\0\x08", 6, -40, 3, False),
        (b"", b"\0\0\0\0\0\x09", 6, -30, 3, True),
    ]
    assert asyncio.run(board.scan(MESH)) == [(7, -50, 6, b"\0\0\0\0\0\x07")]
    hidden = dict(MESH, hidden=True)
    assert [row[0] for row in asyncio.run(board.scan(hidden))] == [7, 9]


def test_only_both_ends_in_the_own_subnet_may_join(board):
    board.start_access_point(MESH)
    assert board.may_join(("10.128.81.1", 5555), ("10.128.81.4", 50000))
    assert not board.may_join(("10.128.81.1", 5555), ("192.168.1.7", 50000))
    assert not board.may_join(("192.168.1.4", 5555), ("10.128.81.4", 50000))
    assert not board.may_join(("10.128.81.1", 5555), ("10.128.82.4", 50000))


def test_raw_socket_addresses_of_the_unix_port_are_understood(board):
    board.start_access_point(MESH)
    near = b"\x02\x00\x15\xb3\x0a\x80\x51\x04" + bytes(8)
    far = b"\x02\x00\x15\xb3\xc0\xa8\x01\x07" + bytes(8)
    assert board.may_join(None, near)
    assert not board.may_join(None, far)


@pytest.mark.parametrize("nonsense", [None, b"", b"\x02\x00", "", "10.128.81", "a.b.c.d", 7, ()])
def test_an_address_that_cannot_be_read_may_not_join(board, nonsense):
    board.start_access_point(MESH)
    assert not board.may_join(("10.128.81.1", 5555), nonsense)


@pytest.mark.parametrize(
    ("cause", "word"),
    [
        (1, "power_on"),
        (2, "hard"),
        (3, "watchdog"),
        (4, "deep_sleep"),
        (5, "soft"),
        (9, "unknown"),
    ],
)
def test_reset_causes_have_the_protocols_words(board, cause, word):
    board.made["cause"] = cause
    assert board.reset_cause() == word


def test_a_board_that_only_starts_has_not_touched_the_radio(board):
    assert board._interfaces == {}


@pytest.mark.parametrize(
    ("text", "chip"),
    [
        ("Generic ESP32 module with ESP32", "esp32"),
        ("Generic ESP32S3 module with Octal-SPIRAM with ESP32S3", "esp32s3"),
        ("linux [GCC 14.2.1] version", "esp32"),
    ],
)
def test_the_chip_is_read_from_the_machines_text(board, monkeypatch, text, chip):
    monkeypatch.setattr(sys.implementation, "_machine", text, raising=False)
    assert board.chip == chip
