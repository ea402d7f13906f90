"""Canary, soak, threshold, order, windows and retry: a job that goes about its nodes in stages."""

from datetime import timedelta

import pytest

from custom_components.mesh_ota.errors import Conflict, InvalidRequest, NotFound, Unfit
from custom_components.mesh_ota.jobs.rollout import Rollout, Window, read_rollout
from custom_components.mesh_ota.jobs.states import JobStatus, NodeStatus

from .house import ATTIC, GATEWAY, HALL, PORCH, START, House, firmware

MANY = [str(2_000_000_000 + number) for number in range(10)]
NIGHT = Window(start="22:00", end="06:00")


@pytest.fixture
def house() -> House:
    """Ten nodes of type pir."""
    house = House()
    for node_id in MANY:
        house.join(node_id)
    return house


# Canary


def test_nobody_but_the_canary_is_served_until_it_has_proved_itself(house: House):
    job = house.create(rollout=Rollout(canary=2))
    assert house.listed() == {job.id: MANY[:2]}
    assert (job.status, job.waiting_for) == (JobStatus.PENDING, "canary")
    assert "until the first nodes have proved" in (job.nodes[MANY[5]].error_message or "")
    house.restart(job, MANY[0])
    assert house.listed() == {job.id: [MANY[1]]}
    house.restart(job, MANY[1])
    house.wait(seconds=5)
    assert house.listed() == {job.id: MANY[2:]}
    assert job.waiting_for is None


@pytest.mark.parametrize("end", ["failed", "refused"])
def test_a_canary_that_fails_leaves_every_other_node_untouched(house: House, end: str):
    job = house.create(rollout=Rollout(canary=1))
    if end == "failed":
        house.progress(job, "failed", MANY[0])
    else:
        house.restart(job, MANY[0], outcome="refused")
    assert job.status is JobStatus.FAILED
    assert house.listed() == {}
    others = [job.nodes[node_id] for node_id in MANY[1:]]
    assert {row.status for row in others} == {NodeStatus.CANCELLED}
    assert not any(row.handed_out for row in others)
    assert MANY[0] in (others[0].error_message or "")


def test_after_the_canary_nothing_moves_until_the_soak_is_over(house: House):
    job = house.create(rollout=Rollout(canary_node_ids=(MANY[3],), soak_minutes=30))
    house.restart(job, MANY[3])
    house.wait(minutes=29)
    assert house.listed() == {}
    row = job.nodes[MANY[0]]
    assert (row.reason, row.next_try) == ("soak", job.soak_until)
    house.wait(minutes=2)
    assert len(house.listed()[job.id]) == 9


def test_a_canary_is_a_node_that_is_there_and_carries_nobody(house: House):
    house.leave(MANY[0])
    house.trees[GATEWAY] = [
        [MANY[2], MANY[1]] if e[0] == MANY[2] else e for e in house.trees[GATEWAY]
    ]
    house.call()
    job = house.create(rollout=Rollout(canary=1))
    assert job.canaries == [MANY[2]]


@pytest.mark.parametrize("known", [0, 1])
def test_who_turns_up_later_is_no_second_node_before_the_canary_has_proved_itself(known: int):
    """Of a type of which fewer nodes are known than shall go first."""
    house = House()
    if known:
        house.join(MANY[0])
    job = house.create(rollout=Rollout(canary=1))
    house.join(MANY[0])
    house.progress(job, "downloading", MANY[0], current_part=1)
    house.join(MANY[1])
    assert (job.canaries, house.listed()) == ([MANY[0]], {job.id: [MANY[0]]})
    house.restart(job, MANY[0], outcome="refused")
    assert job.status is JobStatus.FAILED
    assert not job.nodes[MANY[1]].handed_out


