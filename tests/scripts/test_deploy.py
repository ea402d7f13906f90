"""scripts/deploy from a clone, with the real mpremote, onto MicroPython behind a serial port."""

import asyncio
import json
import os
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.slots import Slots
from scripts.deployment.console import SETUP_KEY
from simulator import firmware
from simulator.serial_board import SerialBoard
from tests.scripts.desk import (
    DEPLOY,
    MESH_PASSWORD,
    SECRETS,
    WIFI_PASSWORD,
    Desk,
    House,
    contents,
)

VECTORS = Path(__file__).parents[1] / "recorded/signatures/vectors.json"
pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def in_service(tmp_path_factory: pytest.TempPathFactory, hardware: Path) -> Iterator[Desk]:
    """A desk on which a gateway and then a node were put into service; their folders are to be copied."""
    desk = Desk(tmp_path_factory.mktemp("in_service"), hardware)
    gateway, node = desk.board("gateway"), desk.board("node")
    desk.let_hear_router(gateway)
    gateway.plug_in()
    node.plug_in()
    desk.said_of_gateway = desk.deploy_gateway(gateway)
    desk.said_of_node = desk.deploy(
        "node", node.port, "--type", "pir", "--name", "hall", "--listen", "1"
    )
    desk.clear()
    return desk


@pytest.fixture
def serviced(desk: Desk, in_service: Desk) -> SerialBoard:
    """A copy of the node in service, on a cable, on a desk that knows the mesh."""
    shutil.copytree(in_service.config, desk.config)
    board = desk.board("node", like=in_service.folder / "node")
    board.plug_in()
    return board


def test_a_gateway_is_in_service_and_its_setup_key_is_shown(in_service: Desk) -> None:
    run = in_service.said_of_gateway
    assert run.returncode == 0, run.stderr
    shown = re.search(r"Setup key: (\S+)", run.stdout)[1]
    said = SETUP_KEY.findall((in_service.folder / "gateway/console.log").read_text())
    assert set(said) == {shown}
    assert "It has joined the WiFi 'home'." in run.stdout
    flash = in_service.folder / "gateway/flash"
    assert Slots(str(flash)).manifest()["node_type"] == "gateway"
    assert Slots(str(flash)).damaged is None
    assert not list(flash.rglob("*.tmp"))


def test_the_mesh_is_remembered_for_its_nodes_in_a_private_file(in_service: Desk) -> None:
    path = in_service.config / "mesh-ota/meshes.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    known = json.loads(path.read_text())["meshes"]["house"]
    keys = json.loads((in_service.folder / "gateway/flash/keys.json").read_text())
    assert known["mesh_key"] == keys["mesh_key"]
    assert known["mesh"]["password"] == MESH_PASSWORD
    assert keys["gateway_key"] not in path.read_text()


def test_a_node_needs_no_retyping(in_service: Desk) -> None:
    run = in_service.said_of_node
    assert run.returncode == 0, run.stderr
    gateway = json.loads((in_service.folder / "gateway/flash/config.json").read_text())
    node = json.loads((in_service.folder / "node/flash/config.json").read_text())
    keys = json.loads((in_service.folder / "gateway/flash/keys.json").read_text())
    assert node == {
        "node_type": "pir",
        "name": "hall",
        "mesh": gateway["mesh"],
        "mesh_key": keys["mesh_key"],
    }


def test_no_password_is_ever_shown(in_service: Desk) -> None:
    for run in (in_service.said_of_gateway, in_service.said_of_node):
        keys = json.loads((in_service.folder / "gateway/flash/keys.json").read_text())
        for secret in (WIFI_PASSWORD, MESH_PASSWORD, *keys.values()):
            assert secret not in run.stdout + run.stderr


