"""board.py on MicroPython's unix port against the fakes of network, machine, esp32 and dht: each claim of radio_facts."""

import ast
import os
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
FACTS = Path(__file__).with_name("radio_facts.py")
CLAIMS = [
    node.name
    for node in ast.parse(FACTS.read_text()).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
]
RUN = "import sys; sys.path[:0] = ['simulator/hardware', '.']; from tests.device import radio_facts; radio_facts.{}()"


@pytest.mark.parametrize("claim", CLAIMS)
def test_on_micropython(claim: str, tmp_path: Path) -> None:
    board, air = tmp_path / "board", tmp_path / "air"
    board.mkdir()
    air.mkdir()
    (board / "mac").write_text("240ada728050")
    ended = subprocess.run(
        [REPOSITORY / ".tools/bin/micropython", "-c", RUN.format(claim)],
        cwd=REPOSITORY,
        env={**os.environ, "MESH_BOARD": str(board), "MESH_AIR": str(air)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