def test_as_many_as_shall_go_first_do_whenever_they_turn_up():
    house = House()
    house.join(MANY[0])
    job = house.create(rollout=Rollout(canary=2))
    for node_id in MANY[1:4]:
        house.join(node_id)
    assert house.listed() == {job.id: MANY[:2]}
    for node_id in MANY[:2]:
        house.restart(job, node_id)
    house.wait(seconds=5)
    assert house.listed() == {job.id: MANY[2:4]}
    house.join(MANY[4])
    assert house.listed() == {job.id: MANY[2:5]}


def test_a_canary_that_is_no_target_is_refused(house: House):
    with pytest.raises(InvalidRequest) as raised:
        house.create(node_ids=[MANY[0]], rollout=Rollout(canary_node_ids=(MANY[1],)))
    assert raised.value.key == "canary_no_target"


def test_the_stage_of_a_job_survives_a_restart(house: House):
    job = house.create(rollout=Rollout(canary=1, soak_minutes=5, window=NIGHT))
    again = House(house.engine.stored())
    assert again.engine.ledger.jobs[job.id] == job


def test_what_looks_suspicious_after_the_soak_stops_the_job(house: House):
    house.engine.stages.healthy = lambda _job, _now: "sensor.hall"
    went_back = []
    house.engine.stages.go_back = went_back.append
    job = house.create(rollout=Rollout(canary=1, go_back=True))
    house.restart(job, MANY[0])
    house.wait(seconds=5)
    assert job.status is JobStatus.FAILED
    assert "sensor.hall" in (job.error_message or "")
    assert (house.listed(), went_back) == ({}, [job])


# Thresholds


@pytest.mark.parametrize("rollout", [Rollout(stop_after=3), Rollout(stop_percent=30)])
def test_the_third_failure_of_ten_stops_the_rest(house: House, rollout: Rollout):
    job = house.create(rollout=rollout)
    for node_id in MANY[:2]:
        house.progress(job, "failed", node_id)
    assert job.open
    house.progress(job, "failed", MANY[2])
    assert job.status is JobStatus.FAILED
    assert job.error_message == "Stopped after 3 failures."
    assert sum(row.status is NodeStatus.CANCELLED for row in job.nodes.values()) == 7


def test_a_node_that_restarts_when_the_job_stops_ends_by_its_own_outcome(house: House):
    job = house.create(rollout=Rollout(stop_after=1))
    house.progress(job, "restarting", MANY[0], boot=7)
    house.progress(job, "failed", MANY[1])
    assert job.open
    house.come_back(job, job.nodes[MANY[0]], boot=8)
    assert (job.status, job.nodes[MANY[0]].status) == (JobStatus.FAILED, NodeStatus.COMPLETED)


def test_a_node_that_turns_up_after_the_job_has_stopped_gets_no_row_in_it(house: House):
    """One that restarts already keeps the job open for a while: nobody else may get what has failed."""
    job = house.create(rollout=Rollout(stop_after=1))
    house.progress(job, "restarting", MANY[0], boot=7)
    house.progress(job, "failed", MANY[1])
    house.join(HALL)
    assert HALL not in job.nodes
    assert house.listed() == {job.id: [MANY[0]]}


# Order


def test_the_deepest_come_first_and_max_parallel_holds(house: House):
    chain = [[MANY[1], MANY[0]], [MANY[2], MANY[1]]]
    house.trees[GATEWAY] = [e for e in house.trees[GATEWAY] if e[0] not in MANY[1:3]] + chain
    house.call()
    job = house.create(rollout=Rollout(max_parallel=2))
    assert house.listed() == {job.id: MANY[1:3]}


def test_a_gateway_waits_until_no_node_is_being_updated():
    house = House()
    house.report_gateway(proof="01" * 32, boot=4, version="1.0.0")
    house.join(HALL)
    own = house.create(firmware(5, node_type="gateway"), node_ids=[GATEWAY])
    house.cancel(own)
    job = house.create(node_ids=[HALL])
    house.progress(job, "downloading", current_part=1)
    own = house.create(firmware(5, node_type="gateway"), node_ids=[GATEWAY])
    house.wait(seconds=5)
    assert house.listed() == {job.id: [HALL]}
    assert own.nodes[GATEWAY].reason == "gateway_last"
    house.restart(job)
    assert house.listed() == {own.id: [GATEWAY]}


