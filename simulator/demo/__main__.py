"""The demo's command line: opens the stage, plays one of its two pieces, and ends every process it started."""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

from simulator import home_assistant_client as account
from simulator.demo.rollout import NEW, OLD, run_once
from simulator.free_port import free_port
from simulator.stage import Stage

_USUAL_PORT = 8123

_INVITATION = """
Home Assistant   {url}
login            {login}
password         {password}

{count} nodes run {old}, version {new} of each type is in the library. Try this:
  * Settings > Devices & services > Mesh OTA: the gateway and its nodes.
  * Settings: the updates stand at the top. Open one, press Update, and watch it go over the mesh; or press Update all.
  * Press the button of the bedroom:   echo 0 > {pins}
  * Read what a board says:            tail -f {consoles}
Ctrl-C ends it all.
"""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description="A simulated house and a real Home Assistant."
    )
    parser.add_argument(
        "--once", action="store_true", help="update every node without a hand, and end"
    )
    parser.add_argument("--dir", type=Path, help="keep everything in this (new or empty) folder")
    parser.add_argument(
        "--port",
        type=int,
        help="Home Assistant's port; default: 8123 if it is free, with --once any",
    )
    return parser.parse_args()


async def _play(options: argparse.Namespace, folder: Path) -> int:
    began = time.monotonic()
    # Two runs that nobody looks at may start at the same moment, and must not meet on one port.
    stage = Stage(folder, options.port or free_port(0 if options.once else _USUAL_PORT))
    try:
        print("Starting Home Assistant and a house of eight boards.", flush=True)
        await stage.open()
        print(f"They know each other after {time.monotonic() - began:.0f} s.", flush=True)
        if options.once:
            code = await run_once(stage)
            print(f"It took {time.monotonic() - began:.0f} s.")
            return code
        await stage.upload_new_versions(NEW)
        _invite(stage)
        await asyncio.Event().wait()
        return 0
    finally:
        await stage.close(keep=options.dir is not None)


def _invite(stage: Stage) -> None:
    boards = stage.mesh.folder / "boards"
    print(
        _INVITATION.format(
            url=stage.home_assistant.url,
            login=account.USER_LOGIN,
            password=account.USER_PASSWORD,
            count=len(stage.mesh.nodes),
            old=OLD,
            new=NEW,
            pins=boards / "bedroom" / "parts" / "pins" / "0",
            consoles=boards / "hall" / "console.log",
        ),
        flush=True,
    )


async def _run(options: argparse.Namespace) -> int:
    folder = options.dir.resolve() if options.dir else Path(tempfile.mkdtemp(prefix="mesh-ota-"))
    playing = asyncio.ensure_future(_play(options, folder))
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(name, playing.cancel)
    try:
        return await playing
    except asyncio.CancelledError:
        print("Ended.")
        return 130 if options.once else 0
    except (OSError, RuntimeError, aiohttp.ClientError) as error:
        print(f"The demo could not go on: {error}", file=sys.stderr)
        return 1


sys.exit(asyncio.run(_run(_options())))