async def test_boards_that_were_deployed_find_each_other_and_home_assistant(
    desk: Desk, in_service: Desk, home_assistant_side: type
) -> None:
    for name in ("gateway", "node"):
        shutil.copytree(in_service.folder / name / "flash", desk.folder / name / "flash")
    house = House(desk)
    keys = json.loads((house.gateway.flash / "keys.json").read_text())
    side = home_assistant_side(bytes.fromhex(keys["gateway_key"]), house.gateway.node_id)
    await side.start()
    config = json.loads((house.gateway.flash / "config.json").read_text())
    config["home_assistant"]["url"] = side.url
    (house.gateway.flash / "config.json").write_text(json.dumps(config))
    proof = Slots(str(house.node.flash)).proof()
    try:
        await house.switch_on()
        deadline = time.monotonic() + 90
        while proof not in proofs_told(side, house.node.node_id):
            assert time.monotonic() < deadline, house.gateway.said() + house.node.said()
            await asyncio.sleep(0.2)
    finally:
        await house.switch_off()
        await side.stop()


def proofs_told(side: object, node_id: int) -> list[str]:
    """What the gateway has said that this node runs; it says nothing of a node without its mesh key."""
    return [entry.get("status", {}).get("proof") for entry in side.told(node_id, "nodes")]


def test_a_dry_run_shows_every_file_and_touches_nothing(desk: Desk) -> None:
    board = desk.board()
    (board.flash / "notes.txt").write_text("mine")
    board.plug_in()
    run = desk.deploy_gateway(board, "--dry-run")
    assert run.returncode == 0, run.stderr
    assert contents(board.flash) == {"notes.txt": contents(board.flash)["notes.txt"]}
    assert not desk.config.exists()
    for path in (
        "a/gateway/app.mpy",
        "slots.json",
        "lib/device/loader.mpy",
        "config.json",
        "boot.py",
    ):
        assert f"  {path} (" in run.stdout
    assert WIFI_PASSWORD not in run.stdout
    assert MESH_PASSWORD not in run.stdout


def test_a_second_run_writes_nothing_and_starts_the_board_again(
    desk: Desk, serviced: SerialBoard
) -> None:
    before = contents(serviced.flash)
    boots = json.loads((serviced.flash / "slots.json").read_text())["boot"]
    run = desk.deploy("node", serviced.port, "--listen", "1")
    assert run.returncode == 0, run.stderr
    assert "Everything is there already." in run.stdout
    after = contents(serviced.flash)
    assert json.loads((serviced.flash / "slots.json").read_text())["boot"] > boots
    assert {**after, "slots.json": ""} == {**before, "slots.json": ""}


def test_a_gateway_in_service_keeps_its_keys(desk: Desk, in_service: Desk) -> None:
    board = desk.board("gateway", like=in_service.folder / "gateway")
    desk.let_hear_router(board, password="changed since")
    board.plug_in()
    run = desk.deploy("gateway", board.port, "--home-assistant", "http://10.0.0.5:8123")
    assert run.returncode == 0, run.stderr
    keys = in_service.folder / "gateway/flash/keys.json"
    assert (board.flash / "keys.json").read_bytes() == keys.read_bytes()
    config = json.loads((board.flash / "config.json").read_text())
    assert config["home_assistant"] == {"url": "http://10.0.0.5:8123"}
    assert config["router"]["password"] == WIFI_PASSWORD
    assert "Writing the firmware" not in run.stdout
    assert "It has not joined the WiFi 'home' yet" in run.stdout


def test_a_setting_changes_alone(desk: Desk, serviced: SerialBoard) -> None:
    before = contents(serviced.flash)
    run = desk.deploy("node", serviced.port, "--zone", "cellar", "--pin", "pir=13", "--listen", "1")
    assert run.returncode == 0, run.stderr
    after = contents(serviced.flash)
    changed = {path for path in after if after[path] != before.get(path)}
    assert changed == {"config.json", "slots.json"}
    config = json.loads((serviced.flash / "config.json").read_text())
    assert (config["zone"], config["pins"]) == ("cellar", {"pir": 13})


