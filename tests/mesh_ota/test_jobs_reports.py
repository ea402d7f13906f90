"""What a gateway's reports may and may not do to a row."""

import itertools

import pytest

from custom_components.mesh_ota.jobs.job import Job
from custom_components.mesh_ota.jobs.reports import Verdict, read_progress
from custom_components.mesh_ota.jobs.states import JobStatus, NodeStatus

from .house import ATTIC, HALL, OTHER_GATEWAY, House

STEPS = ["offered", "downloading", "verifying", "restarting"]


@pytest.fixture
def house() -> House:
    """A node."""
    house = House()
    house.join(HALL)
    return house


@pytest.fixture
def job(house: House) -> Job:
    """A job for it, handed out."""
    return house.create(node_ids=[HALL])


@pytest.mark.parametrize(("earlier", "later"), itertools.combinations(STEPS, 2))
def test_a_late_report_never_moves_a_row_back(house: House, job: Job, earlier: str, later: str):
    house.progress(job, later)
    assert house.progress(job, earlier) is Verdict.IGNORED
    assert job.nodes[HALL].status == later


def test_parts_are_absolute_and_a_report_may_come_twice(house: House, job: Job):
    for _ in range(2):
        assert house.progress(job, "downloading", current_part=4) is Verdict.TAKEN
    row = job.nodes[HALL]
    assert (row.current_part, row.total_parts, row.percentage) == (4, 10, 40)


def test_there_is_no_percentage_before_the_first_part(house: House, job: Job):
    house.progress(job, "downloading")
    assert job.nodes[HALL].percentage is None


def test_parts_beyond_the_image_are_cut(house: House, job: Job):
    house.progress(job, "downloading", current_part=99_999)
    assert job.nodes[HALL].current_part == 10


def test_a_row_that_was_never_handed_out_takes_no_report(house: House):
    house.leave(HALL)
    job = house.create(node_ids=[HALL])
    assert house.progress(job, "downloading", current_part=1) is Verdict.IGNORED
    assert job.nodes[HALL].status is NodeStatus.PENDING


def test_another_attempts_report_changes_nothing(house: House, job: Job):
    assert house.progress(job, "offered", attempt=2) is Verdict.IGNORED
    assert job.nodes[HALL].status is NodeStatus.PENDING


def test_another_gateways_report_changes_nothing(house: House, job: Job):
    house.add_gateway(OTHER_GATEWAY)
    assert house.progress(job, "failed", gateway_id=OTHER_GATEWAY) is Verdict.IGNORED
    assert job.nodes[HALL].status is NodeStatus.PENDING


def test_a_report_with_a_wrong_token_is_about_no_job(house: House, job: Job):
    """A restored Home Assistant gives ids again; tokens it does not."""
    assert house.progress(job, "offered", token="0" * 16) is Verdict.GONE


def test_a_report_for_a_node_that_is_not_in_the_job_is_told_so(house: House, job: Job):
    assert house.progress(job, "offered", ATTIC) is Verdict.UNKNOWN_NODE


def test_a_report_for_a_job_that_has_ended_is_told_so(house: House, job: Job):
    house.cancel(job)
    assert house.progress(job, "downloading") is Verdict.GONE


def test_a_failure_is_kept_with_its_sentence_and_code(house: House, job: Job):
    """Fault 17: the seed threw the text away."""
    house.progress(job, "failed", reason="space", error_message="No room for 41 parts.")
    row = job.nodes[HALL]
    assert (row.status, row.reason) == (NodeStatus.FAILED, "space")
    assert row.error_message == "No room for 41 parts."
    assert job.status is JobStatus.FAILED


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"reason": "no_answer"}, "It did not react in time."),
        ({"reason": "of_tomorrow"}, "The gateway gave up: of_tomorrow."),
        ({}, "The gateway gave up and did not say why."),
    ],
)
def test_a_failure_without_a_word_gets_a_sentence(
    house: House, job: Job, said: dict[str, str], sentence: str
):
    house.progress(job, "failed", **said)
    assert job.nodes[HALL].error_message == sentence


def test_one_failure_does_not_stop_the_others(house: House):
    house.join(ATTIC)
    job = house.create()
    house.progress(job, "failed", HALL)
    assert job.status is JobStatus.DISTRIBUTING
    house.restart(job, ATTIC)
    assert job.nodes[ATTIC].status is NodeStatus.COMPLETED
    assert job.status is JobStatus.FAILED


def test_after_the_commit_a_gateway_cannot_fail_a_row(house: House, job: Job):
    house.progress(job, "restarting", boot=7)
    assert house.progress(job, "failed", reason="no_answer") is Verdict.IGNORED
    assert job.nodes[HALL].status is NodeStatus.RESTARTING


@pytest.mark.parametrize(
    "change",
    [
        {"id": "1"},
        {"id": True},
        {"id": -1},
        {"token": None},
        {"node_id": 2222222222},
        {"node_id": "0"},
        {"node_id": "4294967296"},
        {"attempt": "1"},
        {"status": "completed"},
        {"status": "rolled_back"},
        {"status": ["offered"]},
        {"status": None},
    ],
)
def test_a_malformed_entry_is_no_report(change):
    good = {"id": 1, "token": "t", "node_id": HALL, "attempt": 1, "status": "offered"}
    assert read_progress(good) is not None
    assert read_progress(good | change) is None


def test_a_sentence_from_outside_is_cut_and_cleaned(house: House, job: Job):
    house.progress(job, "failed", error_message="\x1b[31mred\n" + "x" * 500)
    assert job.nodes[HALL].error_message == "[31mred" + "x" * 191
