"""A real Home Assistant as a process of its own: its configuration folder, its start, its end.

Lives here: the process. Not here: what is said to it over HTTP (home_assistant_client.py).
"""

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path

from simulator.free_port import free_port
from simulator.guardian import Guardian
from simulator.home_assistant_client import HomeAssistantClient

REPOSITORY = Path(__file__).resolve().parent.parent
HASS = REPOSITORY / ".tools" / "venv-demo" / "bin" / "hass"

# The first start of a fresh folder writes caches and takes three times as long as the next ones.
START_SECONDS = 90
STOP_SECONDS = 30
# How long after onboarding it is still adding integrations by itself.
_ADDED_SECONDS = 1

# frontend brings http, websocket_api, config, onboarding, auth and file_upload; nothing of default_config is needed.
_CONFIGURATION = """\
homeassistant:
  name: {name}
  country: DE
  time_zone: UTC
frontend:
logger:
  default: warning
  logs:
    custom_components.mesh_ota: debug
"""


class HomeAssistant:
    """`folder` is the configuration directory; what is in it survives stop, kill and restart."""

    def __init__(
        self, folder: Path, guardian: Guardian, port: int | None = None, name: str = "Mesh OTA demo"
    ) -> None:
        self.folder = folder
        self.program = HASS
        """its start script; that of another environment makes it another release"""
        self.port = port or free_port()
        self.log = folder / "console.log"
        self.client = HomeAssistantClient(self.url)
        self._guardian = guardian
        self._process: asyncio.subprocess.Process | None = None
        self._settling: asyncio.Task[None] | None = None
        (folder / "custom_components").mkdir(parents=True, exist_ok=True)
        component = folder / "custom_components" / "mesh_ota"
        if not component.exists():
            component.symlink_to(REPOSITORY / "custom_components" / "mesh_ota")
        if not (folder / "configuration.yaml").exists():
            (folder / "configuration.yaml").write_text(_CONFIGURATION.format(name=name))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> float:
        """Answers once it can be worked with, in a fresh folder with the owner's account made; the seconds that took."""
        began = time.monotonic()
        environment = os.environ | {"SETUP_PORT": str(self.port), "PYTHONUNBUFFERED": "1"}
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                self.program, "-c", self.folder, env=environment,
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self._guardian.guard(self._process.pid)
        await self._wait_until_it_answers()
        is_fresh = not self.client.has_account
        if is_fresh:
            await self.client.onboard()
        if is_fresh or self._settling is not None:  # a kill has cut it short
            self._settling = asyncio.create_task(self._settle())
        return time.monotonic() - began

    async def _settle(self) -> None:
        """Take out what onboarding adds and needs the internet. Where there is none, it first asks in vain for seconds."""
        await asyncio.sleep(_ADDED_SECONDS)
        await self._wait_until_it_answers()
        await self.client.forget_the_internet()
        self._settling = None

    async def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.returncode is not None:
                raise RuntimeError(f"Home Assistant ended at its start:\n{self.said()[-3000:]}")
            if await self.client.is_running():
                return
            await asyncio.sleep(0.2)
        raise TimeoutError(
            f"Home Assistant did not answer within {START_SECONDS} s:\n{self.said()[-3000:]}"
        )

    async def stop(self) -> None:
        """As a user stops it: it closes its stores and ends by itself."""
        try:
            await self._settled()
        finally:
            await self._end(signal.SIGTERM, STOP_SECONDS)

    async def kill(self) -> None:
        """As a power cut stops it."""
        if self._settling is not None:
            self._settling.cancel()
        await self._end(signal.SIGKILL, STOP_SECONDS)

    async def restart(self) -> float:
        await self.stop()
        return await self.start()

    async def _settled(self) -> None:
        """Until then it does not listen to SIGTERM: it would end without a word and with nothing saved."""
        is_alive = self._process is not None and self._process.returncode is None
        if self._settling is not None and is_alive:
            await self._settling

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    async def _end(self, how: signal.Signals, seconds: float) -> None:
        await self.client.close()
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, how)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        self._guardian.release(process.pid)
