"""scripts/demo as a person starts and ends it."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

REPOSITORY = Path(__file__).parents[2]


@dataclass
class Ended:
    """What a demo that ended by itself has left: its exit code, its words, its processes."""

    code: int
    said: str
    left: list[str]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def once(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[asyncio.Task[Ended]]:
    """The whole update without a hand, beside the other test: both mostly wait."""
    running = asyncio.create_task(run_once(tmp_path_factory.mktemp("once")))
    yield running
    running.cancel()
    await asyncio.wait([running])


async def run_once(folder: Path) -> Ended:
    demo = await started("--once", "--dir", folder / "demo")
    try:
        assert demo.stdout
        said = await demo.stdout.read()
        return Ended(await demo.wait(), said.decode(), processes_of(folder))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(demo.pid, signal.SIGINT)


async def started(*words: str | Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        REPOSITORY / "scripts" / "demo", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


@pytest.mark.usefixtures("once")
async def test_the_demo_shows_the_way_in_and_ctrl_c_ends_everything_it_started(
    tmp_path: Path,
) -> None:
    demo = await started("--dir", tmp_path / "demo")
    try:
        said = await asyncio.wait_for(until_said(demo, "Ctrl-C ends it all"), 500)
        url = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert url
        assert "login            demo" in said
        await serves(url[0])
        assert len(processes_of(tmp_path)) == 9, "Home Assistant and eight boards"
    finally:
        os.killpg(demo.pid, signal.SIGINT)  # what a terminal sends on Ctrl-C
        code = await asyncio.wait_for(demo.wait(), 60)
    assert code == 0
    assert processes_of(tmp_path) == []


async def test_once_updates_every_node_with_its_proof_and_leaves_nothing_running(
    once: asyncio.Task[Ended],
) -> None:
    ended = await asyncio.wait_for(once, 300)
    assert ended.code == 0, ended.said
    proved = re.findall(r"^\S+ +\S+ +1\.0\.0 +1\.1\.0 +[0-9a-f]{8,}", ended.said, re.MULTILINE)
    assert len(proved) == 7, ended.said
    assert ended.left == []


async def until_said(demo: asyncio.subprocess.Process, sentence: str) -> str:
    assert demo.stdout
    said = ""
    while sentence not in said:
        line = await demo.stdout.readline()
        assert line, f"the demo ended: {said}"
        said += line.decode()
    return said


async def serves(url: str) -> None:
    """The frontend and the login that the demo has printed."""
    async with aiohttp.ClientSession() as browser:
        async with browser.get(url) as page:
            assert "Home Assistant" in await page.text()
        client = {
            "client_id": url + "/",
            "redirect_uri": url + "/",
            "handler": ["homeassistant", None],
        }
        async with browser.post(url + "/auth/login_flow", json=client) as flow:
            step = f"{url}/auth/login_flow/{(await flow.json())['flow_id']}"
        typed = {"client_id": url + "/", "username": "demo", "password": "demo-demo"}
        async with browser.post(step, json=typed) as answer:
            assert (await answer.json())["type"] == "create_entry"


def processes_of(folder: Path) -> list[str]:
    """Command lines of what runs out of this folder: each board and Home Assistant name it."""
    lines = command_lines()
    return [line for line in lines if str(folder) in line and "simulator.demo" not in line]


def command_lines() -> list[str]:
    """Of all processes; a bare Debian has no ps, macOS no /proc."""
    if not Path("/proc/self").exists():
        return subprocess.check_output(["ps", "-axww", "-o", "command="], text=True).splitlines()
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # ended meanwhile
            lines.append((process / "cmdline").read_text(errors="replace").replace("\0", " "))
    return lines
