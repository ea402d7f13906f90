"""Holding, doing again, listing, planning: over the HTTP API and as actions; and the history that comes of it."""

import csv
import io
from typing import Any

import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.mesh_ota.const import DOMAIN
from custom_components.mesh_ota.hub import MeshOta
from homeassistant.auth.models import User
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError, Unauthorized

from .conftest import GATEWAY_ID, Upload
from .gateway_client import GatewayClient

API = "/api/mesh_ota/v1/"
NODE, SECOND = "2222222222", "3333333333"


async def call(
    hass: HomeAssistant, action: str, user: User | None = None, **fields: Any
) -> dict[str, Any]:
    """Call the action and return its answer."""
    context = Context(user_id=user.id) if user else Context()
    return await hass.services.async_call(
        DOMAIN, action, fields, blocking=True, return_response=True, context=context
    )


@pytest.fixture
async def firmware(caller: GatewayClient, upload: Upload) -> dict[str, Any]:
    """Version 1.1.0 for two nodes that are there."""
    await caller.report(tree=[[NODE, GATEWAY_ID], [SECOND, GATEWAY_ID]])
    await caller.report_node(NODE)
    await caller.report_node(SECOND, name="attic", version="1.0.1")
    return await upload("pir", "1.1.0")


async def fail(caller: GatewayClient, node: str = NODE, **more: Any) -> None:
    """Let the gateway say that a node failed."""
    (listed,) = (await caller.pending()).json["jobs"]
    await caller.report_progress(listed, node, "failed", error_message="=no room", **more)


async def test_a_retry_makes_a_new_job_for_what_failed(
    hass: HomeAssistant, firmware: Any, caller: GatewayClient, hass_admin_user: User
):
    job = await call(hass, "create_job", firmware_id=firmware["id"])
    await fail(caller)
    await call(hass, "cancel_job", job_id=job["id"])
    again = await call(hass, "retry_job", hass_admin_user, job_id=job["id"])
    assert (again["retry_of"], again["actor"]) == (job["id"], hass_admin_user.id)
    assert [row["node_id"] for row in again["nodes"]] == [NODE]


async def test_a_retry_by_api_is_a_new_job_too(
    hass: HomeAssistant, firmware: Any, caller: GatewayClient, admin: Any
):
    job = await call(hass, "create_job", firmware_id=firmware["id"], target_node_ids=[NODE])
    path = f"{API}ota/updates/{job['id']}/retry"
    early = await admin.post(path)
    assert (early.status, (await early.json())["code"]) == (409, "job_still_runs")
    await fail(caller)
    answer = await admin.post(path)
    assert answer.status == 201
    again = await answer.json()
    assert (again["retry_of"], [row["node_id"] for row in again["nodes"]]) == (job["id"], [NODE])


async def test_pause_and_resume_by_action_and_api(hass: HomeAssistant, firmware: Any, admin: Any):
    job = await call(hass, "create_job", firmware_id=firmware["id"])
    paused = await call(hass, "pause_job", job_id=job["id"])
    assert (paused["status"], paused["waiting_for"]) == ("paused", "user")
    answer = await admin.post(f"{API}ota/updates/{job['id']}/resume")
    assert (answer.status, (await answer.json())["status"]) == (200, "pending")
    answer = await admin.post(f"{API}ota/updates/{job['id']}/pause")
    assert (await answer.json())["status"] == "paused"
    answer = await admin.post(f"{API}ota/updates/{job['id']}/retry")
    assert (answer.status, (await answer.json())["code"]) == (409, "job_still_runs")


async def test_jobs_and_firmware_are_listed_for_anybody_and_deleted_by_administrators(
    hass: HomeAssistant, firmware: Any, hass_read_only_user: User
):
    await call(hass, "create_job", firmware_id=firmware["id"])
    listed = await call(hass, "list_jobs", hass_read_only_user, status="pending")
    assert [job["firmware_id"] for job in listed["jobs"]] == [firmware["id"]]
    assert (await call(hass, "list_jobs", status="failed"))["jobs"] == []
    library = await call(hass, "list_firmware", hass_read_only_user, node_type="pir")
    assert [row["version"] for row in library["firmware"]] == ["1.1.0"]
    with pytest.raises(ServiceValidationError):
        await call(hass, "delete_firmware", firmware_id=firmware["id"])
    await call(hass, "cancel_job", job_id=listed["jobs"][0]["id"])
    await call(hass, "delete_firmware", firmware_id=firmware["id"])
    assert (await call(hass, "list_firmware"))["firmware"] == []


