"""The blueprints, loaded into Home Assistant as a user imports them, and run in a house with a gateway that calls."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from freezegun.api import FrozenDateTimeFactory
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.mesh_ota.hub import MeshOta
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.components.blueprint.schemas import BLUEPRINT_SCHEMA
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict

from .conftest import GATEWAY_ID, Upload
from .gateway_client import GatewayClient

FOLDER = Path(__file__).parents[2] / "blueprints" / "automation" / "mesh_ota"
FILES = sorted(FOLDER.glob("*.yaml"))
NODE, SECOND = "2222222222", "3333333333"
EVENING = "2030-06-01 20:00:00+00:00"  # ahead of whatever day it is
EVENT = f"event.gateway_{GATEWAY_ID}_update"

type Use = Callable[..., Awaitable[None]]
type Said = list[dict[str, Any]]


@pytest.fixture
def said(hass: HomeAssistant) -> Said:
    """What the notification said, each time."""
    heard: Said = []

    async def hear(call: Any) -> None:
        heard.append(dict(call.data))

    hass.services.async_register("persistent_notification", "create", hear)
    return heard


@pytest.fixture
async def use(
    hass: HomeAssistant, config_dir: Path, caller: GatewayClient, said: Said
) -> AsyncIterator[Use]:
    """Make an automation of a blueprint: `await use("name", input=…)`, in a house with two nodes."""
    await hass.config.async_set_time_zone("UTC")
    await caller.report(tree=[[NODE, GATEWAY_ID], [SECOND, NODE]])
    await caller.report_node(NODE)
    await caller.report_node(SECOND, name="attic")
    await hass.async_block_till_done()
    shutil.copytree(FOLDER, config_dir / "blueprints" / "automation" / "mesh_ota")

    async def make(name: str, **given: Any) -> None:
        blueprint = {"path": f"mesh_ota/{name}.yaml", "input": given}
        automation = {"alias": name, "use_blueprint": blueprint}
        assert await async_setup_component(hass, "automation", {"automation": [automation]})
        await hass.async_block_till_done()
        assert hass.states.get(f"automation.{name}").state == "on"

    yield make
    # Nobody shall wait for the next night.
    await hass.services.async_call("automation", "turn_off", {"entity_id": "all"}, blocking=True)


async def at(hass: HomeAssistant, freezer: FrozenDateTimeFactory, moment: str) -> None:
    """Let it be that moment."""
    freezer.move_to(moment)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()


async def rolled_back(caller: GatewayClient, hass: HomeAssistant, node_id: str = NODE) -> None:
    """The node tries the firmware of its job and goes back."""
    job = (await caller.pending()).json["jobs"][0]
    await caller.report_progress(job, node_id, "restarting", boot=7)
    last = {"tag": f"{job['token']}-1", "proof": "", "outcome": "refused", "reason": "no"}
    await caller.report_node(node_id, boot=9, last=last)
    await hass.async_block_till_done()


def test_there_are_three():
    """The tests below would pass without any."""
    assert [path.stem for path in FILES] == ["canary_first", "tell_of_rollback", "update_at_night"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_blueprint_is_one_and_says_where_it_comes_from(path: Path):
    """As the import dialog takes it: every input is used, named and explained."""
    content = load_yaml_dict(path)
    blueprint = Blueprint(content, expected_domain="automation", schema=BLUEPRINT_SCHEMA)
    assert blueprint.validate() is None
    assert blueprint.metadata["source_url"].endswith(f"/blueprints/automation/mesh_ota/{path.name}")
    for item in blueprint.inputs.values():
        assert item["name"] and item["description"] and item["selector"] is not None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_blueprint_asks_for_the_home_assistant_that_the_integration_asks_for(path: Path):
    wanted = yaml.safe_load((FOLDER.parents[2] / "hacs.json").read_text())["homeassistant"]
    minimum = load_yaml_dict(path)["blueprint"]["homeassistant"]["min_version"]
    assert minimum == wanted


async def test_at_night_what_is_behind_is_updated_within_the_window(
    hass: HomeAssistant, hub: MeshOta, use: Use, upload: Upload, freezer: FrozenDateTimeFactory
):
    await upload("pir", "1.1.0", is_stable="true")
    freezer.move_to(EVENING)
    await use("update_at_night", opens="02:00:00", closes="05:00:00")
    assert hub.jobs() == []
    await at(hass, freezer, "2030-06-02 02:00:00+00:00")
    (job,) = hub.jobs()
    assert set(job.nodes) == {NODE, SECOND}
    assert (job.rollout.window.start, job.rollout.window.end) == ("02:00", "05:00")


@pytest.mark.parametrize("why", ["spared", "unstable", "newest already"])
async def test_at_night_nobody_gets_what_he_is_not_to_get(
    hass: HomeAssistant,
    hub: MeshOta,
    use: Use,
    upload: Upload,
    freezer: FrozenDateTimeFactory,
    why: str,
):
    version = "1.0.0" if why == "newest already" else "1.1.0"
    await upload("pir", version, is_stable="false" if why == "unstable" else "true")
    spared = ["update.hall_firmware", "update.attic_firmware"] if why == "spared" else []
    freezer.move_to(EVENING)
    await use("update_at_night", spared=spared)
    await at(hass, freezer, "2030-06-02 02:00:00+00:00")
    assert hub.jobs() == []


async def test_the_next_night_does_not_ask_again_for_what_is_still_open(
    hass: HomeAssistant,
    hub: MeshOta,
    use: Use,
    upload: Upload,
    said: Said,
    freezer: FrozenDateTimeFactory,
):
    """A node that sleeps for a week has one job, not seven; each morning one is told how it stands."""
    await upload("pir", "1.1.0", is_stable="true")
    freezer.move_to(EVENING)
    await use("update_at_night")
    for day in (2, 3):
        await at(hass, freezer, f"2030-06-0{day} 02:00:00+00:00")
        await at(hass, freezer, f"2030-06-0{day} 05:00:00+00:00")
    assert len(hub.jobs()) == 1
    assert [each["message"] for each in said] == ["pir 1.1.0: 0 updated, 0 not, 2 open"] * 2


async def test_a_night_without_a_job_is_not_told_of(
    hass: HomeAssistant, use: Use, said: Said, freezer: FrozenDateTimeFactory
):
    freezer.move_to(EVENING)
    await use("update_at_night")
    await at(hass, freezer, "2030-06-02 02:00:00+00:00")
    await at(hass, freezer, "2030-06-02 05:00:00+00:00")
    assert said == []


async def test_a_node_that_went_back_is_told_of_once_with_its_reason(
    hass: HomeAssistant,
    hub: MeshOta,
    use: Use,
    upload: Upload,
    caller: GatewayClient,
    said: Said,
    paired: MockConfigEntry,
):
    """A reload restores the event; it does not tell of it again."""
    await use("tell_of_rollback", updates=[EVENT])
    firmware = await upload("pir", "1.1.0")
    await hub.async_create_job(firmware["id"], node_ids=[NODE])
    await rolled_back(caller, hass)
    (told,) = said
    assert told["title"] == "hall went back to its old firmware"
    assert told["message"].startswith("hall runs 1.0.0 and not 1.1.0.")
    assert len(told["message"].split()) > 8
    assert await hass.config_entries.async_reload(paired.entry_id)
    await hass.async_block_till_done()
    assert len(said) == 1


@pytest.mark.parametrize("failures", [True, False])
async def test_failures_are_told_of_if_that_is_wanted(
    hass: HomeAssistant,
    hub: MeshOta,
    use: Use,
    upload: Upload,
    caller: GatewayClient,
    said: Said,
    failures: bool,
):
    await use("tell_of_rollback", updates=[EVENT], failures=failures)
    firmware = await upload("pir", "1.1.0")
    await hub.async_create_job(firmware["id"], node_ids=[NODE])
    job = (await caller.pending()).json["jobs"][0]
    await caller.report_progress(job, NODE, "failed", error_message="The flash is worn out.")
    await hass.async_block_till_done()
    assert [each["title"] for each in said] == ["hall was not updated"] * failures


async def test_a_new_firmware_goes_to_one_node_first_and_the_others_wait_for_it(
    hass: HomeAssistant,
    hub: MeshOta,
    use: Use,
    upload: Upload,
    caller: GatewayClient,
    said: Said,
):
    await use("canary_first", canary="update.hall_firmware", soak=30)
    firmware = await upload("pir", "1.1.0")
    (job,) = hub.jobs()
    assert (job.firmware_id, job.canaries) == (firmware["id"], [NODE])
    assert (job.rollout.soak_minutes, job.rollout.go_back) == (30, True)
    assert set(job.nodes) == {NODE, SECOND}
    handed = (await caller.pending()).json["jobs"]
    assert [target["node_id"] for each in handed for target in each["targets"]] == [NODE]
    assert [each["title"] for each in said] == ["pir 1.1.0: one node first"]


async def test_what_has_failed_on_the_first_node_is_not_tried_again_and_the_next_is(
    hass: HomeAssistant, hub: MeshOta, use: Use, upload: Upload, caller: GatewayClient
):
    await use("canary_first", canary="update.hall_firmware")
    await upload("pir", "1.1.0")
    await rolled_back(caller, hass)
    (job,) = hub.jobs()
    assert (job.status, SECOND in job.nodes and job.nodes[SECOND].status) == ("failed", "cancelled")
    await upload("pir", "1.2.0")
    assert [each.version for each in hub.jobs()] == ["1.1.0", "1.2.0"]


@pytest.mark.parametrize("why", ["unstable", "another type"])
async def test_what_is_not_meant_for_the_first_node_is_left_alone(
    hub: MeshOta, use: Use, upload: Upload, why: str
):
    await use("canary_first", canary="update.hall_firmware", only_stable=True)
    await upload("pir" if why == "unstable" else "dht", "1.1.0")
    assert hub.jobs() == []


async def test_what_was_there_before_is_not_new_after_a_restart(
    hass: HomeAssistant, hub: MeshOta, use: Use, upload: Upload, paired: MockConfigEntry
):
    """The entity comes back from being unavailable; its owner has left the update alone so far."""
    await upload("pir", "1.1.0")
    await use("canary_first", canary="update.hall_firmware")
    assert await hass.config_entries.async_reload(paired.entry_id)
    await hass.async_block_till_done()
    assert hass.states.get("update.hall_firmware").state == "on"
    assert hub.jobs() == []
