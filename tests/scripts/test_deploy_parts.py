"""The parts of scripts/deploy that need no whole deployment to be seen at work."""

import argparse
import hashlib
import json
import os
import pty
import stat
import subprocess
from pathlib import Path

import pytest

from device.slots import Slots
from scripts.deployment import arguments, board_programs, plan, settings, survey
from scripts.deployment.cable import Cable
from scripts.deployment.errors import DeployError
from scripts.deployment.mesh_memory import MeshMemory
from scripts.deployment.questions import HOME_ASSISTANT, MESH_PASSWORD, Asker
from scripts.firmware import bundle, flash
from tests.scripts.desk import PYTHON, REPOSITORY, Desk

pytestmark = pytest.mark.timeout(120)

MESH = {"prefix": "house", "password": "12345678", "channel": 6, "hidden": False, "port": 5555}
KEY = "ab" * 32
SECRETS = {"MESH_OTA_MESH_PASSWORD": "another one", "MESH_OTA_MESH_KEY": "cd" * 32}


def options(*words: str) -> argparse.Namespace:
    return arguments.parser("deploy").parse_args(["node", "/dev/null", *words])


def node_settings(
    memory: MeshMemory, before: dict, *words: str, secrets: dict | None = None
) -> dict:
    given = options(*words)
    asker = Asker(arguments.given(given), interactive=False, environment=secrets or {})
    return settings.of_node(given, "pir", before, memory, asker)


@pytest.fixture
def memory(tmp_path: Path) -> MeshMemory:
    found = MeshMemory(tmp_path / "kept/meshes.json")
    found.remember(MESH, KEY)
    return found


def test_a_new_node_takes_the_mesh_of_the_last_gateway(memory: MeshMemory) -> None:
    assert node_settings(memory, {}) == {
        "node_type": "pir",
        "name": "pir",
        "mesh": MESH,
        "mesh_key": KEY,
    }


def test_a_node_stays_in_its_mesh_when_another_gateway_came_after_it(memory: MeshMemory) -> None:
    memory.remember(MESH | {"prefix": "barn", "password": "barnbarn"}, "ef" * 32)
    before = {"mesh": MESH | {"password": "an old one"}, "mesh_key": "00" * 32}
    found = node_settings(memory, before)
    assert (found["mesh"], found["mesh_key"]) == (MESH, KEY)


def test_a_node_can_be_moved_to_another_mesh(memory: MeshMemory) -> None:
    memory.remember(MESH | {"prefix": "barn", "password": "barnbarn"}, "ef" * 32)
    before = {"mesh": MESH, "mesh_key": KEY, "name": "hall", "pins": {"pir": 13}}
    found = node_settings(memory, before, "--mesh", "barn")
    assert (found["mesh"]["password"], found["mesh_key"]) == ("barnbarn", "ef" * 32)
    assert (found["name"], found["pins"]) == ("hall", {"pir": 13})
    found = node_settings(memory, before, "--mesh", "shed", secrets=SECRETS)
    assert (found["mesh"]["password"], found["mesh_key"]) == ("another one", "cd" * 32)
    with pytest.raises(DeployError, match="MESH_OTA_MESH_PASSWORD, MESH_OTA_MESH_KEY"):
        node_settings(memory, before, "--mesh", "shed")


def test_settings_that_no_board_would_take_are_refused_with_a_sentence(memory: MeshMemory) -> None:
    for words, sentence in (
        (["--channel", "15"], "mesh.channel must be a number from 1 to 13"),
        (["--zone", "Große Halle"], "zone may hold only"),
        (["--pin", "pir"], "--pin pir: write it as NAME=GPIO"),
        (["--pin", "pir=99"], "pins.pir must be"),
        (["--signing-key", "/nowhere"], "/nowhere cannot be read"),
    ):
        with pytest.raises(DeployError, match=sentence):
            node_settings(memory, {}, *words)


def test_a_password_that_cannot_be_is_refused_by_the_name_of_its_variable() -> None:
    asker = Asker({}, interactive=False, environment={"MESH_OTA_MESH_PASSWORD": "short"})
    with pytest.raises(DeployError, match="MESH_OTA_MESH_PASSWORD: It has to be 8 to 63"):
        asker.answer(MESH_PASSWORD)


def test_an_answer_left_empty_is_the_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    answers = iter(["ftp://x.example", ""])
    asker = Asker({}, interactive=True, environment={}, read=lambda _: next(answers))
    assert asker.answer(HOME_ASSISTANT) == "http://homeassistant.local:8123"
    assert "It has to start with http:// or https://." in capsys.readouterr().out