@pytest.mark.parametrize("action", ["retry_job", "pause_job", "resume_job"])
async def test_only_administrators_touch_a_job_and_an_unknown_one_gets_a_sentence(
    hass: HomeAssistant, firmware: Any, hass_read_only_user: User, action: str
):
    with pytest.raises(Unauthorized):
        await call(hass, action, hass_read_only_user, job_id=1)
    with pytest.raises(ServiceValidationError) as raised:
        await call(hass, action, job_id=99)
    assert raised.value.translation_key == "unknown_job"


# Stages and windows, as they are asked for


async def test_a_canary_and_a_window_are_fields_of_the_action(hass: HomeAssistant, firmware: Any):
    job = await call(
        hass, "create_job", firmware_id=firmware["id"], canary=1, window={"start": "00:00"}
    )
    assert (job["waiting_for"], len(job["canary_node_ids"])) == ("canary", 1)
    with pytest.raises(ServiceValidationError) as raised:
        await call(hass, "create_job", firmware_id=firmware["id"], window={"start": "late"})
    assert raised.value.translation_key == "field_malformed"


async def test_a_window_closes_and_opens_with_its_entity_at_once(
    hass: HomeAssistant, firmware: Any, admin: Any, caller: GatewayClient
):
    hass.states.async_set("binary_sensor.nobody_home", "on")
    body = {
        "firmware_id": firmware["id"],
        "rollout": {"window": {"entity_id": "binary_sensor.nobody_home"}},
    }
    job = await (await admin.post(f"{API}ota/updates", json=body)).json()
    (listed,) = (await caller.pending()).json["jobs"]
    await caller.report_progress(listed, NODE, "downloading", current_part=1)
    hass.states.async_set("binary_sensor.nobody_home", "off")
    await hass.async_block_till_done()
    (listed,) = (await caller.pending()).json["jobs"]
    assert listed["targets"] == [{"node_id": NODE, "attempt": 1, "paused": True}]
    shown = await (await admin.get(f"{API}ota/updates/{job['id']}")).json()
    assert (shown["status"], shown["waiting_for"]) == ("paused", "window")
    hass.states.async_set("binary_sensor.nobody_home", "on")
    await hass.async_block_till_done()
    (listed,) = (await caller.pending()).json["jobs"]
    assert listed["targets"][0] == {"node_id": NODE, "attempt": 1}


async def test_a_template_is_a_window_too_and_a_broken_one_never_opens(
    hass: HomeAssistant, firmware: Any, hub: MeshOta, admin: Any
):
    hass.states.async_set("sensor.power", "90")
    window = {"template": "{{ states('sensor.power') | float > 100 }}"}
    body = {"firmware_id": firmware["id"], "rollout": {"window": window}}
    number = (await (await admin.post(f"{API}ota/updates", json=body)).json())["id"]
    job = hub.job(number)
    assert job is not None and job.shut
    hass.states.async_set("sensor.power", "110")
    await hass.async_block_till_done()
    assert not job.shut
    broken = {"firmware_id": firmware["id"], "rollout": {"window": {"template": "{{ nonsense("}}}
    shown = await (await admin.post(f"{API}ota/updates", json=broken)).json()
    assert shown["waiting_for"] == "window"


# The flight plan


async def test_a_flight_plan_says_of_each_node_whether_and_when(
    hass: HomeAssistant, firmware: Any, caller: GatewayClient, admin: Any
):
    await caller.report_node("3999999999", name="small", flash=10)
    await caller.report_node("3999999998", name="strict", signing=True)
    await caller.report(
        tree=[[name, GATEWAY_ID] for name in (NODE, SECOND, "3999999999", "3999999998")]
    )
    body = {"firmware_id": firmware["id"], "dry_run": True, "rollout": {"canary": 1}}
    plan = await (await admin.post(f"{API}ota/updates", json=body)).json()
    legs = {leg["node_id"]: leg for leg in plan["nodes"]}
    assert plan["eligible"] == 2
    assert len(plan["canary_node_ids"]) == 1
    assert {legs["3999999999"]["reason"], legs["3999999998"]["reason"]} == {"no_room", "unsigned"}
    assert sorted(leg["order"] for leg in legs.values() if leg["order"]) == [1, 2]
    assert plan["ends_at"] == max(leg["ends_at"] for leg in legs.values() if leg["ends_at"])
    assert (await call(hass, "list_jobs"))["jobs"] == []


async def test_the_action_plans_too_and_makes_nothing(hass: HomeAssistant, firmware: Any):
    plan = await call(hass, "create_job", firmware_id=firmware["id"], dry_run=True)
    assert [leg["rate_from"] for leg in plan["nodes"]] == ["guess", "guess"]
    assert (await call(hass, "list_jobs"))["jobs"] == []


