"""What a gateway is given to distribute, and when."""

import json

import pytest

from custom_components.mesh_ota.const import (
    MAX_LISTED_JOBS,
    MAX_PARALLEL,
    MAX_TARGETS,
    TARGETS_UNTOLD,
)
from custom_components.mesh_ota.jobs.job import Job
from custom_components.mesh_ota.jobs.rollout import Rollout
from custom_components.mesh_ota.jobs.states import JobStatus, NodeStatus

from .house import ATTIC, GATEWAY, HALL, PORCH, ROOM, House, firmware, sketch

MANY = [str(2_000_000_000 + number) for number in range(25)]


def test_a_job_in_the_list_has_every_key_of_the_contract():
    house = House()
    house.join(HALL)
    job = house.create()
    (entry,) = house.engine.pending(GATEWAY).jobs
    assert list(entry) == [
        "id",
        "token",
        "firmware_id",
        "kind",
        "runtime",
        "role",
        "hardware",
        "version",
        "md5",
        "sha256",
        "proof",
        "size",
        "num_parts",
        "force",
        "mode",
        "targets",
        "counter",
        "sig",
    ]
    assert entry["token"] == job.token
    assert entry["num_parts"] == 10
    assert entry["targets"] == [{"node_id": HALL, "attempt": 1}]


def test_an_image_that_runs_micropython_is_announced_apart_from_sketches():
    """So a stock node never takes it."""
    house = House()
    house.join(HALL, kind="esp-image", chip="esp32")
    house.create(firmware(kind="esp-image", hardware="ESP32", chip="esp32"))
    assert house.engine.pending(GATEWAY).jobs[0]["hardware"] == "ESP32-MPY"


def test_a_node_that_is_away_is_listed_when_it_returns():
    house = House()
    house.join(HALL)
    house.leave(HALL)
    job = house.create()
    assert house.listed() == {}
    house.join(HALL)
    assert house.listed() == {job.id: [HALL]}


@pytest.fixture(params=[None, 12, ROOM, 200])
def crowd(request: pytest.FixtureRequest) -> House:
    """Many nodes, and a gateway that can hold so many of them."""
    house = House(room=request.param)
    for node_id in MANY:
        house.join(node_id)
    return house


def test_all_nodes_of_a_job_are_handed_out_together():
    """So that the gateway reads each part once, and brings it over each link once."""
    house = House()
    for node_id in MANY[:MAX_PARALLEL]:
        house.join(node_id)
    before = house.engine.pending(GATEWAY).revision
    job = house.create()
    assert house.listed() == {job.id: MANY[:MAX_PARALLEL]}
    assert house.engine.pending(GATEWAY).revision == before + 1


@pytest.mark.parametrize(("room", "most"), [(None, 4), (12, 12), (ROOM, MAX_PARALLEL)])
def test_as_many_nodes_take_parts_at_a_time_as_the_gateway_is_made_for(room: int | None, most: int):
    house = House(room=room)
    for node_id in MANY:
        house.join(node_id)
    job = house.create()
    assert house.listed() == {job.id: MANY[:most]}
    assert job.nodes[MANY[-1]].reason == "turn"
    assert f"serves {most} nodes" in (job.nodes[MANY[-1]].error_message or "")
    house.restart(job, MANY[1])
    assert house.listed() == {job.id: [MANY[0], *MANY[2 : most + 1]]}


def kinds(house: House, number: int, nodes: int) -> list[Job]:
    """So many jobs for types of their own, each with so many nodes."""
    jobs = []
    for kind in range(number):
        for node_id in MANY[nodes * kind : nodes * (kind + 1)]:
            house.join(node_id, type=f"kind{kind}")
        jobs.append(house.create(firmware(9 + kind, node_type=f"kind{kind}")))
    return jobs


def test_a_small_house_gets_all_its_kinds_at_once():
    house = House()
    jobs = kinds(house, 6, 1)
    assert list(house.listed()) == [job.id for job in jobs]


def test_in_a_large_house_a_gateway_has_room_for_few_kinds_at_a_time():
    """It keeps jobs, their names and their pace in the same small heap as what it knows of each node."""
    house = House()
    jobs = kinds(house, 6, 4)
    listed = house.listed()
    assert {job: len(nodes) for job, nodes in listed.items()} == {jobs[0].id: 4, jobs[1].id: 4}
    assert jobs[5].nodes[MANY[20]].reason == "other_firmware"
    for node_id in MANY[:4]:
        house.restart(jobs[0], node_id)
    assert list(house.listed()) == [job.id for job in jobs[1:3]]


