"""From an empty Home Assistant to a node that runs a new version, with nothing but a browser."""

import asyncio
import time
from pathlib import Path

from simulator import firmware
from simulator.home_assistant_client import USER_LOGIN, USER_PASSWORD
from simulator.stage import Stage
from tests.browser.frontend import Frontend
from tests.browser.registry import device_id, update_dialog

NEW = "1.1.0"
NOTES = """\
### A lamp that tells the version

- Lights a lamp on GPIO22, so that you can see from afar which nodes run this version.
- Nothing else has changed.
"""
# A bundle of 90 kB goes over in eight seconds: long enough to see the bar move.
_BYTES_PER_SECOND = 12_000
# On a busy computer; a part that is lost costs 30 s, a trial up to 120 s.
_ROLLOUT_SECONDS = 240


async def test_a_person_pairs_a_gateway_uploads_a_firmware_and_sees_a_node_prove_it(
    stage: Stage, frontend: Frontend, tmp_path: Path
) -> None:
    await frontend.log_in(USER_LOGIN, USER_PASSWORD)
    await add_gateway(stage, frontend)
    await upload(frontend, await new_version(tmp_path))
    percentages = await install_on_hall(stage, frontend)
    assert len(percentages) > 2 and percentages == sorted(percentages)
    await frontend.sees("Up-to-date", _ROLLOUT_SECONDS)
    # Nothing calls it so while the new version is on trial.
    assert await frontend.installing() is None
    await frontend.keep("updated")
    assert (await stage.entities())["hall"].installed == NEW
    assert stage.mesh.nodes["hall"].pin(firmware.LIT_BY_NEW_VERSION) == 1
    await look_at_the_device(stage, frontend)


async def new_version(folder: Path) -> Path:
    path = folder / f"pir-{NEW}.tar"
    path.write_bytes(await asyncio.to_thread(firmware.with_new_behaviour, "pir", NEW))
    return path


async def add_gateway(stage: Stage, frontend: Frontend) -> None:
    """With a mistyped key first, as it happens."""
    await frontend.begin_adding("Mesh OTA")
    await frontend.sees("Connect a gateway")
    await frontend.keep("setup-key")
    # The check character itself: of other typing errors it lets one in 32 pass.
    await frontend.enter_setup_key(
        stage.setup_key[:-1] + ("B" if stage.setup_key[-1] == "A" else "A")
    )
    await frontend.sees("at least one character is mistyped")
    await frontend.enter_setup_key(stage.setup_key)
    await frontend.press("Skip and finish")
    await stage.wait_for_all_nodes(90)
    await frontend.open("/config/integrations/integration/mesh_ota")
    await frontend.sees("8 devices")
    await frontend.keep("integration")


async def upload(frontend: Frontend, path: Path) -> None:
    await frontend.open_library()
    await frontend.sees("Firmware and updates")
    await frontend.keep("library")
    await frontend.choose("Upload firmware")
    await frontend.sees("Or drop your file here")
    await frontend.keep("upload")
    await frontend.give_file(path)
    await frontend.sees("Application bundle")
    await frontend.sees("garage")
    await frontend.keep("passport")
    await frontend.write_notes(NOTES)
    await frontend.press("Submit")
    await frontend.sees(f"pir {NEW} (ESP32-MPY, #1) is in the library")


async def install_on_hall(stage: Stage, frontend: Frontend) -> list[int]:
    """Press Update in the node's dialog; the percentages that were seen on the way."""
    for wire in stage.mesh.air.wires.values():
        wire.rate = _BYTES_PER_SECOND
    await frontend.open(await update_dialog(stage, "hall"))
    await frontend.sees("A lamp that tells the version")
    await frontend.keep("update-available")
    await frontend.press("Update")
    percentages = [await next_percentage(frontend, 0)]
    while percentages[-1] < 40:
        percentages.append(await next_percentage(frontend, percentages[-1]))
    await frontend.keep("update-dialog")
    while (seen := await next_percentage(frontend, percentages[-1])) < 100:
        percentages.append(seen)
    for wire in stage.mesh.air.wires.values():
        wire.rate = None
    return percentages


async def next_percentage(frontend: Frontend, after: int) -> int:
    """Wait until the dialog shows more than this; 100 also for when it has ended."""
    deadline = time.monotonic() + _ROLLOUT_SECONDS
    while True:
        seen = await frontend.installing()
        if seen is not None and seen > after:
            return seen
        if seen is None and after:
            return 100
        assert time.monotonic() < deadline, f"the dialog has shown {seen} % all the time"
        await asyncio.sleep(0.1)


async def look_at_the_device(stage: Stage, frontend: Frontend) -> None:
    await frontend.open(f"/config/devices/device/{await device_id(stage, 'hall')}")
    await frontend.sees(f"Firmware: {NEW}")
    await frontend.sees(f"was updated to {NEW}.")
    await frontend.sees(f"begins the update to {NEW}.")
    await frontend.keep("device")