# History


async def test_history_names_who_what_when_and_why_and_survives_the_firmware(
    hass: HomeAssistant,
    firmware: Any,
    caller: GatewayClient,
    admin: Any,
    hass_admin_user: User,
    hub: MeshOta,
):
    job = await call(hass, "create_job", hass_admin_user, firmware_id=firmware["id"])
    await fail(caller, resent=3)
    await call(hass, "cancel_job", hass_admin_user, job_id=job["id"])
    await call(hass, "delete_firmware", firmware_id=firmware["id"])
    await hass.async_block_till_done()
    entries = await (await admin.get(f"{API}history")).json()
    made, *ended = entries
    assert (made["kind"], made["actor_name"]) == ("job", hass_admin_user.name)
    failed = next(entry for entry in ended if entry["node_id"] == NODE)
    cancelled = next(entry for entry in ended if entry["kind"] == "cancel")
    assert cancelled["actor_name"] == hass_admin_user.name
    assert (failed["outcome"], failed["from_version"], failed["to_version"]) == (
        "failed",
        "1.0.0",
        "1.1.0",
    )
    assert (failed["parts_resent"], failed["message"]) == (3, "=no room")
    of_node = await (await admin.get(f"{API}history?node_id={NODE}")).json()
    assert [entry["hash"] for entry in of_node] == [failed["hash"]]
    verified = await (await admin.get(f"{API}history/verify")).json()
    assert verified == {
        "intact": True,
        "entries": 4,
        "broken_at": None,
        "last": entries[-1]["hash"],
    }
    hub.history.history.entries[1]["outcome"] = "completed"
    verified = await (await admin.get(f"{API}history/verify")).json()
    assert (verified["intact"], verified["broken_at"]) == (False, 2)


async def test_who_paused_and_who_resumed_stands_in_every_form_of_the_history(
    hass: HomeAssistant, firmware: Any, admin: Any, hass_admin_user: User
):
    """By action, by the API, and by a call that names nobody."""
    job = await call(hass, "create_job", firmware_id=firmware["id"])
    paused = await call(hass, "pause_job", hass_admin_user, job_id=job["id"])
    assert paused["paused_by"] == hass_admin_user.id
    await call(hass, "resume_job", job_id=job["id"])
    for step in ("pause", "resume"):
        await admin.post(f"{API}ota/updates/{job['id']}/{step}")
    await hass.async_block_till_done()
    entries = await (await admin.get(f"{API}history?job_id={job['id']}")).json()
    held = [(entry["kind"], entry["actor_name"]) for entry in entries[1:]]
    by_api = held[2][1]
    assert by_api is not None
    assert held == [
        ("pause", hass_admin_user.name),
        ("resume", None),
        ("pause", by_api),
        ("resume", by_api),
    ]
    answer = await admin.get(f"{API}history?format=csv")
    rows = list(csv.DictReader(io.StringIO(await answer.text())))
    assert [row["kind"] for row in rows] == ["job", "pause", "resume", "pause", "resume"]
    assert (rows[1]["actor"], rows[1]["at"]) == (hass_admin_user.id, entries[1]["at"])
    assert [row["actor_name"] for row in rows[1:3]] == [hass_admin_user.name, ""]
    assert (await (await admin.get(f"{API}history/verify")).json())["intact"]


async def test_history_is_a_table_in_which_nothing_is_a_formula(
    hass: HomeAssistant, firmware: Any, caller: GatewayClient, admin: Any
):
    await call(hass, "create_job", firmware_id=firmware["id"], target_node_ids=[NODE])
    await fail(caller)
    await hass.async_block_till_done()
    answer = await admin.get(f"{API}history?format=csv")
    assert answer.content_type == "text/csv"
    rows = list(csv.DictReader(io.StringIO(await answer.text())))
    assert [row["message"] for row in rows] == ["", "'=no room"]


@pytest.mark.parametrize("query", ["job_id=x", "node_id=0", "format=xml", "job_id=²"])
async def test_a_malformed_question_to_the_history_is_told_so(admin: Any, hub: MeshOta, query: str):
    assert (await admin.get(f"{API}history?{query}")).status == 400


async def test_history_is_for_administrators(
    hub: MeshOta, hass_client: ClientSessionGenerator, hass_read_only_access_token: str
):
    client = await hass_client(hass_read_only_access_token)
    for path in ("history", "history/verify"):
        assert (await client.get(API + path)).status == 401
    assert (await client.post(f"{API}ota/updates/1/pause")).status == 401