def test_another_type_is_installed_only_when_asked(desk: Desk, serviced: SerialBoard) -> None:
    before = contents(serviced.flash)
    run = desk.deploy("node", serviced.port, "--type", "led")
    assert run.returncode == 1
    assert "This board is a pir" in run.stderr
    assert "--reinstall" in run.stderr
    assert {**contents(serviced.flash), "slots.json": ""} == {**before, "slots.json": ""}
    run = desk.deploy("node", serviced.port, "--type", "led", "--reinstall", "--listen", "1")
    assert run.returncode == 0, run.stderr
    slots = Slots(str(serviced.flash))
    assert (slots.active, slots.manifest("b")["node_type"]) == ("b", "led")
    assert slots.manifest("a")["node_type"] == "pir"


def test_damaged_firmware_is_written_anew_into_the_other_slot(
    desk: Desk, serviced: SerialBoard
) -> None:
    path = serviced.flash / "a/roles/pir.mpy"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    run = desk.deploy("node", serviced.port, "--listen", "1")
    assert run.returncode == 0, run.stderr
    assert "damaged (roles/pir.mpy)" in run.stdout
    slots = Slots(str(serviced.flash))
    assert slots.active == "b"
    assert slots.proof("b") == json.loads((serviced.flash / "record-b.json").read_text())["proof"]


def test_a_program_that_ends_is_told_with_its_reason(
    desk: Desk, serviced: SerialBoard, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.tar"
    bad.write_bytes(firmware.that_raises("pir", "6.6.6", "no such sensor"))
    run = desk.deploy("node", serviced.port, "--firmware", bad, "--listen", "30")
    assert run.returncode == 1
    assert "The program on the board ended: RuntimeError: no such sensor" in run.stderr


def test_a_board_can_be_told_to_take_signed_firmware_only(
    desk: Desk, serviced: SerialBoard, tmp_path: Path
) -> None:
    recorded = json.loads(VECTORS.read_text())["modulus"]
    (tmp_path / "key.txt").write_text("\n".join(re.findall(".{64}", recorded)) + "\n")
    run = desk.deploy("node", serviced.port, "--signing-key", tmp_path / "key.txt", "--listen", "1")
    assert run.returncode == 0, run.stderr
    config = json.loads((serviced.flash / "config.json").read_text())
    assert config["signing_key"] == recorded
    assert "ConfigError" not in serviced.said()
    both = desk.deploy("node", serviced.port, "--accept-level-0")
    assert both.returncode == 1
    assert "accept_level_0 and signing_key exclude each other." in both.stderr


def test_a_node_can_be_told_to_follow_a_gateway_without_a_mesh_key(
    desk: Desk, serviced: SerialBoard
) -> None:
    run = desk.deploy("node", serviced.port, "--accept-level-0", "--listen", "1")
    assert run.returncode == 0, run.stderr
    assert json.loads((serviced.flash / "config.json").read_text())["accept_level_0"] is True
    assert "ConfigError" not in serviced.said()


def test_a_cable_pulled_out_half_way_leaves_nothing_that_a_second_run_does_not_mend(
    desk: Desk,
) -> None:
    board = desk.board("first")
    board.plug_in()
    command = [*DEPLOY, "node", board.port, "--type", "led", "--mesh", "house", "--listen", "3"]
    environment = SECRETS | {"MESH_OTA_MESH_KEY": "ab" * 32, "PATH": os.environ["PATH"]}
    deploying = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not (board.flash / "a/node/app.mpy.tmp").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    deploying.kill()
    deploying.communicate()
    desk.boards.pop().unplug()
    assert not (board.flash / "boot.py").exists()
    # A stale module beside ours would be imported instead of it.
    (board.flash / "lib/device").mkdir(parents=True, exist_ok=True)
    (board.flash / "lib/device/loader.py").write_text("raise RuntimeError('stale')\n")
    again = desk.board("again", like=desk.folder / "first")
    again.plug_in()
    command[2] = again.port
    run = desk.deploy(*command[1:], **environment)
    assert run.returncode == 0, run.stderr
    assert not list(again.flash.rglob("*.tmp"))
    assert not (again.flash / "lib/device/loader.py").exists()
    assert Slots(str(again.flash)).damaged is None
