"""The firmware library in dialogs: a real upload, its passport, the library after it."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.mesh_ota.const import DOMAIN, IMAGE_MAX
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from .conftest import Upload
from .gateway_client import GatewayClient
from .images import bundle, esp_image

NODE = "2222222222"
LED = "3333333333"
FIRMWARE = "/api/mesh_ota/v1/firmware"

pytestmark = pytest.mark.usefixtures("checked_translations")


@pytest.fixture
def staged_in(hass: HomeAssistant) -> Path:
    """Where the dialogs keep an upload until it is confirmed."""
    return Path(hass.config.path(".storage", DOMAIN))


def left_in(folder: Path) -> list[Path]:
    """Uploads that are not in the library."""
    return list(folder.glob("*.part"))


async def menu(hass: HomeAssistant, entry: MockConfigEntry, *choices: str) -> ConfigFlowResult:
    """Open the entry's options and choose."""
    flow = await hass.config_entries.options.async_init(entry.entry_id)
    for choice in choices:
        flow = await submit(hass, flow, {"next_step_id": choice})
    return flow


async def submit(hass: HomeAssistant, flow: Any, fields: dict[str, Any]) -> ConfigFlowResult:
    """Submit a page."""
    return await hass.config_entries.options.async_configure(flow["flow_id"], fields)


async def send_file(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, content: bytes, name: str
) -> str:
    """What the file selector does: upload, and get an id."""
    form = FormData()
    form.add_field("file", content, filename=name)
    answer = await (await hass_client()).post("/api/file_upload", data=form)
    assert answer.status == 200
    return (await answer.json())["file_id"]


async def library(hass_client: ClientSessionGenerator) -> list[dict[str, Any]]:
    """The library as the HTTP API shows it."""
    return await (await (await hass_client()).get(FIRMWARE)).json()


async def test_a_file_is_shown_before_it_is_kept(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    caller: GatewayClient,
    hass_client: ClientSessionGenerator,
    staged_in: Path,
):
    """The passport says what it is and which nodes it fits, and for the others why not."""
    passing = "4000000000"
    await caller.report(tree=[[each, caller.gateway_id] for each in (NODE, LED, passing)])
    await caller.report_node(NODE)
    await caller.report_node(LED, type="led", name="<b>[porch](http://x)")
    flow = await menu(hass, paired, "upload")
    file_id = await send_file(hass, hass_client, bundle(version="1.1.0"), "pir-1.1.0.tar")
    flow = await submit(hass, flow, {"file": file_id})
    assert (flow["type"], flow["step_id"]) == (FlowResultType.FORM, "passport")
    shown = flow["description_placeholders"]
    assert (shown["kind"], shown["runtime"]) == ("Application bundle", "MicroPython")
    assert shown["firmware"] == "pir 1.1.0"
    assert f"✅ hall ({NODE})" in shown["nodes"]
    assert passing not in shown["nodes"]
    (other,) = [line for line in shown["nodes"].splitlines() if LED in line]
    assert other.startswith("- ❌")
    assert other.endswith("its type is led")
    assert not set("<[]>") & set(other)
    assert await library(hass_client) == []
    assert [str(key) for key in flow["data_schema"].schema] == ["release_notes", "is_stable"]
    flow = await submit(hass, flow, {"release_notes": "Cats.", "is_stable": True})
    assert (flow["type"], flow["reason"]) == (FlowResultType.ABORT, "firmware_added")
    (kept,) = await library(hass_client)
    assert (kept["node_type"], kept["version"]) == ("pir", "1.1.0")
    assert (kept["release_notes"], kept["is_stable"]) == ("Cats.", True)
    assert kept["filename"] == "pir-1.1.0.tar"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not left_in(staged_in)


@pytest.mark.parametrize(
    "content",
    [b"", b"not a firmware at all", bundle(version="1.1.0")[:700], b"\xe9\x01" + bytes(64)],
)
async def test_a_bad_file_is_refused_with_a_sentence_and_another_can_be_chosen(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    staged_in: Path,
    content: bytes,
):
    """Nothing of it stays."""
    flow = await menu(hass, paired, "upload")
    file_id = await send_file(hass, hass_client, content, "oops.bin")
    flow = await submit(hass, flow, {"file": file_id})
    assert (flow["step_id"], flow["errors"]) == ("upload", {"base": "refused"})
    assert " " in flow["description_placeholders"]["reason"]
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not left_in(staged_in)
    file_id = await send_file(hass, hass_client, bundle(version="1.1.0"), "pir.tar")
    flow = await submit(hass, flow, {"file": file_id})
    flow = await submit(hass, flow, {"is_stable": False})
    assert flow["reason"] == "firmware_added"


async def test_an_upload_that_is_gone_can_be_repeated(
    hass: HomeAssistant, paired: MockConfigEntry, hass_client: ClientSessionGenerator
):
    """A dialog that stayed open over a restart holds the id of a file that is no more."""
    await send_file(hass, hass_client, b"x", "x.bin")
    flow = await menu(hass, paired, "upload")
    flow = await submit(hass, flow, {"file": "0" * 32})
    assert flow["errors"] == {"base": "refused"}
    assert "no longer there" in flow["description_placeholders"]["reason"]
    file_id = await send_file(hass, hass_client, bundle(), "pir.tar")
    assert (await submit(hass, flow, {"file": file_id}))["step_id"] == "passport"


