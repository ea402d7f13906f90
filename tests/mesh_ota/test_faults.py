"""The 18 faults of the system that this one follows, each by its number: what must never happen again.

| fault | what it was | shown here | shown elsewhere (`test_faults.py` of that folder) |
|---|---|---|---|
| 1 | progress never left the gateway | per-node parts in the API | `gateway_firmware`, `end_to_end/test_update_all.py` |
| 2 | completed meant: last part handed to somebody | only the proof completes | `end_to_end/test_update_all.py` |
| 3 | the target node was ignored | list names one node | `gateway_firmware`, `end_to_end/test_jobs.py` |
| 4 | the target type was ignored | the list's role, or a refusal | |
| 5 | the second job installed the first one's bytes | | `gateway_firmware`, `end_to_end/test_jobs.py` |
| 6 | a silent node froze the queue | the queue goes on | `gateway_firmware` |
| 7 | the new image confirmed itself at once | | `node_firmware` |
| 8 | after a rollback the node claimed the new version | the old one is shown | `node_firmware`, `end_to_end/test_jobs.py` |
| 9 | a gateway's restart left a job that nothing ended | it is listed again, and ends; ends are believed from its gateway alone | `gateway_firmware`, `end_to_end/test_interrupted.py` |
| 10 | no authentication | every door that there is is locked | |
| 11 | ranges and error codes taken for bytes | the range table | `gateway_firmware` |
| 12 | offers were never withdrawn, parts of two images mixed | the list ends | `gateway_firmware`, `node_firmware`, `painlessmesh` |
| 13 | the chip was not looked at | wrong chip is refused, an unconfirmed one waits | |
| 14 | nobody knew what a node runs | version by the node's own status | |
| 15 | an empty upload blocked all others | refused; types side by side | |
| 16 | the gateway could not be updated, two took one job | its own job; one owner | `end_to_end/test_gateway_update.py` |
| 17 | the history could be deleted | it outlives cancel and firmware, and names who | |
| 18 | the tests needed a server that is in use, and deleted what it held | no test knows the address of one; both firmwares have tests, and all of them run for each change | |
"""

import re
from pathlib import Path
from typing import Any

import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.mesh_ota.errors import Unfit
from custom_components.mesh_ota.hub import MeshOta
from custom_components.mesh_ota.jobs.job import Job
from custom_components.mesh_ota.jobs.states import JobStatus, NodeStatus
from homeassistant.core import HomeAssistant

from .conftest import GATEWAY_ID, Upload
from .gateway_client import ROOT, GatewayClient
from .house import ATTIC, GATEWAY, HALL, OTHER_GATEWAY, PORCH, House, firmware, sketch

API = "/api/mesh_ota/v1/"
TESTS = Path(__file__).parents[1]


@pytest.fixture
def house() -> House:
    """A house with two nodes of type pir."""
    house = House()
    house.join(HALL)
    house.join(ATTIC)
    return house


@pytest.fixture
async def job(hub: MeshOta, caller: GatewayClient, upload: Upload) -> Job:
    """A job for one of two nodes, over real HTTP."""
    await caller.report(tree=[[HALL, GATEWAY_ID], [ATTIC, GATEWAY_ID]])
    await caller.report_node(HALL)
    await caller.report_node(ATTIC, name="attic")
    uploaded = await upload("pir", "1.1.0")
    return await hub.async_create_job(uploaded["id"], node_ids=[HALL])


async def test_fault_01_progress_of_each_node_reaches_the_api(
    caller: GatewayClient, job: Job, hass_client: ClientSessionGenerator
):
    (listed,) = (await caller.pending()).json["jobs"]
    client = await hass_client()
    for part in range(1, job.nodes[HALL].total_parts + 1):
        await caller.report_progress(listed, HALL, "downloading", current_part=part)
        (row,) = (await (await client.get(f"{API}ota/updates/{job.id}")).json())["nodes"]
        assert (row["status"], row["current_part"]) == ("downloading", part)
    assert part > 1


def test_fault_02_only_the_proof_after_the_restart_completes_a_node(house: House):
    job = house.create(node_ids=[HALL])
    house.progress(job, "downloading", current_part=10)
    house.progress(job, "restarting", boot=7)
    assert job.status is JobStatus.DISTRIBUTING
    house.come_back(job, job.nodes[HALL], boot=8, proof="0f" * 32)
    assert job.nodes[HALL].status is NodeStatus.FAILED
    again = house.create(node_ids=[ATTIC])
    house.restart(again, ATTIC)
    assert again.status is JobStatus.COMPLETED


def test_fault_02_one_node_that_has_everything_completes_no_job_for_two(house: House):
    job = house.create()
    house.restart(job, HALL)
    house.progress(job, "downloading", ATTIC, current_part=9)
    assert (job.nodes[HALL].status, job.status) == (NodeStatus.COMPLETED, JobStatus.DISTRIBUTING)
    house.progress(job, "verifying", ATTIC, current_part=10)
    assert job.status is JobStatus.DISTRIBUTING
    house.restart(job, ATTIC)
    assert job.status is JobStatus.COMPLETED


