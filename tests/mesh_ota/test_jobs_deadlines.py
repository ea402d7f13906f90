"""Every state ends, and no clock runs while node or gateway is away."""

import pytest

from custom_components.mesh_ota.jobs.states import JobStatus, NodeStatus

from .house import ATTIC, HALL, PORCH, House, firmware


@pytest.fixture
def house() -> House:
    """A node."""
    house = House()
    house.join(HALL)
    return house


@pytest.mark.parametrize(
    ("status", "minutes", "reason"),
    [
        ("offered", 10, "no_reaction"),
        ("downloading", 10, "no_progress"),
        ("verifying", 5, "not_verified"),
    ],
)
def test_a_row_that_does_not_move_fails_with_a_sentence(
    house: House, status: str, minutes: int, reason: str
):
    job = house.create(node_ids=[HALL])
    house.progress(job, status)
    house.wait(step=15, minutes=minutes - 1)
    assert job.nodes[HALL].status == status
    house.wait(step=15, minutes=2)
    row = job.nodes[HALL]
    assert (row.status, row.reason) == (NodeStatus.FAILED, reason)
    assert str(minutes) in row.error_message


def test_each_part_starts_the_clock_anew(house: House):
    job = house.create(node_ids=[HALL])
    for part in range(1, 6):
        house.progress(job, "downloading", current_part=part)
        house.wait(step=15, minutes=8)
    assert job.nodes[HALL].status is NodeStatus.DOWNLOADING


def test_the_clock_stands_while_the_node_is_away_and_the_row_says_so(house: House):
    job = house.create(node_ids=[HALL])
    house.progress(job, "downloading", current_part=3)
    house.leave(HALL)
    house.wait(step=30, hours=9)
    row = job.nodes[HALL]
    assert (row.status, row.reason) == (NodeStatus.DOWNLOADING, "left_midway")
    house.join(HALL)
    house.engine.tick(house.now)
    assert row.reason is None


def test_the_clock_stands_while_the_gateway_is_away(house: House):
    job = house.create(node_ids=[HALL])
    house.progress(job, "downloading", current_part=3)
    house.wait(step=30, gateways=(), hours=9)
    row = job.nodes[HALL]
    assert (row.status, row.reason) == (NodeStatus.DOWNLOADING, "gateway_away")


def test_the_time_in_which_home_assistant_was_off_counts_for_nobody(house: House):
    job = house.create(node_ids=[HALL])
    house.progress(job, "downloading", current_part=3)
    house.engine.tick(house.now)
    house.wait(step=3600, hours=10)
    assert job.nodes[HALL].status is NodeStatus.DOWNLOADING


def test_a_clock_set_back_does_no_harm(house: House):
    job = house.create(node_ids=[HALL])
    house.progress(job, "downloading", current_part=3)
    house.engine.tick(house.now)
    house.now = house.now.replace(hour=1)
    house.wait(step=15, minutes=5)
    assert job.nodes[HALL].status is NodeStatus.DOWNLOADING


def test_a_node_that_does_not_come_back_fails(house: House):
    job = house.create(node_ids=[HALL])
    house.progress(job, "restarting", boot=7)
    house.leave(HALL)
    house.wait(step=15, minutes=16)
    row = job.nodes[HALL]
    assert (row.status, row.reason) == (NodeStatus.FAILED, "not_back")


def test_a_node_that_never_restarted_gets_another_attempt(house: House):
    """The `go` was lost."""
    job = house.create(node_ids=[HALL])
    house.progress(job, "restarting", boot=7)
    house.wait(step=15, minutes=16)
    row = job.nodes[HALL]
    assert (row.status, row.attempt) == (NodeStatus.PENDING, 2)


def test_each_boot_of_a_trial_gives_more_time_but_repeating_oneself_does_not(house: House):
    job = house.create(node_ids=[HALL])
    house.progress(job, "restarting", boot=7)
    row = job.nodes[HALL]
    for boot in (9, 11):
        house.come_back(job, row, "retry", boot=boot)
        house.wait(step=15, minutes=12)
    assert row.status is NodeStatus.RESTARTING
    for _ in range(8):
        house.come_back(job, row, "retry", boot=11)
        house.wait(step=15, minutes=1)
    assert (row.status, row.reason) == (NodeStatus.FAILED, "not_back")


def test_a_row_that_another_job_holds_up_does_not_age(house: House):
    house.join(ATTIC)
    first = house.create(node_ids=[HALL])
    house.progress(first, "downloading", current_part=1)
    house.leave(HALL)
    second = house.create(firmware(2, version="1.2.0"), node_ids=[ATTIC])
    for part in range(1, 5):
        house.progress(second, "downloading", ATTIC, current_part=part)
        house.join(HALL)
        house.wait(step=15, minutes=5)
    assert house.listed() == {second.id: [ATTIC]}
    assert first.nodes[HALL].status is NodeStatus.DOWNLOADING
    assert first.nodes[HALL].reason == "other_job"


def test_a_node_that_stays_away_for_a_week_fails_with_a_sentence(house: House):
    house.leave(HALL)
    job = house.create(node_ids=[HALL])
    house.wait(step=3600, days=6)
    assert job.status is JobStatus.PENDING
    house.wait(step=3600, days=2)
    assert job.nodes[HALL].error_message == "The job's time of 7 days is over."
    assert job.status is JobStatus.FAILED


def test_a_job_for_a_type_that_nobody_is_of_ends_too():
    house = House()
    job = house.create()
    house.wait(step=3600, days=8)
    assert job.status is JobStatus.FAILED
    assert job.error_message == "No node of this type turned up within 7 days."


def test_a_node_that_returns_after_three_days_is_served_unasked(house: House):
    house.leave(HALL)
    job = house.create(node_ids=[HALL])
    house.wait(step=3600, days=3)
    house.join(HALL)
    assert house.listed() == {job.id: [HALL]}


def test_what_is_stored_is_what_was(house: House):
    house.join(ATTIC)
    house.join(PORCH)
    job = house.create()
    house.progress(job, "downloading", HALL, current_part=3)
    house.restart(job, ATTIC)
    house.progress(job, "failed", PORCH, error_message="Full.")
    house.wait(seconds=20)
    again = House(house.engine.stored())
    assert again.engine.stored()["jobs"] == house.engine.stored()["jobs"]
    assert again.engine.ledger.jobs[job.id].as_dict() == job.as_dict()


def test_a_node_that_lost_its_transfer_gets_the_time_to_take_it_again(house: House):
    """It was checking when the power went; the row stays `verifying` while the parts come once more."""
    job = house.create(node_ids=[HALL])
    house.progress(job, "verifying")
    for part in range(4):
        house.wait(step=15, minutes=3)
        house.progress(job, "downloading", current_part=part)
    assert job.nodes[HALL].status is NodeStatus.VERIFYING
    for _ in range(4):
        house.wait(step=15, minutes=2)
        house.progress(job, "downloading", current_part=3)
    assert job.nodes[HALL].status is NodeStatus.FAILED


def test_a_started_row_of_a_node_that_never_returns_ends_with_its_job(house: House):
    job = house.create(node_ids=[HALL])
    house.progress(job, "downloading", current_part=3)
    house.leave(HALL)
    house.wait(step=3600, days=8)
    assert (job.status, job.nodes[HALL].reason) == (JobStatus.FAILED, "deadline")