def test_where_one_job_takes_all_places_the_others_are_told_how_many_there_are():
    house = House()
    for node_id in MANY[:MAX_PARALLEL]:
        house.join(node_id)
    house.create()
    house.join(MANY[-1], type="dht")
    job = house.create(firmware(9, node_type="dht"))
    assert job.nodes[MANY[-1]].reason == "turn"


def test_fewer_take_parts_at_a_time_where_the_job_says_so():
    house = House()
    for node_id in MANY:
        house.join(node_id)
    job = house.create(rollout=Rollout(max_parallel=3))
    assert house.listed() == {job.id: MANY[:3]}


def test_a_list_never_names_more_nodes_than_a_gateway_can_hold(crowd: House):
    job = crowd.create()
    for node_id in MANY:
        crowd.progress(job, "restarting", node_id, boot=7)
    most = {None: TARGETS_UNTOLD, 200: MAX_TARGETS}.get(crowd.room, crowd.room)
    for node_id in MANY:
        if crowd.listed() and job.nodes[node_id].status is NodeStatus.RESTARTING:
            assert len(crowd.listed()[job.id]) <= (most or 0)
    held = sum(job.nodes[node_id].status is NodeStatus.RESTARTING for node_id in MANY)
    assert len(crowd.listed()[job.id]) == min(
        held + crowd.engine.handouts.parallel(GATEWAY), most or 0, len(MANY)
    )


def test_what_a_held_job_has_brought_gives_way_only_to_a_queue_that_would_stand(crowd: House):
    """A node that is listed no more would be told to throw away what it has."""
    held = crowd.create(node_ids=MANY[: crowd.engine.handouts.parallel(GATEWAY)])
    for node_id in held.nodes:
        crowd.progress(held, "downloading", node_id, current_part=4)
    crowd.engine.pause(held.id, crowd.now)
    crowd.refresh()
    assert set(crowd.listed()[held.id]) == set(held.nodes)
    crowd.join(HALL, type="led")
    other = crowd.create(firmware(2, node_type="led"))
    assert crowd.listed()[other.id] == [HALL]
    full = crowd.room == len(held.nodes)
    assert len(crowd.listed()[held.id]) == len(held.nodes) - full


def test_the_longest_list_fits_into_what_a_gateway_reads():
    """16 KiB of JSON (docs/gateway-api.md §2): everything as long as it can be."""
    house = House(room=900)
    longest = {"version": "1" * 20, "size_bytes": 16 * 1024 * 1024}
    for number in range(40):
        house.join(str(4_000_000_000 + number), type=f"{number % 10:030d}")
    for number in range(10):
        job = house.create(firmware(10**9 + number, node_type=f"{number:030d}", **longest))
        job.counter, job.sig, job.floor = 10**9, "f" * 512, 10**9
        for node_id in job.nodes:
            house.progress(job, "verifying", node_id)
    house.refresh()
    handout = house.engine.pending(GATEWAY)
    listed = [target for job in handout.jobs for target in job["targets"]]
    assert (len(handout.jobs), len(listed)) == (MAX_LISTED_JOBS, MAX_TARGETS)
    keys = [{"from": "f" * 16, "modulus": "f" * 512, "sig": "f" * 512}] * 2
    for target in listed:
        target["commit"] = False
    said = {"revision": 10**15 - 1, "jobs": handout.jobs, "keys": keys}
    assert len(json.dumps(said)) <= 16 * 1024


def test_one_job_per_role_and_the_oldest_first():
    house = House()
    house.join(HALL)
    house.join(ATTIC)
    first = house.create(node_ids=[HALL])
    second = house.create(firmware(2, version="1.2.0"), node_ids=[ATTIC])
    assert house.listed() == {first.id: [HALL]}
    house.restart(first)
    assert house.listed() == {second.id: [ATTIC]}


def test_jobs_for_different_types_run_side_by_side():
    house = House()
    house.join(HALL)
    house.join(ATTIC, type="led")
    first, second = house.create(), house.create(firmware(2, node_type="led"))
    assert house.listed() == {first.id: [HALL], second.id: [ATTIC]}