# Windows


@pytest.mark.parametrize(
    ("window", "open_hours"),
    [
        (Window(), set(range(24))),
        (Window(start="22:00", end="06:00"), {22, 23, 0, 1, 2, 3, 4, 5}),
        (Window(start="09:00", end="12:00"), {9, 10, 11}),
        (Window(weekdays=(0,)), set(range(24))),
        (Window(weekdays=(1, 2)), set()),
        (Window(weekdays=(6,), start="22:00", end="06:00"), {0, 1, 2, 3, 4, 5}),
    ],
)
def test_a_window_is_open_at_its_hours(window: Window, open_hours: set[int]):
    """23 November 2026 is a Monday."""
    midnight = START.replace(hour=0)
    opened = {h for h in range(24) if window.open_at(midnight + timedelta(hours=h))}
    assert opened == open_hours


@pytest.mark.parametrize(
    ("window", "days", "hour"),
    [
        (Window(start="22:00", end="06:00"), 0, 22),
        (Window(start="09:00", end="11:00"), 1, 9),
        (Window(weekdays=(5,), start="22:00", end="06:00"), 5, 22),
        (Window(weekdays=(0,), start="09:00", end="11:00"), 7, 9),
        (Window(weekdays=(6, 3)), 3, 0),
    ],
)
def test_a_window_opens_next_on_one_of_its_days(window: Window, days: int, hour: int):
    """It is Monday, noon."""
    opens = window.opens_after(START)
    assert opens == (START + timedelta(days=days)).replace(hour=hour)
    assert window.open_at(opens) and not window.open_at(opens - timedelta(minutes=1))


def test_outside_its_window_nothing_starts_and_the_row_says_when_it_will(house: House):
    job = house.create(rollout=Rollout(window=NIGHT))
    assert house.listed() == {}
    assert (job.status, job.waiting_for) == (JobStatus.PAUSED, "window")
    row = job.nodes[MANY[0]]
    assert (row.reason, row.next_try) == ("window", START.replace(hour=22))
    house.wait(step=30, hours=10)
    assert len(house.listed()[job.id]) == 10
    assert job.waiting_for is None


def test_a_transfer_keeps_what_it_has_when_its_window_closes(house: House):
    job = house.create(rollout=Rollout(window=Window(start="11:00", end="12:05")))
    house.progress(job, "downloading", MANY[0], current_part=4)
    house.wait(step=30, minutes=6)
    (listed,) = house.engine.pending(GATEWAY).jobs
    assert listed["targets"] == [{"node_id": MANY[0], "attempt": 1, "paused": True}]
    house.wait(step=300, hours=22)
    row = job.nodes[MANY[0]]
    assert (row.status, row.current_part, row.attempt) == (NodeStatus.DOWNLOADING, 4, 1)
    house.wait(step=30, minutes=57)
    (listed,) = house.engine.pending(GATEWAY).jobs
    assert {"node_id": MANY[0], "attempt": 1} in listed["targets"]


def test_a_job_that_waits_leaves_its_type_to_others(house: House):
    held = house.create(rollout=Rollout(window=Window(start="11:00", end="12:10")))
    house.progress(held, "downloading", MANY[0], current_part=4)
    house.wait(minutes=11)
    other = house.create(firmware(2, version="1.2.0"), node_ids=[MANY[5]])
    assert house.listed() == {other.id: [MANY[5]]}
    house.restart(other, MANY[5], proof="02" * 32)
    assert house.listed() == {held.id: [MANY[0]]}


def test_an_entity_or_template_has_the_last_word(house: House):
    home = {"away": False}
    house.engine.stages.go = lambda _window: home["away"]
    job = house.create(rollout=Rollout(window=Window(entity_id="binary_sensor.nobody_home")))
    assert job.nodes[MANY[0]].reason == "window_condition"
    home["away"] = True
    house.engine.review(house.now)
    house.refresh()
    assert len(house.listed()[job.id]) == 10


