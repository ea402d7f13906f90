"""The detector of blocking calls is on, hears all that is planted, and only what is the integration's on the loop."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from custom_components.mesh_ota.fetch import copy_allowed
from homeassistant.core import HomeAssistant
from homeassistant.util.ssl import get_default_context

from .blocking_calls import INTEGRATION

PLANTED = {
    "builtins.open": "open(path).close()",
    "io.open": "import io; io.open(path).close()",
    "os.open": "import os; os.close(os.open(path, os.O_RDONLY))",
    "os.listdir": "import os; os.listdir(folder)",
    "os.scandir": "import os; os.scandir(folder).close()",
    "os.walk": "import os; list(os.walk(folder))",
    "os.stat": "import os; os.stat(path)",
    "os.replace": "import os; os.replace(path, path)",
    "os.makedirs": "import os; os.makedirs(folder, exist_ok=True)",
    "glob": "import glob; glob.glob(folder)",
    "Path.open": "path.open().close()",
    "Path.read_text": "path.read_text()",
    "Path.read_bytes": "path.read_bytes()",
    "Path.write_text": "path.write_text('')",
    "Path.write_bytes": "path.write_bytes(b'')",
    "Path.exists": "path.exists()",
    "Path.is_file": "path.is_file()",
    "Path.iterdir": "list(path.parent.iterdir())",
    "Path.mkdir": "path.parent.mkdir(exist_ok=True)",
    "Path.unlink": "path.unlink()",
    "Path.replace": "path.replace(path)",
    "shutil.move": "import shutil; shutil.move(path, path)",
    "shutil.copyfile": "import shutil; shutil.copyfile(path, folder + '/copy')",
    "shutil.rmtree": "import shutil; shutil.rmtree(folder)",
    "shutil.disk_usage": "import shutil; shutil.disk_usage(folder)",
    "tarfile.open": "import tarfile; tarfile.open(path, 'w').close()",
    "import_module": "import importlib; importlib.import_module('antigravity')",
}


def planted(code: str, path: Path, file: str = INTEGRATION + "planted.py") -> Callable[[], None]:
    """A function of the integration, as far as anybody can see, that does this."""
    names: dict[str, Any] = {"path": path, "folder": str(path.parent)}
    exec(compile(f"def do():\n    {code}", f"/config/{file}", "exec"), names)
    return names["do"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file to read."""
    (tmp_path / "some").mkdir()
    path = tmp_path / "some" / "file"
    path.write_text("text")
    return path


@pytest.mark.parametrize("code", PLANTED.values(), ids=PLANTED)
async def test_a_planted_call_is_heard(blocking_calls: list[str], path: Path, code: str):
    planted(code, path)()
    assert blocking_calls
    assert all("custom integration 'mesh_ota'" in said for said in blocking_calls)
    blocking_calls.clear()


async def test_a_planted_sleep_is_heard_also_where_its_error_is_swallowed(
    blocking_calls: list[str], path: Path
):
    with pytest.raises(RuntimeError, match="sleep"):
        planted("import time; time.sleep(0)", path)()
    assert len(blocking_calls) == 1
    blocking_calls.clear()


async def test_a_call_is_heard_in_every_test_though_it_was_heard_before(
    blocking_calls: list[str], path: Path
):
    planted("open(path).close()", path)()
    assert len(blocking_calls) == 1
    blocking_calls.clear()


async def test_a_call_below_a_component_of_home_assistant_is_heard(
    blocking_calls: list[str], path: Path
):
    ours = planted("component()", path)
    ours.__globals__["component"] = planted(
        "open(path).close()", path, "homeassistant/components/file_upload/__init__.py"
    )
    ours()
    assert len(blocking_calls) == 1
    blocking_calls.clear()


async def test_a_function_of_ours_that_blocks_is_heard_on_the_loop(
    hass: HomeAssistant, blocking_calls: list[str], path: Path
):
    hass.config.allowlist_external_dirs = {str(path.parent)}
    copy_allowed(hass, str(path), path.parent / "copy")
    assert any("copy_allowed" in said for said in blocking_calls)
    blocking_calls.clear()


async def test_the_same_in_the_executor_is_nothing(
    hass: HomeAssistant, blocking_calls: list[str], path: Path
):
    hass.config.allowlist_external_dirs = {str(path.parent)}
    await hass.async_add_executor_job(copy_allowed, hass, str(path), path.parent / "copy")
    await asyncio.to_thread(planted("open(path).close()", path))
    assert not blocking_calls


async def test_what_a_test_reads_itself_is_nothing(blocking_calls: list[str], path: Path):
    assert path.read_text() == "text"  # noqa: ASYNC240  that is the point
    assert get_default_context() is not None
    assert not blocking_calls


def test_where_no_loop_runs_nothing_is_heard(blocking_calls: list[str], path: Path):
    planted("open(path).close()", path)()
    assert not blocking_calls


def test_a_call_that_was_heard_fails_the_test():
    """In a run of its own, of a test that asks for nothing."""
    file = Path(__file__).with_name("planted_call.py")
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)]
    done = subprocess.run(
        run, cwd=file.parents[2], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "Detected blocking call to open" in done.stdout
    assert "1 passed, 1 error" in done.stdout
