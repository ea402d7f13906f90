"""The files of a release: the same bytes wherever they are built, and boards put into service from them alone."""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from device.slots import Slots
from scripts.firmware import bundle
from tests.scripts.desk import NEW_GATEWAY, REPOSITORY, SECRETS, Desk

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

VERSION = "9.8.7"
TYPES = {"button", "button2", "dht", "gateway", "led", "pir", "watcher"}
PARTS = (
    "custom_components",
    "device",
    "gateway_firmware",
    "node_firmware",
    "painlessmesh",
    "scripts",
)


def release(
    root: Path, out: Path, python: str = sys.executable
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, root / "scripts/release", VERSION, "--out", out],
        env={"PATH": f"{REPOSITORY / '.tools/bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources as they are now, so that work on them meanwhile does not matter."""
    folder = tmp_path_factory.mktemp("clone")
    for part in PARTS:
        shutil.copytree(
            REPOSITORY / part, folder / part, ignore=shutil.ignore_patterns("__pycache__")
        )
    return folder


@pytest.fixture(scope="module")
def files(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    release(clone, folder)
    return folder


def test_a_release_is_complete_and_its_sums_fit(files: Path) -> None:
    names = {path.name for path in files.iterdir()}
    bundles = {f"{name}-{VERSION}.tar" for name in TYPES}
    assert names == {"SHA256SUMS", "mesh-ota-deploy", "mesh_ota.zip", *bundles}
    sums = dict(line.split()[::-1] for line in (files / "SHA256SUMS").read_text().splitlines())
    assert sums == {
        name: hashlib.sha256((files / name).read_bytes()).hexdigest()
        for name in names - {"SHA256SUMS"}
    }


def test_the_same_sources_give_the_same_bytes_elsewhere_and_later(
    clone: Path, files: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "another place"
    shutil.copytree(clone, elsewhere)
    for path in elsewhere.rglob("*"):
        os.utime(path, (1e9, 1e9))
    (elsewhere / "custom_components/mesh_ota/__pycache__").mkdir()
    (elsewhere / "custom_components/mesh_ota/__pycache__/x.pyc").write_bytes(b"x")
    release(elsewhere, tmp_path / "again")
    for path in files.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes(), path.name


def test_the_integration_unpacks_to_what_home_assistant_loads(files: Path) -> None:
    """HACS unpacks the file that hacs.json names into custom_components/mesh_ota."""
    hacs = json.loads((REPOSITORY / "hacs.json").read_text())
    assert hacs["zip_release"] is True
    folder = REPOSITORY / "custom_components/mesh_ota"
    with zipfile.ZipFile(files / hacs["filename"]) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        names = set(archive.namelist())
    assert manifest == json.loads((folder / "manifest.json").read_text()) | {"version": VERSION}
    there = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert names == {path.relative_to(folder).as_posix() for path in there}
    assert {"__init__.py", "translations/en.json", "brand/icon.png"} <= names
    assert not any("__pycache__" in name or name.startswith(("/", ".")) for name in names)


def test_each_bundle_is_one_that_a_board_takes(files: Path) -> None:
    for node_type in TYPES:
        content = (files / f"{node_type}-{VERSION}.tar").read_bytes()
        described = bundle.check(content)
        assert (described["node_type"], described["version"]) == (node_type, VERSION)
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            assert not any(name.endswith(".py") for name in archive.getnames())


def test_a_wrong_version_is_refused_with_a_sentence(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, REPOSITORY / "scripts/release", "v1", "--out", tmp_path / "x"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "a version is three numbers" in run.stderr
    assert not (tmp_path / "x").exists()


def readme_commands() -> list[list[str]]:
    """What README tells somebody without a clone to type, behind the file's name."""
    lines = (REPOSITORY / "README.md").read_text().splitlines()
    return [line.split()[2:] for line in lines if line.startswith("python3 mesh-ota-deploy ")]


def test_boards_are_put_into_service_from_the_released_file_alone(desk: Desk, files: Path) -> None:
    """What a HACS user does: one downloaded file, mpremote, and nothing of this repository."""
    program = desk.folder / "Downloads/mesh-ota-deploy"
    program.parent.mkdir()
    shutil.copy(files / program.name, program)
    command = [REPOSITORY / ".tools/venv-deploy/bin/python", "-I", program]
    gateway, node = desk.board("gateway"), desk.board("node")
    desk.let_hear_router(gateway)
    gateway.plug_in()
    node.plug_in()
    words = readme_commands()
    assert [one[0] for one in words] == ["gateway", "node"]
    run = desk.deploy(
        "gateway",
        gateway.port,
        *words[0][2:],
        *NEW_GATEWAY,
        "http://127.0.0.1:1",
        command=command,
        **SECRETS,
    )
    assert run.returncode == 0, run.stderr
    assert re.search(r"Setup key: (?:[A-Z2-7]{4}-){13}[A-Z2-7]\n", run.stdout)
    run = desk.deploy("node", node.port, *words[1][2:], "--listen", "4", command=command)
    assert run.returncode == 0, run.stderr
    for board, node_type in ((gateway, "gateway"), (node, "pir")):
        slots = Slots(str(board.flash))
        assert slots.proof() == bundle.proof_of((files / f"{node_type}-{VERSION}.tar").read_bytes())
    run = desk.deploy("node", node.port, "--type", "toaster", "--reinstall", command=command)
    assert "There is no type 'toaster'" in run.stderr


def test_without_mpremote_the_released_file_says_where_to_get_it(
    files: Path, tmp_path: Path
) -> None:
    run = subprocess.run(
        [sys.executable, "-I", files / "mesh-ota-deploy", "gateway", "/dev/null"],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "pip install mpremote" in run.stderr


def test_it_is_found_where_it_was_installed_apart(files: Path, tmp_path: Path) -> None:
    """As pipx does it: mpremote on the PATH, in an environment of its own."""
    run = subprocess.run(
        [sys.executable, files / "mesh-ota-deploy", "gateway", "/dev/ttyNothing0"],
        env={
            "PATH": f"{REPOSITORY / '.tools/venv-deploy/bin'}:/usr/bin:/bin",
            "HOME": str(tmp_path),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "/dev/ttyNothing0 cannot be opened" in run.stderr


def test_it_runs_on_the_oldest_python_that_it_promises() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    assert settings["tool"]["ruff"]["per-file-target-version"]["scripts/**"] == "py311"


def test_the_workflow_publishes_what_the_command_builds() -> None:
    text = (REPOSITORY / ".github/workflows/release.yml").read_text()
    steps = yaml.safe_load(text)["jobs"]["build"]["steps"]
    commands = "\n".join(step.get("run", "") for step in steps)
    for command in ("scripts/lint", "scripts/test", "scripts/release", "diff -r"):
        assert command in commands
    # A tag's name is whatever somebody pushed: it may reach a shell as a variable only.
    assert "${{" not in commands
