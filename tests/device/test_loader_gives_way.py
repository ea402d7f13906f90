"""What takes the place of a confirmed application that cannot start, by the loader as a board runs it."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.device import made_bundles as made
from tests.device.real_board import MICROPYTHON, REPOSITORY, RUNS, RealBoard


@pytest.fixture(params=[sys.executable, MICROPYTHON], ids=["cpython", "micropython"])
def board(request: pytest.FixtureRequest, tmp_path: Path) -> RealBoard:
    return RealBoard(tmp_path / "flash", request.param)


def test_a_slot_that_cannot_be_imported_gives_way_to_the_other(board: RealBoard) -> None:
    board.commit(RUNS.format("1.1.0"))
    board.boot()
    board.slots.confirm()
    (board.folder / "b/node/app.py").write_bytes(b"\x00\xff not python")
    ran = [board.boot()[-1] for _ in range(4)]
    assert ran == ["reset", "reset", "reset", "ran 1.0.0"]


def test_a_firmware_that_fails_at_each_start_but_its_first_gives_way(board: RealBoard) -> None:
    board.commit(
        "import os\n"
        "def main():\n"
        "    if 'mine' in os.listdir():\n        raise ValueError('what have I written?')\n"
        "    open('mine', 'w').close()\n"
        "    from device.board import power_off\n    power_off()\n"
    )
    board.boot()
    board.slots.confirm()
    ran = [board.boot()[-1] for _ in range(11)]
    assert ran == ["reset"] * 10 + ["ran 1.0.0"]
    reason = "10 failed starts: ValueError: what have I written? (node/app.py:4)"
    assert board.state["last"]["reason"] == reason


def test_a_configuration_that_cannot_be_used_brings_no_other_firmware(board: RealBoard) -> None:
    board.commit(RUNS.format("1.1.0"))
    board.boot()
    board.slots.confirm()
    no_settings = "def main():\n    from device import config\n    config.load()\n"
    (board.folder / "b/node/app.py").write_text(no_settings)
    shutil.copy(REPOSITORY / "device/config.py", board.folder / "b/device/config.py")
    changed = json.loads((board.folder / "b/manifest.json").read_text())
    for name in ("node/app.py", "device/config.py"):
        changed["files"][name] = made.sha256((board.folder / "b" / name).read_bytes())
    (board.folder / "b/manifest.json").write_text(json.dumps(changed))
    board.slots.adopt("b")
    assert [board.boot()[-1] for _ in range(12)] == ["reset"] * 12
    assert (board.state["active"], board.state["refused"]) == ("b", [])
    assert "There is no config.json" in board.console


def test_a_slot_that_rotted_gives_way_although_it_can_be_imported(board: RealBoard) -> None:
    """A role is imported only when its application runs, as most of the modules are."""
    body = "def main():\n    from roles import pir\n"
    board.commit(body, more={"roles/pir.py": b"from device.board import power_off\npower_off()\n"})
    board.boot()
    board.slots.confirm()
    (board.folder / "b/roles/pir.py").write_bytes(b"\x00\xff not python")
    ran = [board.boot()[-1] for _ in range(4)]
    assert ran == ["reset", "reset", "reset", "ran 1.0.0"]


PARTITIONS = """
class Partitions:
    label, other_label, running, other = "ota_0", "ota_1", None, None
    def state(self, partition):
        return 2
    def go_back(self):
        pass
    def switch(self):
        note("switch")
"""


def test_an_application_in_the_image_gives_way_to_the_other_image_and_not_to_a_bundle(
    tmp_path: Path,
) -> None:
    """On CPython alone, which imports from `.frozen/app` as from any folder. Both slots hold bundles from before."""
    board = RealBoard(tmp_path / "flash", sys.executable)
    board.commit(RUNS.format("1.1.0"))
    board.boot()
    board.slots.confirm()
    stand_in = board.folder / "lib/device/board.py"
    stand_in.write_text(
        stand_in.read_text().replace("return None", "return Partitions()") + PARTITIONS
    )
    for slot in ("ota_0", "ota_1"):
        record = {"proof": slot, "version": "1", "md5": "", "confirmed": True, "boot": 1}
        (board.folder / f"record-{slot}.json").write_text(json.dumps(record))
    frozen = board.folder / ".frozen/app"
    (frozen / "node").mkdir(parents=True)
    (frozen / "image_manifest.py").touch()
    (frozen / "node/app.py").write_text("raise ValueError('always')\n")
    assert [board.boot()[-1] for _ in range(10)] == ["reset"] * 10
    assert board.boot() == ["watchdog 3600000", "switch", "reset"]
    assert board.state["trial"]["slot"] == "ota_1"
    assert (board.state["active"], board.state["refused"]) == ("b", [["ota_0", ""]])
    assert board.state["last"]["reason"].startswith("10 failed starts: ValueError: always")