def test_a_damaged_memory_counts_as_none_and_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "meshes.json"
    path.write_text('{"latest": "house", "meshes": [')
    path.chmod(0o644)
    memory = MeshMemory(path)
    assert memory.mesh(None) == {}
    memory.remember(MESH, KEY)
    assert MeshMemory(path).mesh_key("house") == KEY
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["meshes.json"]


def test_a_board_without_room_is_refused_before_anything_is_written() -> None:
    step = plan.Step("all", {"a/big.bin": bytes(100_000)})
    found = survey.Survey(free=160 * 1024)
    plan.check_room([step], found)
    found.free = 100 * 1024
    with pytest.raises(DeployError, match="100 KiB free"):
        plan.check_room([step], found)


def test_what_a_board_holds_is_judged_by_its_manifest(tmp_path: Path) -> None:
    flash.write(tmp_path, bundle.build("led", "1.2.3"))
    found = as_surveyed(tmp_path)
    assert survey.running_firmware(found) == survey.Firmware("a", "led", "1.2.3", "")
    found.files["a/node/more.py"] = (1, "00")
    assert survey.running_firmware(found).fault == "node/more.py"
    del found.texts["slots.json"]
    assert survey.running_firmware(found) is None


def as_surveyed(folder: Path) -> survey.Survey:
    found = survey.Survey()
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file():
            found.files[name] = (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
            if name in board_programs.TEXTS:
                found.texts[name] = path.read_text()
    return found


def test_what_was_changed_on_the_way_is_not_put_in_place(desk: Desk) -> None:
    board = desk.board()
    (board.flash / "config.json").write_text("old")
    (board.flash / "config.json.tmp").write_text("new, with a wrong bit")
    (board.flash / "a.txt.tmp").write_text("right")
    board.plug_in()
    hashes = {
        "a.txt": hashlib.sha256(b"right").hexdigest(),
        "config.json": hashlib.sha256(b"new").hexdigest(),
    }
    with pytest.raises(DeployError, match=r"config\.json did not arrive as it was sent"):
        Cable(board.port, PYTHON).run(board_programs.put_in_place(hashes, []))
    assert (board.flash / "config.json").read_text() == "old"
    assert not (board.flash / "a.txt").exists()


def test_a_board_with_an_erased_flash_goes_on_with_a_higher_boot_number(tmp_path: Path) -> None:
    """Its gateway, which has not restarted since, takes a lower one for something played back."""
    flash.write(tmp_path / "old", bundle.build("led", "1.0.0"))
    old = Slots(str(tmp_path / "old"))
    filled = plan.filled_slot(survey.Survey(), bundle.build("led", "1.0.0"), "a")
    assert json.loads(filled["slots.json"])["boot"] > old.boot + 1_000_000


def test_a_board_that_is_silent_is_told() -> None:
    ours, theirs = pty.openpty()
    try:
        with pytest.raises(DeployError, match="does not answer"):
            Cable(os.ttyname(theirs), PYTHON, seconds=3).run("pass")
    finally:
        os.close(ours)
        os.close(theirs)


def test_an_answer_that_arrives_damaged_is_told() -> None:
    with pytest.raises(DeployError, match="arrived damaged"):
        board_programs.told('mesh-ota ["platform", "esp\n')


def test_the_other_slot_can_be_taken_by_hand_as_the_docs_say(desk: Desk) -> None:
    board = desk.board()
    flash.write(board.flash, bundle.build("led", "1.0.0"))
    flash.fill(board.flash, bundle.build("led", "2.0.0"), {}, "b")
    Slots(str(board.flash)).adopt("a")
    config = {"node_type": "led", "mesh": MESH, "mesh_key": KEY}
    (board.flash / "config.json").write_text(json.dumps(config))
    board.plug_in()
    text = (REPOSITORY / "docs/hardware.md").read_text()
    lines = text.split("```python\n")[1].split("```")[0]
    Cable(board.port, PYTHON).run("\n".join(line.strip() for line in lines.splitlines()))
    assert Slots(str(board.flash)).active == "b"


@pytest.mark.parametrize("name", ["docs/hardware.md", "README.md"])
def test_every_option_that_the_docs_name_exists(name: str) -> None:
    known = arguments.parser("deploy").format_help()
    text = (REPOSITORY / name).read_text()
    lines = [line for line in text.splitlines() if "deploy" in line and "scripts/setup" not in line]
    named = {
        word.strip("`,.;:")
        for line in lines
        for word in line.split()
        if word.strip("`").startswith("--")
    }
    assert named
    assert {word for word in named if word not in known} == set()


def test_setup_can_get_what_deploying_needs_and_nothing_more() -> None:
    run = subprocess.run(
        [REPOSITORY / "scripts/setup", "--deploy"], capture_output=True, text=True, check=True
    )
    assert run.stdout == "scripts/deploy is ready.\n"