async def test_a_file_larger_than_any_image_is_refused_before_it_is_moved(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    staged_in: Path,
):
    """Home Assistant's own upload takes 100 MiB; no flash does."""
    flow = await menu(hass, paired, "upload")
    file_id = await send_file(hass, hass_client, bytes(IMAGE_MAX + 1), "huge.bin")
    flow = await submit(hass, flow, {"file": file_id})
    assert "larger than 16 MiB" in flow["description_placeholders"]["reason"]
    assert not left_in(staged_in)


@pytest.mark.parametrize("broken", ["folder", "disk"])
async def test_a_storage_that_cannot_be_written_is_named(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    staged_in: Path,
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
):
    """Whoever administers the disk is told, and can try again in the same dialog."""
    flow = await menu(hass, paired, "upload")
    file_id = await send_file(hass, hass_client, bundle(version="1.1.0"), "pir.tar")
    with monkeypatch.context() as patch:
        patch.setattr("shutil.move" if broken == "disk" else "pathlib.Path.mkdir", fail_to_write)
        flow = await submit(hass, flow, {"file": file_id})
    assert "Read-only file system" in flow["description_placeholders"]["reason"]
    file_id = await send_file(hass, hass_client, bundle(version="1.1.0"), "pir.tar")
    flow = await submit(hass, flow, {"file": file_id})
    assert flow["step_id"] == "passport"


def fail_to_write(*_args: object, **_more: object) -> None:
    """What a disk says that was mounted anew after an error."""
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


async def test_a_duplicate_is_refused_and_mended_in_the_same_dialog(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    upload: Upload,
    hass_client: ClientSessionGenerator,
):
    """Type, version and hardware name a firmware; the page stays, with what was typed."""
    await upload("pir", "1.1.0")
    flow = await menu(hass, paired, "upload")
    file_id = await send_file(hass, hass_client, bundle(version="1.1.0"), "pir.tar")
    flow = await submit(hass, flow, {"file": file_id})
    fields = {"is_stable": False}
    flow = await submit(hass, flow, fields)
    assert (flow["step_id"], flow["errors"]) == ("passport", {"base": "refused"})
    assert "1.1.0" in flow["description_placeholders"]["reason"]
    (firmware,) = await library(hass_client)
    client = await hass_client()
    assert (await client.delete(f"{FIRMWARE}/{firmware['id']}")).status == 200
    assert (await submit(hass, flow, fields))["reason"] == "firmware_added"


async def test_closing_the_dialog_deletes_the_upload(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    staged_in: Path,
):
    """Somebody looked at the passport and thought better of it."""
    flow = await menu(hass, paired, "upload")
    file_id = await send_file(hass, hass_client, bundle(), "pir.tar")
    flow = await submit(hass, flow, {"file": file_id})
    assert left_in(staged_in)
    hass.config_entries.options.async_abort(flow["flow_id"])
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not left_in(staged_in)
    assert await library(hass_client) == []


async def test_an_image_of_unknown_runtime_asks_for_it(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    hass_client: ClientSessionGenerator,
):
    """An ESP32 image does not say its type or version, and this one not even what it runs."""
    flow = await menu(hass, paired, "upload")
    file_id = await send_file(hass, hass_client, esp_image(b"?"), "sketch.bin")
    flow = await submit(hass, flow, {"file": file_id})
    assert flow["step_id"] == "passport"
    fields = [str(key) for key in flow["data_schema"].schema]
    assert fields == ["node_type", "version", "runtime", "release_notes", "is_stable"]
    flow = await submit(
        hass,
        flow,
        {"node_type": "dht", "version": "2.0", "runtime": "arduino", "is_stable": False},
    )
    assert flow["reason"] == "firmware_added"
    (kept,) = await library(hass_client)
    assert (kept["kind"], kept["runtime"], kept["chip"]) == ("esp-image", "arduino", "esp32")


async def test_an_image_for_the_esp8266_is_named_by_whoever_uploads_it(
    hass: HomeAssistant, paired: MockConfigEntry, hass_client: ClientSessionGenerator
):
    """It begins like an image for the ESP32 and would be refused as a damaged one."""
    content = b"\xe9\x01\x02\x40" + bytes(4) + bytes(8) + bytes(64)
    flow = await menu(hass, paired, "upload")
    file_id = await send_file(hass, hass_client, content, "sketch.bin")
    flow = await submit(hass, flow, {"file": file_id, "is_esp8266": True})
    assert flow["description_placeholders"]["chip"] == "ESP8266"
    flow = await submit(hass, flow, {"node_type": "dht", "version": "2.0", "is_stable": False})
    assert flow["reason"] == "firmware_added"
    (kept,) = await library(hass_client)
    assert (kept["hardware"], kept["runtime"]) == ("ESP8266", "arduino")