async def test_fault_03_a_job_for_one_node_names_that_node_alone(caller: GatewayClient, job: Job):
    (listed,) = (await caller.pending()).json["jobs"]
    assert [target["node_id"] for target in listed["targets"]] == [HALL]


def test_fault_04_the_type_asked_for_is_the_type_served_or_refused(house: House):
    with pytest.raises(Unfit):
        house.create(node_type="led")
    job = house.create(node_type="pir")
    (listed,) = house.engine.pending(GATEWAY).jobs
    assert (job.target_node_type, listed["role"]) == ("pir", "pir")


def test_fault_06_a_node_that_never_answers_does_not_hold_up_the_queue(house: House):
    silent = house.create(node_ids=[HALL])
    after = house.create(firmware(2, version="1.2.0"), node_ids=[ATTIC])
    house.progress(silent, "offered")
    house.wait(minutes=11)
    assert silent.status is JobStatus.FAILED
    assert "did not ask" in (silent.nodes[HALL].error_message or "")
    assert house.listed() == {after.id: [ATTIC]}


def test_fault_08_after_a_rollback_the_old_version_is_shown_and_may_be_tried_again(house: House):
    job = house.create(node_ids=[HALL])
    house.restart(job, outcome="refused")
    assert job.nodes[HALL].status is NodeStatus.ROLLED_BACK
    assert house.nodes.nodes[HALL].version == "1.0.0"
    again = house.create(node_ids=[HALL], force=True)
    assert house.listed() == {again.id: [HALL]}


async def test_fault_09_a_gateway_that_restarts_in_the_middle_is_given_its_job_again(
    hub: MeshOta, caller: GatewayClient, job: Job
):
    (listed,) = (await caller.pending()).json["jobs"]
    await caller.report_progress(listed, HALL, "downloading", current_part=1)
    await caller.open()
    assert (await caller.pending()).json["jobs"] == [listed]
    complete = await caller.call(
        "POST", f"ota/updates/{job.id}/complete", {"token": listed["token"]}
    )
    assert complete.status == 409
    await hub.async_cancel_job(job.id)
    assert job.status is JobStatus.CANCELLED


async def test_fault_09_an_end_is_believed_from_the_jobs_own_gateway_and_once(
    hub: MeshOta, caller: GatewayClient, job: Job
):
    (listed,) = (await caller.pending()).json["jobs"]
    path, forged = f"ota/updates/{job.id}", {"token": "0" * 16, "error_message": "no"}
    for step in ("start", "complete", "fail"):
        assert (await caller.call("POST", f"{path}/{step}", forged)).status == 410
    assert job.status is JobStatus.PENDING
    said = {"token": listed["token"], "error_message": "Full."}
    assert (await caller.call("POST", f"{path}/fail", said)).status == 200
    assert (await caller.call("POST", f"{path}/fail", said)).status == 409
    assert job.nodes[HALL].error_message == "Full."


def doors(hass: HomeAssistant) -> set[tuple[str, str]]:
    """Return method and path of every door that the integration has opened."""
    found = set()
    for route in hass.http.app.router.routes():
        path = route.resource.canonical if route.resource else ""
        if path.startswith(API) and route.method != "OPTIONS":
            found.add((route.method, re.sub(r"\{[^}]*\}", "1", path)))
    return found


async def test_fault_10_nobody_comes_in_without_a_key(
    hass: HomeAssistant, job: Job, hass_client_no_auth: ClientSessionGenerator
):
    found = doors(hass)
    assert {("POST", API + "firmware/upload"), ("POST", ROOT + "report")} <= found
    assert len(found) > 20
    client = await hass_client_no_auth()
    for method, path in sorted(found):
        named = path.replace("updates/1/1", "updates/1/pause").replace("policies/1", "policies/pir")
        for tried in {path, named, named.replace("/pause", "/complete")}:
            answer = await client.request(method, tried, headers={"X-API-Key": "x"})
            assert answer.status in (401, 404), (method, tried)
        # 404 only where a pattern does not take the made-up word.
        assert answer.status == 401 or "/1" in path, (method, path)
    assert job.status is JobStatus.PENDING


@pytest.mark.parametrize(
    ("asked", "status", "length"),
    [
        ("bytes=-500", 206, 500),
        ("bytes=0-99", 206, 100),
        ("bytes=0-99999999", 206, None),
        ("bytes=99999999-", 416, None),
        ("bytes=x-", 416, None),
    ],
)
async def test_fault_11_ranges_mean_what_they_say(
    job: Job, hass_client: ClientSessionGenerator, asked: str, status: int, length: int | None
):
    client = await hass_client()
    answer = await client.get(f"{API}firmware/{job.firmware_id}/download", headers={"Range": asked})
    body = await answer.read()
    assert answer.status == status
    if status == 206:
        assert len(body) == (length or job.size_bytes)


@pytest.mark.parametrize("end", ["complete", "fail", "cancel"])
def test_fault_12_what_has_ended_is_offered_no_more(house: House, end: str):
    job = house.create(node_ids=[HALL])
    assert house.listed() == {job.id: [HALL]}
    if end == "complete":
        house.restart(job)
    elif end == "fail":
        house.progress(job, "failed")
    else:
        house.cancel(job)
    assert house.listed() == {}