def test_a_pause_by_hand_keeps_what_nodes_have_and_a_restarting_one_runs_on(house: House):
    job = house.create()
    house.progress(job, "downloading", MANY[0], current_part=4)
    house.progress(job, "restarting", MANY[1], boot=7)
    house.engine.pause(job.id, house.now)
    house.refresh()
    (listed,) = house.engine.pending(GATEWAY).jobs
    assert listed["targets"] == [
        {"node_id": MANY[0], "attempt": 1, "paused": True},
        {"node_id": MANY[1], "attempt": 1},
    ]
    assert job.as_dict()["waiting_for"] == "user"
    house.engine.resume(job.id, house.now)
    house.refresh()
    assert not any("paused" in t for t in house.engine.pending(GATEWAY).jobs[0]["targets"])


# Retry


def test_a_retry_is_a_new_job_for_what_failed_alone():
    house = House()
    for node_id in (HALL, ATTIC, PORCH):
        house.join(node_id)
    job = house.create(rollout=Rollout(canary=1, max_parallel=2))
    house.restart(job, ATTIC if job.canaries == [ATTIC] else HALL)
    house.wait(seconds=5)
    house.progress(job, "failed", PORCH)
    house.restart(job, ATTIC, outcome="refused")
    assert job.status is JobStatus.FAILED
    again = house.engine.retry(job.id, firmware(), house.now, "somebody")
    assert set(again.nodes) == {ATTIC, PORCH}
    assert (again.retry_of, again.force_update, again.actor) == (job.id, True, "somebody")
    assert (again.rollout.canary, again.rollout.max_parallel) == (0, 2)
    assert job.nodes[PORCH].status is NodeStatus.FAILED


def test_a_node_that_has_become_another_type_keeps_no_other_from_being_retried():
    house = House()
    for node_id in (HALL, ATTIC):
        house.join(node_id)
    job = house.create()
    house.progress(job, "failed", ATTIC)
    house.say(HALL, type="led")
    assert job.nodes[HALL].reason == "unfit"
    again = house.engine.retry(job.id, firmware(), house.now, None)
    assert list(again.nodes) == [ATTIC]
    house.say(ATTIC, type="led")
    with pytest.raises(Unfit):
        house.engine.retry(job.id, firmware(), house.now, None)


def test_what_cannot_be_retried_is_refused():
    house = House()
    house.join(HALL)
    job = house.create()
    for number, error in ((99, NotFound), (job.id, Conflict)):
        with pytest.raises(error):
            house.engine.retry(number, firmware(), house.now, None)
    house.restart(job)
    with pytest.raises(Conflict) as raised:
        house.engine.retry(job.id, firmware(), house.now, None)
    assert raised.value.key == "nothing_to_retry"


# What a user may ask for


def test_a_rollout_is_read_field_by_field():
    said = {
        "canary": 2,
        "soak_minutes": 10,
        "stop_percent": 20,
        "max_parallel": 1,
        "window": {"weekdays": [5, 6], "start": "22:00", "end": "06:00"},
    }
    rollout = read_rollout(said)
    assert rollout.window == Window(weekdays=(5, 6), start="22:00", end="06:00")
    assert Rollout.restored(rollout.stored()) == rollout
    assert read_rollout(rollout.stored()) == rollout
    assert read_rollout(None) == Rollout()


@pytest.mark.parametrize(
    "said",
    [
        7,
        {"canary": -1},
        {"canary": True},
        {"canary_node_ids": ["x"]},
        {"canary_node_ids": "2222222222"},
        {"stop_percent": 101},
        {"max_parallel": 0},
        {"leaves_first": 1},
        {"window": {"start": "25:00"}},
        {"window": {"weekdays": [7]}},
        {"window": {"entity_id": "../../etc"}},
        {"window": 3},
        {"unheard_of": 1},
    ],
)
def test_a_rollout_that_makes_no_sense_is_refused(said: object):
    with pytest.raises(InvalidRequest):
        read_rollout(said)