async def test_firmware_is_marked_stable_and_its_notes_are_edited(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    upload: Upload,
    hass_client: ClientSessionGenerator,
):
    """The form shows what is there."""
    firmware = await upload("pir", "1.1.0", release_notes="Dogs.")
    flow = await menu(hass, paired, "manage")
    flow = await submit(hass, flow, {"firmware_id": str(firmware["id"])})
    assert flow["type"] is FlowResultType.MENU
    flow = await submit(hass, flow, {"next_step_id": "edit"})
    suggested = {str(key): key.description["suggested_value"] for key in flow["data_schema"].schema}
    assert suggested == {"is_stable": False, "release_notes": "Dogs."}
    flow = await submit(hass, flow, {"is_stable": True, "release_notes": "Cats."})
    assert flow["reason"] == "firmware_changed"
    (kept,) = await library(hass_client)
    assert (kept["is_stable"], kept["release_notes"]) == (True, "Cats.")


async def test_notes_that_are_too_long_are_refused_and_can_be_shortened(
    hass: HomeAssistant, paired: MockConfigEntry, upload: Upload
):
    """With the sentence of the library."""
    firmware = await upload("pir", "1.1.0")
    flow = await menu(hass, paired, "manage")
    flow = await submit(hass, flow, {"firmware_id": str(firmware["id"])})
    flow = await submit(hass, flow, {"next_step_id": "edit"})
    flow = await submit(hass, flow, {"is_stable": True, "release_notes": "x" * 20_000})
    assert (flow["step_id"], flow["errors"]) == ("edit", {"base": "refused"})
    flow = await submit(hass, flow, {"is_stable": True, "release_notes": "x"})
    assert flow["reason"] == "firmware_changed"


async def test_firmware_is_deleted_after_one_more_question(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    upload: Upload,
    hass_client: ClientSessionGenerator,
):
    """Then it is gone."""
    firmware = await upload("pir", "1.1.0")
    flow = await menu(hass, paired, "manage")
    flow = await submit(hass, flow, {"firmware_id": str(firmware["id"])})
    flow = await submit(hass, flow, {"next_step_id": "delete"})
    assert (flow["type"], flow["step_id"]) == (FlowResultType.FORM, "delete")
    flow = await submit(hass, flow, {})
    assert flow["reason"] == "firmware_deleted"
    assert await library(hass_client) == []


async def test_firmware_that_a_job_needs_is_not_deleted_before_the_job_has_ended(
    hass: HomeAssistant, paired: MockConfigEntry, caller: GatewayClient, upload: Upload
):
    """The dialog says so, and works once the job is cancelled."""
    await caller.report_node(NODE)
    firmware = await upload("pir", "1.1.0")
    job = await hass.services.async_call(
        DOMAIN,
        "create_job",
        {"firmware_id": firmware["id"]},
        blocking=True,
        return_response=True,
    )
    flow = await menu(hass, paired, "manage")
    flow = await submit(hass, flow, {"firmware_id": str(firmware["id"])})
    flow = await submit(hass, flow, {"next_step_id": "delete"})
    flow = await submit(hass, flow, {})
    assert (flow["step_id"], flow["errors"]) == ("delete", {"base": "refused"})
    await hass.services.async_call(DOMAIN, "cancel_job", {"job_id": job["id"]}, blocking=True)
    assert (await submit(hass, flow, {}))["reason"] == "firmware_deleted"


async def test_an_empty_library_says_so(hass: HomeAssistant, paired: MockConfigEntry):
    """There is nothing to choose from."""
    flow = await menu(hass, paired, "manage")
    assert (flow["type"], flow["reason"]) == (FlowResultType.ABORT, "library_empty")


@pytest.mark.parametrize("choice", [None, "edit", "delete"])
async def test_firmware_deleted_by_somebody_else_meanwhile_is_said_to_be_gone(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    upload: Upload,
    hass_client: ClientSessionGenerator,
    choice: str | None,
):
    """Two administrators, one library."""
    firmware = await upload("pir", "1.1.0")
    await upload("pir", "1.2.0")
    client = await hass_client()
    flow = await menu(hass, paired, "manage")
    if choice is None:
        await client.delete(f"{FIRMWARE}/{firmware['id']}")
        flow = await submit(hass, flow, {"firmware_id": str(firmware["id"])})
    else:
        flow = await submit(hass, flow, {"firmware_id": str(firmware["id"])})
        await client.delete(f"{FIRMWARE}/{firmware['id']}")
        flow = await submit(hass, flow, {"next_step_id": choice})
    assert (flow["type"], flow["reason"]) == (FlowResultType.ABORT, "firmware_gone")


async def test_a_page_for_hundreds_of_nodes_stays_readable(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    caller: GatewayClient,
    hass_client: ClientSessionGenerator,
):
    """The rest is counted."""
    for number in range(1, 41):
        await caller.report_node(str(number))
    flow = await menu(hass, paired, "upload")
    file_id = await send_file(hass, hass_client, bundle(), "pir.tar")
    flow = await submit(hass, flow, {"file": file_id})
    lines = flow["description_placeholders"]["nodes"].splitlines()
    assert len(lines) == 31
    assert "11" in lines[-1]
