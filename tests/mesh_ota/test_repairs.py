"""The repair issues: when they are raised, and what their buttons do."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.mesh_ota.const import DOMAIN, WRONG_SIGNATURES_MAX
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component

from .conftest import GATEWAY_ID, NewGateway, Upload
from .gateway_client import GatewayClient
from .translation_check import english, placeholders_of

NODE = "2222222222"
RESTORED = "restored_from_backup"

pytestmark = pytest.mark.usefixtures("checked_translations")


@pytest.fixture
async def paused(hass: HomeAssistant, caller: GatewayClient, upload: Upload) -> dict[str, Any]:
    """A job that is paused, because its gateway has seen a later future."""
    await caller.report_node(NODE)
    firmware = await upload("pir", "1.1.0")
    job = await hass.services.async_call(
        DOMAIN, "create_job", {"firmware_id": firmware["id"]}, blocking=True, return_response=True
    )
    await caller.open()
    await caller.report(highest_revision=1000)
    await hass.async_block_till_done()
    return job


async def fix(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, choice: str
) -> dict[str, Any]:
    """Open the issue and choose."""
    assert await async_setup_component(hass, "repairs", {})
    client = await hass_client()
    issue = {"handler": DOMAIN, "issue_id": RESTORED}
    answer = await client.post("/api/repairs/issues/fix", json=issue)
    shown = await answer.json()
    assert shown["menu_options"] == ["resume_jobs", "cancel_jobs"]
    path = f"/api/repairs/issues/fix/{shown['flow_id']}"
    return await (await client.post(path, json={"next_step_id": choice})).json()


async def test_repeated_wrong_signatures_raise_one_issue_and_end_nothing(
    hass: HomeAssistant,
    caller: GatewayClient,
    new_gateway: NewGateway,
    issue_registry: ir.IssueRegistry,
):
    """The good session goes on; nobody is banned."""
    stranger = await new_gateway(GATEWAY_ID, bytes(32))
    for _ in range(WRONG_SIGNATURES_MAX + 5):
        assert (await stranger.open()).status == 401
    await hass.async_block_till_done()
    (issue,) = [issue for issue in issue_registry.issues.values() if issue.domain == DOMAIN]
    assert issue.translation_key == "wrong_signatures"
    texts = english()["issues"]["wrong_signatures"]
    assert issue.translation_placeholders is not None
    assert placeholders_of(texts["title"] + texts["description"]) <= set(
        issue.translation_placeholders
    )
    assert (await caller.report()).status == 200


async def test_an_older_copy_of_home_assistant_pauses_its_jobs_and_asks(
    hass: HomeAssistant,
    paused: dict[str, Any],
    caller: GatewayClient,
    issue_registry: ir.IssueRegistry,
):
    """Nothing is distributed until somebody has answered."""
    assert issue_registry.async_get_issue(DOMAIN, RESTORED) is not None
    assert (await caller.pending()).json["jobs"] == []


async def test_resuming_lets_the_jobs_go_on(
    hass: HomeAssistant,
    paused: dict[str, Any],
    caller: GatewayClient,
    hass_client: ClientSessionGenerator,
    issue_registry: ir.IssueRegistry,
):
    """The house had not been updated since that backup after all."""
    assert (await fix(hass, hass_client, "resume_jobs"))["type"] == "create_entry"
    assert [job["id"] for job in (await caller.pending()).json["jobs"]] == [paused["id"]]
    assert issue_registry.async_get_issue(DOMAIN, RESTORED) is None


async def test_cancelling_leaves_every_node_with_what_it_runs(
    hass: HomeAssistant,
    paused: dict[str, Any],
    caller: GatewayClient,
    hass_client: ClientSessionGenerator,
    issue_registry: ir.IssueRegistry,
):
    """Those jobs would have been a downgrade."""
    assert (await fix(hass, hass_client, "cancel_jobs"))["type"] == "create_entry"
    assert (await caller.pending()).json["jobs"] == []
    client = await hass_client()
    answer = await client.get(f"/api/mesh_ota/v1/ota/updates/{paused['id']}")
    assert (await answer.json())["status"] == "cancelled"
    assert issue_registry.async_get_issue(DOMAIN, RESTORED) is None


async def test_the_issue_outlives_a_restart(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    paused: dict[str, Any],
    issue_registry: ir.IssueRegistry,
):
    """The jobs are still paused then, so the question must still be there."""
    issue = issue_registry.async_get_issue(DOMAIN, RESTORED)
    assert issue is not None
    assert issue.is_persistent


async def test_removing_the_gateway_takes_its_question_with_it(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    paused: dict[str, Any],
    issue_registry: ir.IssueRegistry,
):
    """Its jobs have ended; nobody could answer any more."""
    await hass.config_entries.async_remove(paired.entry_id)
    await hass.async_block_till_done()
    assert issue_registry.async_get_issue(DOMAIN, RESTORED) is None


async def test_cancelling_the_paused_jobs_elsewhere_answers_the_question(
    hass: HomeAssistant, paused: dict[str, Any], issue_registry: ir.IssueRegistry
):
    """By action or API, job by job."""
    await hass.services.async_call(DOMAIN, "cancel_job", {"job_id": paused["id"]}, blocking=True)
    assert issue_registry.async_get_issue(DOMAIN, RESTORED) is None
