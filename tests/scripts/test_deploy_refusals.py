"""What scripts/deploy will not do, or asks first: boards that will not do, words that are missing, programs of the owner."""

import os
import pty
import subprocess
import time
from pathlib import Path

import pytest

from scripts.firmware import bundle
from tests.scripts.desk import (
    DEPLOY,
    MESH_PASSWORD,
    NEW_GATEWAY,
    SECRETS,
    WIFI_PASSWORD,
    Desk,
    contents,
)

pytestmark = pytest.mark.timeout(300)

TWO_PARTITIONS = [
    [1, 2, 0x9000, 0x4000, "nvs"],
    [1, 0, 0xD000, 0x2000, "otadata"],
    [0, 0x10, 0x10000, 0x180000, "ota_0"],
    [0, 0x11, 0x190000, 0x180000, "ota_1"],
]


def test_what_is_missing_is_named_where_nobody_can_be_asked(desk: Desk) -> None:
    board = desk.board()
    board.plug_in()
    run = desk.deploy("gateway", board.port)
    assert run.returncode == 1
    for name in (
        "--wifi",
        "MESH_OTA_WIFI_PASSWORD",
        "--home-assistant",
        "--mesh",
        "MESH_OTA_MESH_PASSWORD",
    ):
        assert name in run.stderr
    assert contents(board.flash) == {}


def test_a_person_is_asked_and_passwords_are_not_echoed(desk: Desk) -> None:
    board = desk.board()
    board.plug_in()
    answers = ["home", WIFI_PASSWORD, "", "house", "short", MESH_PASSWORD]
    shown = asked(desk, ["gateway", board.port, "--dry-run"], answers)
    assert "http://homeassistant.local:8123" in shown
    assert "It has to be 8 to 63 bytes long." in shown
    assert "Nothing was changed." in shown
    assert WIFI_PASSWORD not in shown
    assert MESH_PASSWORD not in shown


def asked(desk: Desk, words: list[str], answers: list[str]) -> str:
    """Sit at the terminal: answer each question as it comes; what the screen shows."""
    environment = {"PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(desk.config)}
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*DEPLOY, *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
    )
    os.close(theirs)
    shown, waiting = "", list(answers)
    try:
        while True:
            try:
                shown += os.read(ours, 4096).decode()
            except OSError:  # the other end is closed
                break
            if waiting and shown.endswith(": "):
                time.sleep(0.1)
                os.write(ours, waiting.pop(0).encode() + b"\n")
                shown += "\n"
    finally:
        os.close(ours)
        process.wait(60)
    return shown


@pytest.mark.parametrize(
    ("identity", "sentence"),
    [
        ({"version": [1, 23, 0]}, "MicroPython 1.23.0 is too old: flash 1.24 or newer"),
        ({"platform": "rp2", "machine": "Raspberry Pi Pico W with RP2040"}, "of the kind 'rp2'"),
    ],
)
def test_a_board_that_will_not_do_is_refused_before_anything_is_written(
    desk: Desk, identity: dict, sentence: str
) -> None:
    board = desk.board()
    board.identify(**identity)
    board.plug_in()
    run = desk.deploy_gateway(board)
    assert run.returncode == 1
    assert sentence in run.stderr
    assert contents(board.flash) == {}


@pytest.mark.parametrize(
    ("identity", "sentence", "warned"),
    [
        ({}, "One application partition: this board takes app-bundles.", False),
        ({"partitions": TWO_PARTITIONS}, "OTA partitions ota_0 and ota_1", False),
        ({"partitions": TWO_PARTITIONS, "bootloader": "v5.2.2"}, "OTA partitions ota_0", False),
        ({"partitions": TWO_PARTITIONS, "bootloader": "v4.4.3"}, "of ESP-IDF v4.4.3:", True),
    ],
    ids=["one partition", "two", "two, bootloader with trials", "two, older bootloader"],
)
def test_partition_table_and_bootloader_are_read_and_explained(
    desk: Desk, identity: dict, sentence: str, warned: bool
) -> None:
    board = desk.board()
    board.identify(**identity)
    board.plug_in()
    run = desk.deploy_gateway(board, "--dry-run")
    assert run.returncode == 0, run.stderr
    assert sentence in run.stdout
    assert ("does not go back by itself" in run.stdout) is warned


def test_a_program_of_the_owners_is_not_replaced_unasked(desk: Desk) -> None:
    board = desk.board()
    (board.flash / "main.py").write_text("print('my weather station')\n")
    board.plug_in()
    run = desk.deploy_gateway(board)
    assert run.returncode == 1
    assert "runs a program of its own" in run.stderr
    assert contents(board.flash).keys() == {"main.py"}
    assert desk.deploy_gateway(board, "--replace-program", "--dry-run").returncode == 0


def test_a_board_without_paste_mode_is_served_too(desk: Desk) -> None:
    board = desk.board()
    (board.parts / "no_paste_mode").touch()
    board.plug_in()
    assert desk.deploy_gateway(board, "--dry-run").returncode == 0


def test_a_port_that_is_not_there_is_told(desk: Desk) -> None:
    run = desk.deploy("gateway", "/dev/ttyNothing0", *NEW_GATEWAY, "http://h:1", **SECRETS)
    assert run.returncode == 1
    assert "/dev/ttyNothing0 cannot be opened." in run.stderr
    assert "Traceback" not in run.stderr


def test_a_bundle_of_the_wrong_kind_is_refused(desk: Desk, tmp_path: Path) -> None:
    board = desk.board()
    board.plug_in()
    (tmp_path / "pir.tar").write_bytes(bundle.build("pir", "1.0.0"))
    run = desk.deploy_gateway(board, "--firmware", tmp_path / "pir.tar")
    assert run.returncode == 1
    assert "is not the firmware of a gateway" in run.stderr