def test_fault_13_an_image_of_another_chip_is_refused(house: House):
    house.join(PORCH, kind="esp-image", chip="esp32c3")
    image = firmware(3, kind="esp-image", hardware="ESP32", chip="esp32s3")
    with pytest.raises(Unfit) as raised:
        house.create(image, node_ids=[PORCH])
    assert raised.value.key == "firmware_for_other_chip"


def test_fault_13_a_node_that_cannot_say_its_chip_is_served_only_once_somebody_has_said_it(
    house: House,
):
    node = house.join_stock(PORCH)
    of_type = house.create(sketch())
    assert house.listed() == {}
    house.wait(seconds=5)
    assert of_type.nodes[PORCH].reason == "chip_not_confirmed"
    named = house.create(sketch(), node_ids=[PORCH])
    assert house.listed() == {named.id: [PORCH]}
    assert node.chip == "esp32"


async def test_fault_14_what_a_node_runs_is_what_it_says_itself(
    hass: HomeAssistant, caller: GatewayClient, job: Job
):
    await caller.report_node(HALL, version="0.9.7")
    await hass.async_block_till_done()
    assert hass.states.get("update.hall_firmware").attributes["installed_version"] == "0.9.7"


async def test_fault_15_an_empty_upload_is_refused_and_one_type_never_waits_for_another(
    job: Job, hass_client: ClientSessionGenerator
):
    form: dict[str, Any] = {"node_type": "led", "version": "1", "file": b""}
    answer = await (await hass_client()).post(f"{API}firmware/upload", data=form)
    assert answer.status == 400
    house = House()
    house.join(HALL)
    house.join_stock(ATTIC).chip = "esp32"
    first, second = house.create(), house.create(sketch())
    assert house.listed() == {first.id: [HALL], second.id: [ATTIC]}


def test_fault_16_a_gateway_is_a_node_too_and_two_never_share_a_row(house: House):
    house.add_gateway(OTHER_GATEWAY)
    house.report_gateway(proof="01" * 32, boot=4, version="1.0.0")
    own = house.create(firmware(5, node_type="gateway"), node_ids=[GATEWAY])
    assert house.listed() == {own.id: [GATEWAY]}
    assert house.listed(OTHER_GATEWAY) == {}
    house.cancel(own)
    job = house.create(node_ids=[HALL])
    assert (house.listed(), house.listed(OTHER_GATEWAY)) == ({job.id: [HALL]}, {})
    house.progress(job, "downloading", gateway_id=OTHER_GATEWAY, current_part=9)
    house.progress(job, "failed", gateway_id=OTHER_GATEWAY)
    row = job.nodes[HALL]
    assert (row.status, row.current_part) == (NodeStatus.PENDING, 0)


async def test_fault_17_history_outlives_cancel_and_firmware_and_names_who_did_it(
    hub: MeshOta, job: Job, hass_client: ClientSessionGenerator
):
    client = await hass_client()
    url = f"{API}ota/updates/{job.id}"
    assert (await client.delete(url)).status == 200
    assert (await client.delete(url)).status == 409
    assert (await client.delete(f"{API}firmware/{job.firmware_id}")).status == 200
    shown = await (await client.get(url)).json()
    assert (shown["status"], shown["version"]) == ("cancelled", "1.1.0")
    assert shown["nodes"][0]["error_message"] == "Cancelled."
    entries = await (await client.get(f"{API}history?job_id={job.id}")).json()
    assert [entry["kind"] for entry in entries] == ["job", "node", "cancel"]
    assert entries[2]["actor_name"] is not None
    assert (await client.delete(f"{API}history")).status == 405
    assert (await (await client.get(f"{API}history/verify")).json())["intact"]


def test_fault_18_no_test_knows_the_address_of_a_server_that_somebody_uses():
    """Whatever a test talks to it has started itself, on a port that was free."""
    fixed = re.compile(
        r"(localhost|127\.0\.0\.1):[0-9]{2,5}|(homeassistant|esp32[a-z0-9-]*)\.local"
    )
    found = [path for path in TESTS.rglob("*.py") if path.name != Path(__file__).name]
    assert len(found) > 100
    guilty = {path.name for path in found if _calls(path, fixed)}
    assert guilty == set()


def _calls(path: Path, fixed: re.Pattern[str]) -> bool:
    """Whether a line opens something at such an address; one that only names it in a text does not."""
    opens = re.compile(r"urlopen|ClientSession\(|\.(get|post|delete|request)\(|connect\(|dial\(")
    lines = path.read_text().splitlines()
    return any(fixed.search(line) and opens.search(line) for line in lines)


def test_fault_18_both_firmwares_are_tested_and_all_of_it_runs_for_each_change():
    for folder in ("gateway_firmware", "node_firmware", "mesh_ota", "end_to_end"):
        assert len(list((TESTS / folder).glob("test_*.py"))) > 5
    assert "scripts/test" in (TESTS.parent / ".ci" / "run").read_text()