def test_a_job_that_nodes_are_on_keeps_its_role_when_an_older_one_could_begin():
    """An offer is kept stable while nodes are on it."""
    house = House()
    house.join(HALL)
    house.join(ATTIC)
    house.leave(HALL)
    older = house.create(node_ids=[HALL])
    newer = house.create(firmware(2, version="1.2.0"), node_ids=[ATTIC])
    house.progress(newer, "downloading", ATTIC, current_part=1)
    house.join(HALL)
    assert house.listed() == {newer.id: [ATTIC]}
    house.restart(newer, ATTIC)
    assert house.listed() == {older.id: [HALL]}


def test_a_node_that_left_midway_does_not_block_its_role_but_stays_listed_alone():
    house = House()
    house.join(HALL)
    house.join(ATTIC)
    first = house.create(node_ids=[HALL])
    house.progress(first, "downloading", current_part=1)
    house.leave(HALL)
    assert house.listed() == {first.id: [HALL]}
    second = house.create(firmware(2, version="1.2.0"), node_ids=[ATTIC])
    assert house.listed() == {second.id: [ATTIC]}


def test_a_silent_node_does_not_freeze_the_queue():
    """Fault 6: the seed's queue waited for ever."""
    house = House()
    house.join(HALL)
    house.join(ATTIC)
    first = house.create(node_ids=[HALL])
    house.progress(first, "offered")
    second = house.create(firmware(2, version="1.2.0"), node_ids=[ATTIC])
    house.wait(minutes=11)
    assert first.nodes[HALL].status is NodeStatus.FAILED
    assert house.listed() == {second.id: [ATTIC]}


def test_the_revision_grows_when_the_list_changes_and_only_then():
    house = House()
    house.join(HALL)
    before = house.engine.pending(GATEWAY).revision
    house.say(HALL, heap=1)
    assert house.engine.pending(GATEWAY).revision == before
    job = house.create()
    assert house.engine.pending(GATEWAY).revision > before
    middle = house.engine.pending(GATEWAY).revision
    house.progress(job, "downloading", current_part=4)
    assert house.engine.pending(GATEWAY).revision == middle
    house.cancel(job)
    assert house.engine.pending(GATEWAY).revision > middle


def test_revisions_go_on_after_a_restart():
    house = House()
    house.join(HALL)
    house.create()
    again = House(house.engine.stored())
    assert again.engine.pending(GATEWAY).revision > house.engine.pending(GATEWAY).revision


def test_a_paused_job_leaves_the_list_and_comes_back():
    house = House()
    house.join(HALL)
    job = house.create()
    house.engine.pause(job.id, house.now)
    house.refresh()
    assert house.listed() == {}
    assert job.status is JobStatus.PAUSED
    assert job.nodes[HALL].reason == "paused"
    house.engine.resume(job.id, house.now)
    house.refresh()
    assert house.listed() == {job.id: [HALL]}
    assert job.status is JobStatus.PENDING


def test_a_sketch_goes_to_stock_nodes_one_hardware_at_a_time():
    house = House()
    house.join(HALL, type="dht")
    house.join_stock(ATTIC)
    own, stock = house.create(firmware(node_type="dht")), house.create(sketch(), node_ids=[ATTIC])
    assert house.listed() == {own.id: [HALL], stock.id: [ATTIC]}


def test_every_row_that_waits_says_why():
    house = House()
    for node_id in (HALL, ATTIC, PORCH):
        house.join(node_id)
    first = house.create(node_ids=[HALL])
    second = house.create(firmware(2, version="1.2.0"), node_ids=[ATTIC])
    house.leave(PORCH)
    third = house.create(firmware(3, version="1.3.0"), node_ids=[PORCH])
    house.engine.explain()
    assert first.nodes[HALL].error_message == (
        "Its gateway has been told, and offers it the firmware next."
    )
    assert second.nodes[ATTIC].error_message == f"Waits for job {first.id}, which came before it."
    assert third.nodes[PORCH].error_message == (
        "Not heard since 2026-11-23 12:00; it will be offered when it joins."
    )
    house.progress(first, "offered")
    house.wait(seconds=5)
    assert first.nodes[HALL].error_message is None


def test_a_row_says_so_while_its_gateway_is_away():
    house = House()
    house.join(HALL)
    job = house.create()
    house.wait(gateways=(), minutes=4)
    assert job.nodes[HALL].reason == "gateway_away"
