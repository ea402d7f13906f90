"""The import laws hold because the linter says no; here it is seen saying it, in a copy of the settings."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
RUFF = Path(sys.executable).with_name("ruff")
SETTINGS = [
    Path("pyproject.toml"),
    *(path.relative_to(REPOSITORY) for path in REPOSITORY.glob("*/ruff.toml")),
    *(path.relative_to(REPOSITORY) for path in REPOSITORY.glob("scripts/laws/*.toml")),
]

FORBIDDEN = [
    ("painlessmesh/mesh.py", "import device"),
    ("painlessmesh/mesh.py", "from gateway.board import Board"),
    ("painlessmesh/mesh.py", "import node"),
    ("painlessmesh/mesh.py", "import roles.pir"),
    ("painlessmesh/mesh.py", "import custom_components.mesh_ota"),
    ("painlessmesh/mesh.py", "import simulator"),
    ("painlessmesh/mesh.py", "import machine"),
    ("painlessmesh/mesh.py", "import network"),
    ("painlessmesh/mesh.py", "import esp32"),
    ("painlessmesh/mesh.py", "import asyncio"),
    ("painlessmesh/mesh.py", "import socket"),
    ("painlessmesh/mesh.py", "import time"),
    ("painlessmesh/mesh.py", "def later():\n    import asyncio"),
    ("painlessmesh/link.py", "import device"),
    ("painlessmesh/link.py", "import machine"),
    ("painlessmesh/link.py", "import homeassistant"),
    ("device/slots.py", "import gateway"),
    ("device/slots.py", "import node"),
    ("device/slots.py", "import roles"),
    ("device/slots.py", "from simulator import board"),
    ("device/slots.py", "from machine import Pin"),
    ("device/slots.py", "def later():\n    import esp32"),
    ("device/slots.py", "import dht"),
    ("device/slots.py", "from typing import Any"),
    ("device/board.py", "import gateway"),
    ("device/board.py", "import node.application"),
    ("device/board.py", "import homeassistant"),
    ("gateway_firmware/gateway/app.py", "import machine"),
    ("gateway_firmware/gateway/app.py", "import node"),
    ("gateway_firmware/gateway/app.py", "import homeassistant"),
    ("gateway_firmware/main.py", "import machine"),
    ("node_firmware/node/app.py", "import network"),
    ("node_firmware/node/app.py", "import gateway"),
    ("node_firmware/roles/pir.py", "from machine import Pin"),
    ("node_firmware/roles/pir.py", "import custom_components"),
    ("simulator/start.py", "import homeassistant"),
    ("simulator/start.py", "from custom_components.mesh_ota import const"),
    ("custom_components/mesh_ota/hub.py", "import painlessmesh"),
    ("custom_components/mesh_ota/hub.py", "from device import manifest"),
    ("custom_components/mesh_ota/hub.py", "import gateway.http"),
    ("custom_components/mesh_ota/hub.py", "import node"),
    ("custom_components/mesh_ota/hub.py", "import roles"),
    ("custom_components/mesh_ota/hub.py", "import simulator"),
    ("custom_components/mesh_ota/errors.py", "import homeassistant"),
    ("custom_components/mesh_ota/gateway_auth.py", "from homeassistant.core import HomeAssistant"),
    ("custom_components/mesh_ota/firmware/esp_image.py", "import homeassistant.util"),
    ("custom_components/mesh_ota/firmware/deeper/part.py", "import homeassistant"),
    ("custom_components/mesh_ota/jobs/job.py", "import voluptuous as vol"),
    ("custom_components/mesh_ota/jobs/job.py", "def later():\n    from aiohttp import web"),
]

ALLOWED = [
    ("painlessmesh/mesh.py", "import json"),
    ("painlessmesh/link.py", "import asyncio"),
    ("device/slots.py", "from painlessmesh.ota import Receiver"),
    ("device/board.py", "import machine"),
    ("device/board.py", "from network import WLAN"),
    ("gateway_firmware/gateway/app.py", "from device.slots import Slots"),
    ("node_firmware/roles/pir.py", "from node.debounce import Debounce"),
    ("simulator/start.py", "import device.loader"),
    ("custom_components/mesh_ota/hub.py", "from homeassistant.core import HomeAssistant"),
    ("custom_components/mesh_ota/hub.py", "from .gateway import Gateway"),
    ("custom_components/mesh_ota/jobs/job.py", "from ..errors import MeshOtaError"),
    ("tests/end_to_end/test_update.py", "import simulator, custom_components, painlessmesh"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The settings alone, in a folder of their own."""
    folder = tmp_path_factory.mktemp("laws")
    for path in SETTINGS:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / path, folder / path)
    return folder


def broken_laws(copy: Path, path: str, source: str) -> str:
    """What the linter says of such a file, asked as scripts/lint asks."""
    file = copy / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source + "\n")
    command = [RUFF, "check", "--quiet", "--no-cache", "--output-format", "concise"]
    laws = sorted((copy / "scripts/laws").glob("*.toml"))
    runs = [[], *(["--config", law.relative_to(copy)] for law in laws)]
    said = [
        subprocess.run([*command, *run, "."], cwd=copy, capture_output=True, text=True, check=False)
        for run in runs
    ]
    file.unlink()
    assert not any(run.stderr for run in said), said
    return "".join(line for run in said for line in run.stdout.splitlines() if "TID251" in line)


@pytest.mark.parametrize(("path", "source"), FORBIDDEN)
def test_what_a_law_forbids_is_refused(copy: Path, path: str, source: str) -> None:
    """A law nobody has seen fail may not be one."""
    assert path in broken_laws(copy, path, source)


@pytest.mark.parametrize(("path", "source"), ALLOWED)
def test_what_the_laws_allow_passes(copy: Path, path: str, source: str) -> None:
    """A linter that refuses everything would pass the tests above."""
    assert broken_laws(copy, path, source) == ""


def test_no_file_excuses_itself_from_a_law() -> None:
    """Exceptions are made in the settings, where they are seen, never by a noqa."""
    excused = [
        str(path.relative_to(REPOSITORY))
        for part in (
            "painlessmesh",
            "device",
            "gateway_firmware",
            "node_firmware",
            "custom_components",
        )
        for path in (REPOSITORY / part).rglob("*.py")
        if "noqa: TID251" in path.read_text()
    ]
    assert excused == []
