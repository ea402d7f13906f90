"""A house: a gateway and its nodes as boards on this computer, put into service as scripts/deploy does it.

Lives here: which boards there are and in what order a house comes to life. Not here: one board (bootloader.py), the air
(air.py), the plan (floor_plan.py).
"""

import asyncio
import json
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from simulator import firmware
from simulator.air import Air, Wire
from simulator.bootloader import Board, Machine
from simulator.floor_plan import HOUSE, Place
from simulator.free_port import free_port
from simulator.guardian import Guardian
from simulator.house_number import MESH_PORT, HouseNumber
from simulator.stock_board import StockBoard

REPOSITORY = Path(__file__).resolve().parent.parent
MICROPYTHON = REPOSITORY / ".tools" / "bin" / "micropython"

# The heap that the design gives a node and the gateway on the 64-bit unix port, where code and objects take twice an
# ESP32's room. On top of it comes what the fakes take: on an ESP32 the modules they stand for are in C and take nothing.
# tests/simulator/test_fakes_room.py measures it.
FAKES = 20
NODE_HEAP = f"{160 + FAKES}k"
GATEWAY_HEAP = f"{192 + FAKES}k"

_SETUP_KEY = re.compile(r"(?:[A-Z2-7]{4}-){13}[A-Z2-7]\b")
_ROUTER_BSSID = bytes.fromhex("3c28a6000001")
_FIRST_BOOT_SECONDS = 30


class VirtualMesh:
    """`home_assistant` is (host, port) of what the gateways talk to; a Wire stands between."""

    def __init__(
        self,
        folder: Path,
        guardian: Guardian,
        home_assistant: tuple[str, int],
        plan: Sequence[Place] = HOUSE,
        version: str = "1.0.0",
    ) -> None:
        self.folder = folder
        self.plan = plan
        self.version = version
        self.guardian = guardian
        self.air = Air(folder / "air", MESH_PORT)
        self.uplink = Wire("127.0.0.1", free_port(), lambda: home_assistant)
        """between the gateway and Home Assistant"""
        self.gateway_bundle: bytes | None = None
        """what the gateway gets by cable, if not the repository as it is"""
        self.nodes: dict[str, Board] = {}
        self.stock: dict[str, StockBoard] = {}
        """boards with an unmodified C++ sketch; who wants some adds them"""
        self._house = HouseNumber()
        hardware = firmware.compile_hardware(folder / "hardware")
        self._machine = Machine(MICROPYTHON, hardware, self.air.folder, guardian)
        self._mesh_settings = {
            "prefix": f"house-{self._house.number}",
            "password": secrets.token_hex(8),
            "channel": 1,
            "hidden": False,
            "port": MESH_PORT,
        }
        self.gateway = self._new_board("gateway", 1, GATEWAY_HEAP)

    @property
    def boards(self) -> list[Board]:
        return [self.gateway, *self.nodes.values()]

    def add_stock(self, name: str, role: str) -> StockBoard:
        """A C++ node in reach of the gateway, not yet switched on."""
        number = len(self.plan) + len(self.stock) + 2
        node_id = int.from_bytes(bytes([0x28, 0xAE, self._house.number, 2 * number + 1]), "big")
        wire = self.air.wires[self.gateway.access_point_mac.hex()]
        gateway = f"{wire.host}:{wire.port}"
        folder = self.folder / "boards" / name
        board = StockBoard(folder, name, node_id, gateway, role, self.guardian)
        self.stock[name] = board
        return board

    def record(self, path: Path) -> None:
        """Append every byte that passes any wire of the house, in both directions, to this file. Before the start."""
        self.uplink.recording = self.air.recording = path

    async def start(self) -> str:
        """Bring the house to life; answers the gateway's setup key, read from its console."""
        await self.uplink.open()
        await self._start_gateway()
        found = await self.gateway.wait_until_said(_SETUP_KEY.pattern, _FIRST_BOOT_SECONDS)
        mesh_key = json.loads((self.gateway.flash / "keys.json").read_text())["mesh_key"]
        for number, place in enumerate(self.plan, 2):
            await self._put_node_into_service(place, number, mesh_key)
        self._let_hear()
        for board in self.nodes.values():
            await board.start()
        return found[0]

    async def stop(self) -> None:
        await asyncio.gather(*(board.stop() for board in [*self.boards, *self.stock.values()]))
        await self.uplink.close()
        await self.air.close()
        self._house.release()

    def board_of(self, node_id: str) -> Board:
        return next(board for board in self.boards if str(board.node_id) == node_id)

    async def _start_gateway(self) -> None:
        await self._cable(self.gateway, "gateway")
        router = {"ssid": "home", "password": secrets.token_hex(8)}
        self.air.add_router(_ROUTER_BSSID, router["ssid"], router["password"])
        self.air.let_hear(self.gateway.mac, _ROUTER_BSSID, -52, "127.0.0.1")
        url = f"http://127.0.0.1:{self.uplink.port}"
        own = {"router": router, "home_assistant": {"url": url}}
        self._configure(self.gateway, "gateway", "gateway", own)
        await self.gateway.start()

    async def _put_node_into_service(self, place: Place, number: int, mesh_key: str) -> None:
        board = self._new_board(place.name, number, NODE_HEAP)
        self.nodes[place.name] = board
        await self._cable(board, place.node_type)
        own = {"zone": place.zone, "pins": place.pins, "sensor": place.sensor, "mesh_key": mesh_key}
        self._configure(board, place.name, place.node_type, own)
        if place.climate:
            (board.parts / "dht" / "4").write_text(place.climate)

    async def _cable(self, board: Board, node_type: str) -> None:
        bundle = self.gateway_bundle if board is self.gateway else None
        bundle = bundle or firmware.current(node_type, self.version)
        firmware.put_into_service(board.flash, bundle)
        wire_address = f"127.{board.mac[4]}.{board.mac[5]}.1"
        await self.air.add_access_point(board.access_point_mac, board.address, wire_address)

    def _configure(self, board: Board, name: str, node_type: str, own: dict[str, object]) -> None:
        shared = {"node_type": node_type, "name": name, "mesh": self._mesh_settings}
        (board.flash / "config.json").write_text(json.dumps(shared | own, indent=1))

    def _let_hear(self) -> None:
        """A house hears both ways: whoever hears a board is heard by it."""
        for place in self.plan:
            for other_name, rssi in place.hears.items():
                board, other = self.nodes[place.name], self._named(other_name)
                self._hear(board, other, rssi)
                self._hear(other, board, rssi)

    def _hear(self, station: Board, other: Board, rssi: int) -> None:
        bssid = other.access_point_mac
        self.air.let_hear(station.mac, bssid, rssi, self.air.wires[bssid.hex()].host)

    def _named(self, name: str) -> Board:
        return self.gateway if name == "gateway" else self.nodes[name]

    def _new_board(self, name: str, number: int, heap: str) -> Board:
        folder = self.folder / "boards" / name
        return Board(self._machine, folder, name, self._house.mac(number), heap)
