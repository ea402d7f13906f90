"""The faked radio: what `network` of the ESP32 port promises, asked on real boards of MicroPython."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from simulator import firmware
from simulator.air import Air
from simulator.bootloader import Board, Machine
from simulator.guardian import Guardian
from simulator.virtual_mesh import MICROPYTHON

ROUTER = bytes.fromhex("3c28a6000001")
STATION = bytes.fromhex("246f28aefe04")
POINT = bytes.fromhex("246f28aefe06")
NewBoard = Callable[[bytes, str], Board]

LISTENING = """\
from network import WLAN
ap = WLAN(WLAN.IF_AP)
ap.active(True)
ap.config(ssid="mesh", key="secret-key", security=WLAN.SEC_WPA2, channel=6, max_clients=1)
ap.ifconfig(("10.254.7.1", "255.255.255.0", "10.254.7.1", "10.254.7.1"))
print("own", ap.ifconfig()[:2])
import time
while True:
    time.sleep(1)
"""
JOINING = """\
import time
from network import WLAN
sta = WLAN(WLAN.IF_STA)
sta.active(True)
sta.config(reconnects=0)
def join(ssid, key):
    sta.connect(ssid, key)
    for _ in range(50):
        time.sleep_ms(20)
        if sta.status() != 1001:
            break
    print(ssid, key, sta.status(), sta.isconnected())
"""


@pytest.fixture
def air(tmp_path: Path) -> Air:
    air = Air(tmp_path / "air", 5555)
    air.add_router(ROUTER, "home", "home-key")
    air.let_hear(STATION, ROUTER, -50, "127.0.0.1")
    return air


@pytest.fixture
def guardian() -> Iterator[Guardian]:
    guardian = Guardian()
    yield guardian
    guardian.close()


@pytest_asyncio.fixture
async def new_board(air: Air, guardian: Guardian, tmp_path: Path) -> AsyncIterator[NewBoard]:
    hardware = firmware.compile_hardware(tmp_path / "hardware")
    machine = Machine(MICROPYTHON, hardware, air.folder, guardian)
    boards = []

    def new(mac: bytes, main: str) -> Board:
        board = Board(machine, tmp_path / mac.hex(), mac.hex(), mac, "192k")
        (board.flash / "boot.py").write_text("")
        (board.flash / "main.py").write_text(main)
        boards.append(board)
        return board

    yield new
    for board in boards:
        await board.stop()


async def test_a_station_joins_with_the_right_key_and_no_other(new_board: NewBoard) -> None:
    station = new_board(
        STATION, JOINING + "join('home', 'wrong')\njoin('away', '')\njoin('home', 'home-key')\n"
    )
    await station.start()
    await station.wait_until_said(
        r"home wrong 202 False[\s\S]*away  201 False[\s\S]*home home-key 1010 True", 10
    )


async def test_a_scan_shows_what_is_in_reach_and_nothing_else(
    air: Air, new_board: NewBoard
) -> None:
    point = new_board(POINT, LISTENING)
    await point.start()
    await point.wait_until_said("own", 10)
    scan = JOINING + "while True:\n    print('rows', sorted([(r[0], r[3]) for r in sta.scan()]))\n"
    station = new_board(STATION, scan)
    await station.start()
    await station.wait_until_said(r"rows \[\(b'home', -50\)\]", 10)
    air.let_hear(STATION, point.access_point_mac, -61, "127.254.6.1")
    await station.wait_until_said(r"rows \[\(b'home', -50\), \(b'mesh', -61\)\]", 10)
    air.let_not_hear(STATION, point.access_point_mac)
    await station.wait_until_said(r"rows \[\(b'home', -50\)\]", 10, len(station.said()))


async def test_an_access_point_has_a_loopback_address_and_tells_stations_where_it_is(
    air: Air, new_board: NewBoard
) -> None:
    point = new_board(POINT, LISTENING)
    await point.start()
    await point.wait_until_said(r"own \('127.254.7.1', '255.0.0.0'\)", 10)
    air.let_hear(STATION, point.access_point_mac, -61, "127.254.6.1")
    station = new_board(
        STATION,
        JOINING + "join('mesh', 'secret-key')\nprint(sta.ifconfig()[2], sta.status('rssi'))\n",
    )
    await station.start()
    await station.wait_until_said(r"mesh secret-key 1010 True[\s\S]*127.254.6.1 -61", 10)
    attached = json.loads((air.folder / f"{STATION.hex()}.station").read_text())
    assert attached["bssid"] == point.access_point_mac.hex()


async def test_a_station_notices_that_its_access_point_has_lost_its_power(
    air: Air, new_board: NewBoard
) -> None:
    point = new_board(POINT, LISTENING)
    await point.start()
    await point.wait_until_said("own", 10)
    air.let_hear(STATION, point.access_point_mac, -61, "127.254.6.1")
    watch = "while sta.isconnected():\n    time.sleep_ms(20)\nprint('gone', sta.status())\n"
    station = new_board(STATION, JOINING + "join('mesh', 'secret-key')\n" + watch)
    await station.start()
    await station.wait_until_said("1010 True", 10)
    await point.stop()
    await station.wait_until_said("gone 200", 10)
