"""A desk with boards on cables: real scripts/deploy, real mpremote, MicroPython behind a serial port."""

import asyncio
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from simulator import firmware
from simulator.air import Air
from simulator.bootloader import Board, Machine
from simulator.guardian import Guardian
from simulator.house_number import HouseNumber
from simulator.serial_board import MICROPYTHON, SerialBoard
from simulator.virtual_mesh import GATEWAY_HEAP, NODE_HEAP

REPOSITORY = Path(__file__).parents[2]
PYTHON = str(REPOSITORY / ".tools/venv-deploy/bin/python")
DEPLOY = [REPOSITORY / "scripts/deploy"]
WIFI_PASSWORD = "router-secret-1"
MESH_PASSWORD = "mesh-secret-2"
SECRETS = {"MESH_OTA_WIFI_PASSWORD": WIFI_PASSWORD, "MESH_OTA_MESH_PASSWORD": MESH_PASSWORD}
NEW_GATEWAY = ["--wifi", "home", "--mesh", "house", "--home-assistant"]
ROUTER = bytes.fromhex("3c28a6000001")


class Desk:
    def __init__(self, folder: Path, hardware: Path) -> None:
        self.folder = folder
        self.hardware = hardware
        self.config = folder / "config"
        self.boards: list[SerialBoard] = []
        self._house = HouseNumber()  # no other desk's boards have the same addresses
        self.gateway_mac = self._house.mac(1)
        self.node_mac = self._house.mac(2)

    def board(self, name: str = "node", like: Path | None = None) -> SerialBoard:
        """A board on a cable; `like` is the folder of another one, whose flash it gets."""
        if like is not None:
            shutil.copytree(like / "flash", self.folder / name / "flash")
        mac = self.gateway_mac if name == "gateway" else self.node_mac
        found = SerialBoard(self.folder / name, self.hardware, self.folder / "air", mac)
        self.boards.append(found)
        return found

    def let_hear_router(self, board: SerialBoard, password: str = WIFI_PASSWORD) -> None:
        air = Air(self.folder / "air", 5555)
        air.add_router(ROUTER, "home", password)
        air.let_hear(board.mac, ROUTER, -50, "127.0.0.1")

    def deploy(
        self, *words: object, command: list[object] = DEPLOY, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run it with nobody to ask."""
        return subprocess.run(
            [*command, *words],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "XDG_CONFIG_HOME": str(self.config),
                **environment,
            },
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    def deploy_gateway(
        self, board: SerialBoard, *words: object, url: str = "http://127.0.0.1:1", **more: object
    ):
        return self.deploy("gateway", board.port, *NEW_GATEWAY, url, *words, **SECRETS, **more)

    def clear(self) -> None:
        """Unplug everything; the desk is not used again."""
        while self.boards:
            self.boards.pop().unplug()
        self._house.release()


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder, by its hash."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class House:
    """Deployed boards, unplugged and switched on where they belong."""

    def __init__(self, desk: Desk) -> None:
        self.air = Air(desk.folder / "house-air", 5555)
        self.guardian = Guardian()
        machine = Machine(MICROPYTHON, desk.hardware, self.air.folder, self.guardian)
        self.gateway = Board(
            machine, desk.folder / "gateway", "gateway", desk.gateway_mac, GATEWAY_HEAP
        )
        self.node = Board(machine, desk.folder / "node", "node", desk.node_mac, NODE_HEAP)

    async def switch_on(self) -> None:
        self.air.add_router(ROUTER, "home", WIFI_PASSWORD)
        self.air.let_hear(self.gateway.mac, ROUTER, -50, "127.0.0.1")
        for board in (self.gateway, self.node):
            reached_at = f"127.{board.mac[4]}.{board.mac[5]}.1"
            await self.air.add_access_point(board.access_point_mac, board.address, reached_at)
        for station, other in ((self.node, self.gateway), (self.gateway, self.node)):
            reached_at = self.air.wires[other.access_point_mac.hex()].host
            self.air.let_hear(station.mac, other.access_point_mac, -50, reached_at)
        await self.gateway.start()
        await self.node.start()

    async def switch_off(self) -> None:
        await asyncio.gather(self.gateway.stop(), self.node.stop())
        await self.air.close()
        self.guardian.close()


def compiled_hardware(folder: Path) -> Path:
    return firmware.compile_hardware(folder)
