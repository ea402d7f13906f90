"""The loader as a board runs it: boot.py, main.py, a real folder for a flash, on both Pythons.

Each boot is a process of its own. Only `lib/device/board.py` is a stand-in, which keeps a diary; the
applications are made so that each fails in its own way.
"""

import shutil
import sys
from pathlib import Path

import pytest

from tests.device.real_board import MICROPYTHON, RUNS, RealBoard


@pytest.fixture(params=[sys.executable, MICROPYTHON], ids=["cpython", "micropython"])
def board(request: pytest.FixtureRequest, tmp_path: Path) -> RealBoard:
    return RealBoard(tmp_path / "flash", request.param)


def test_the_watchdog_is_on_before_the_application_starts(board: RealBoard) -> None:
    assert board.boot() == ["watchdog 3600000", "sleep 2", "watchdog 30000", "ran 1.0.0"]


def test_the_application_gets_the_modules_of_its_own_slot(board: RealBoard) -> None:
    board.commit(
        "import device.board, device\n"
        "def main():\n"
        "    device.board.note('from', device.board.__file__)\n"
        "    device.board.power_off()\n"
    )
    assert board.boot()[-1].endswith("b/device/board.py")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise ValueError('no such pin')", "ValueError: no such pin"),
        ("def main(:", "SyntaxError"),
        ("import nonsense", "nonsense"),
        ("x = 1", "main"),
        ("def main():\n    pass", "The application ended."),
        ("def main():\n    1 // 0", "ZeroDivisionError"),
        ("def main():\n    main()", "recursion"),
        ("def main():\n    raise BaseException('everything')", "BaseException: everything"),
        ("def main():\n    raise ValueError('x' * 500)", "ValueError: xxx"),
        ("import sys\ndef main():\n    sys.exit()", "SystemExit"),
        ("def main():\n    raise ValueError('x\\n  File \"y')", "ValueError: x"),
        (
            "class Mute(Exception):\n    def __str__(self):\n        return 1 / 0\n\ndef main():\n    raise Mute('x')",
            "Mute",
        ),
        ("raise SystemExit('enough')", "SystemExit: enough"),
    ],
)
def test_an_application_that_ends_by_itself_is_refused(
    board: RealBoard, body: str, reason: str
) -> None:
    board.commit(body)
    assert board.boot()[-1] == "reset"
    last = board.state["last"]
    assert last["outcome"] == "refused"
    assert reason in last["reason"]
    assert len(last["reason"]) <= 120
    assert board.boot()[-1] == "ran 1.0.0"


def test_the_reason_says_where(board: RealBoard) -> None:
    board.commit("def main():\n    start()\n\ndef start():\n    raise OSError(19)\n")
    board.boot()
    assert board.state["last"]["reason"].endswith(" (node/app.py:5)")


def test_the_reason_names_the_source_where_modules_were_made_one(board: RealBoard) -> None:
    """scripts/firmware/merged.py; the file beside the whole says where each module of it begins."""
    body = "def main():\n    start()\n\ndef start():\n    raise OSError(19)\n"
    board.commit(body, {"node/app.lines": b"1 device/wifi.py\n4 node/updater.py\n6 node/app.py\n"})
    board.boot()
    assert board.state["last"]["reason"].endswith(" (node/updater.py:2)")


def test_a_trial_that_eats_all_memory_is_refused(board: RealBoard) -> None:
    hog = "held = []\ndef main():\n    while True:\n        held.append(bytearray(1000))\n"
    if board.python != MICROPYTHON:
        hog = "def main():\n    raise MemoryError\n"
    board.commit(hog)
    assert board.boot()[-1] == "reset"
    assert "MemoryError" in board.state["last"]["reason"]
    assert board.boot()[-1] == "ran 1.0.0"


def test_the_factory_copy_cleans_up_after_a_slot_whose_own_copy_is_broken(board: RealBoard) -> None:
    body = (
        "import sys\n"
        "class Broken:\n"
        "    def __getattr__(self, name):\n        raise ValueError('broken')\n"
        "def main():\n"
        "    for name in list(sys.modules):\n"
        "        if name.startswith('device'):\n            sys.modules[name] = Broken()\n"
        "    sys.path.clear()\n"
        "    raise ValueError('the end')\n"
    )
    board.commit(body)
    assert board.boot()[-1] == "reset"
    assert board.state["last"]["outcome"] == "refused"


def test_a_restart_that_the_application_asks_for_is_no_crash(board: RealBoard) -> None:
    board.commit("from device.board import Board\ndef main():\n    Board().reset()\n")
    assert board.boot()[-1] == "reset"
    assert board.state["last"]["outcome"] == "trial"
    assert board.boot()[-1] == "reset"
    assert "Try 2 of 4" in board.state["last"]["reason"]


def test_a_confirmed_application_that_crashes_restarts_ever_more_slowly(board: RealBoard) -> None:
    (board.folder / "a/node/app.py").write_text("def main():\n    raise ValueError('always')\n")
    delays = [board.boot().count("sleep 1") for _ in range(3)]
    assert delays == [2, 4, 8]
    diary = board.boot("hard")
    assert diary.count("feed") == 16
    assert diary[-1] == "reset"
    assert board.state["active"] == "a"


def test_ctrl_c_leaves_the_board_at_the_repl_with_an_hour_to_work(board: RealBoard) -> None:
    (board.folder / "a/node/app.py").write_text("def main():\n    raise KeyboardInterrupt\n")
    assert board.boot() == ["watchdog 3600000", "sleep 2", "watchdog 30000", "watchdog 3600000"]


def test_a_flash_that_cannot_be_written_still_boots_what_is_confirmed(board: RealBoard) -> None:
    board.commit(RUNS.format("1.1.0"))
    (board.folder / "slots.json.tmp").mkdir()
    assert board.boot()[-1] == "ran 1.0.0"


def test_a_board_without_any_firmware_says_so_and_restarts_slowly(board: RealBoard) -> None:
    shutil.rmtree(board.folder / "a")
    diary = board.boot()
    assert diary[-1] == "reset"
    assert diary.count("sleep 1") == 2
    assert "ImportError" in board.console or "ModuleNotFoundError" in board.console
