"""How rows end: by what the node proves, never by what was sent."""

import pytest

from custom_components.mesh_ota.const import MAX_ATTEMPTS
from custom_components.mesh_ota.jobs.job import Job
from custom_components.mesh_ota.jobs.states import JobStatus, NodeStatus

from .house import ATTIC, HALL, NEW_PROOF, OLD_PROOF, House, sketch


@pytest.fixture
def house() -> House:
    """A node on its seventh boot."""
    house = House()
    house.join(HALL)
    return house


@pytest.fixture
def job(house: House) -> Job:
    """A job for it, its node committed at boot 7."""
    job = house.create(node_ids=[HALL])
    house.progress(job, "restarting", boot=7)
    return job


def test_a_confirmed_proof_after_the_restart_completes(house: House, job: Job):
    house.come_back(job, job.nodes[HALL], boot=8)
    row = job.nodes[HALL]
    assert (row.status, row.error_message) == (NodeStatus.COMPLETED, None)
    assert (row.from_version, row.to_version) == ("1.0.0", "1.1.0")
    assert job.status is JobStatus.COMPLETED
    assert job.completed_at == house.now


def test_a_row_says_what_the_node_ran_when_its_update_began(house: House):
    """And not what it ran when the job was made: another may have come between."""
    job = house.create(node_ids=[HALL])
    house.say(HALL, boot=8, version="1.0.5")
    house.progress(job, "restarting", boot=8)
    house.come_back(job, job.nodes[HALL], boot=9)
    row = job.nodes[HALL]
    assert (row.status, row.from_version) == (NodeStatus.COMPLETED, "1.0.5")


def test_nothing_said_before_the_restart_can_end_a_row(house: House, job: Job):
    house.come_back(job, job.nodes[HALL], boot=7)
    assert job.nodes[HALL].status is NodeStatus.RESTARTING


def test_the_last_part_alone_completes_nothing(house: House, job: Job):
    """Fault 2: the seed was done when the last part was handed out."""
    house.say(HALL, boot=7, phase="restarting")
    assert job.nodes[HALL].status is NodeStatus.RESTARTING


def test_another_attempts_outcome_completes_nothing(house: House, job: Job):
    last = {"tag": f"{job.token}-9", "outcome": "confirmed", "proof": NEW_PROOF, "reason": ""}
    house.say(HALL, boot=7, proof=NEW_PROOF, last=last)
    assert job.nodes[HALL].status is NodeStatus.RESTARTING


def test_a_confirmed_node_with_other_files_has_failed(house: House, job: Job):
    """One byte flipped in the slot gives another proof."""
    house.come_back(job, job.nodes[HALL], boot=8, proof="03" * 32)
    row = job.nodes[HALL]
    assert (row.status, row.reason) == (NodeStatus.FAILED, "wrong_proof")


def test_a_refused_image_is_rolled_back_and_says_why(house: House, job: Job):
    house.come_back(job, job.nodes[HALL], "refused", boot=9)
    row = job.nodes[HALL]
    assert row.status is NodeStatus.ROLLED_BACK
    assert row.error_message == "The node went back to its old firmware. because"
    assert job.status is JobStatus.FAILED


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [("trial", "on_trial"), ("retry", "trial_retry"), ("power", "trial_power")],
)
def test_a_trial_without_a_verdict_stays_restarting_and_says_so(
    house: House, job: Job, outcome: str, reason: str
):
    house.come_back(job, job.nodes[HALL], outcome, boot=8)
    row = job.nodes[HALL]
    assert (row.status, row.reason) == (NodeStatus.RESTARTING, reason)
    assert row.error_message


def test_a_retry_that_is_refused_at_last_is_rolled_back(house: House, job: Job):
    row = job.nodes[HALL]
    for boot in (9, 11, 13):
        house.come_back(job, row, "retry", boot=boot)
    house.come_back(job, row, "refused", boot=15)
    assert row.status is NodeStatus.ROLLED_BACK


def test_a_retry_that_succeeds_completes(house: House, job: Job):
    row = job.nodes[HALL]
    house.come_back(job, row, "retry", boot=9)
    house.come_back(job, row, boot=10)
    assert row.status is NodeStatus.COMPLETED


def test_a_lost_report_of_the_commit_does_no_harm(house: House):
    """The gateway died right after `go commit`: the node's own word is enough."""
    job = house.create(node_ids=[HALL])
    house.progress(job, "downloading", current_part=9)
    house.come_back(job, job.nodes[HALL], "trial", boot=8)
    assert job.nodes[HALL].status is NodeStatus.RESTARTING
    house.come_back(job, job.nodes[HALL], boot=8)
    assert job.nodes[HALL].status is NodeStatus.COMPLETED


def test_a_node_that_restarted_without_a_trial_is_offered_the_image_again(house: House, job: Job):
    """The power went before it had written its trial down."""
    house.say(HALL, boot=8)
    row = job.nodes[HALL]
    assert (row.status, row.attempt, row.reason) == (NodeStatus.PENDING, 2, "not_committed")
    assert house.engine.pending("1111111111").jobs[0]["targets"] == [
        {"node_id": HALL, "attempt": 2}
    ]


def test_reports_of_the_attempt_before_are_worthless(house: House, job: Job):
    house.say(HALL, boot=8)
    house.progress(job, "restarting", attempt=1, boot=8)
    assert job.nodes[HALL].status is NodeStatus.PENDING


def test_after_three_attempts_it_is_over(house: House, job: Job):
    row = job.nodes[HALL]
    for boot in range(8, 8 + MAX_ATTEMPTS):
        house.progress(job, "restarting", boot=boot - 1)
        house.say(HALL, boot=boot)
    assert (row.status, row.reason) == (NodeStatus.FAILED, "too_often")


def test_a_node_that_turns_out_to_run_it_is_skipped(house: House):
    job = house.create(node_ids=[HALL])
    house.progress(job, "offered")
    house.say(HALL, proof=NEW_PROOF)
    assert job.nodes[HALL].status is NodeStatus.SKIPPED


def test_with_force_nothing_but_this_jobs_own_restart_counts(house: House):
    job = house.create(node_ids=[HALL], force=True)
    house.say(HALL, proof=NEW_PROOF)
    assert job.nodes[HALL].status is NodeStatus.PENDING


def test_a_status_with_wrong_types_proves_nothing(house: House, job: Job):
    for hostile in ({"proof": [NEW_PROOF]}, {"boot": "8"}, {"last": "confirmed"}, {"boot": True}):
        said = {"tag": job.tag(job.nodes[HALL]), "outcome": "confirmed", "proof": NEW_PROOF}
        status = {"boot": 8, "proof": OLD_PROOF, "last": None} | hostile
        if "proof" in hostile:
            status |= {"last": said, "boot": 7}
        house.say(HALL, **status | {"boot": hostile.get("boot", 7)})
    assert job.nodes[HALL].status is NodeStatus.RESTARTING


@pytest.fixture
def stock_job() -> tuple[House, Job]:
    """A stock node that has its last part."""
    house = House()
    house.join_stock(ATTIC)
    job = house.create(sketch(), node_ids=[ATTIC])
    house.progress(job, "restarting", ATTIC)
    return house, job


def test_a_stock_node_that_came_back_and_stayed_is_installed_but_not_proved(stock_job):
    house, job = stock_job
    house.leave(ATTIC)
    house.join_stock(ATTIC)
    row = job.nodes[ATTIC]
    house.wait(minutes=9)
    assert (row.status, row.reason) == (NodeStatus.RESTARTING, "settling")
    house.wait(minutes=2)
    assert row.status is NodeStatus.RESTARTING, (
        "it has not been asked yet whether it wants the image"
    )
    house.progress(job, "restarting", ATTIC, silent=1)
    house.wait(minutes=1)
    assert row.status is NodeStatus.RESTARTING
    house.progress(job, "restarting", ATTIC, silent=2)
    house.wait(minutes=1)
    assert (row.status, row.reason) == (NodeStatus.COMPLETED, "not_proved")
    assert row.error_message == "Installed, not proved: a C++ node cannot say what it runs."


def test_a_stock_node_that_drops_out_again_has_to_stay_anew(stock_job):
    house, job = stock_job
    house.leave(ATTIC)
    house.join_stock(ATTIC)
    house.wait(minutes=8)
    house.leave(ATTIC)
    house.join_stock(ATTIC)
    house.wait(minutes=8)
    assert job.nodes[ATTIC].status is NodeStatus.RESTARTING


def test_a_stock_node_is_not_judged_while_its_gateway_is_away(stock_job):
    house, job = stock_job
    house.progress(job, "restarting", ATTIC, silent=2)
    house.wait(gateways=(), minutes=30)
    assert job.nodes[ATTIC].status is NodeStatus.RESTARTING


def test_a_stock_node_that_asks_for_the_image_again_is_offered_it_three_times(stock_job):
    house, job = stock_job
    row = job.nodes[ATTIC]
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert row.attempt == attempt
        house.progress(job, "restarting", ATTIC)
        house.leave(ATTIC)
        house.join_stock(ATTIC)
        house.progress(job, "downloading", ATTIC)
    assert (row.status, row.reason) == (NodeStatus.FAILED, "too_often")


def test_a_stock_node_that_left_unseen_is_known_by_wanting_nothing_of_what_it_was_taking():
    """The gateway was killed when the node had its last part."""
    house = House()
    house.join_stock(ATTIC)
    job = house.create(sketch(), node_ids=[ATTIC])
    row = job.nodes[ATTIC]
    house.progress(job, "offered", ATTIC, silent=2)
    assert row.status is NodeStatus.OFFERED, (
        "it never began: its sketch may take no updates any more"
    )
    house.progress(job, "downloading", ATTIC, current_part=4)
    house.progress(job, "offered", ATTIC)
    house.progress(job, "offered", ATTIC, silent=1)
    assert row.status is NodeStatus.DOWNLOADING
    house.progress(job, "offered", ATTIC, silent=2)
    assert row.status is NodeStatus.RESTARTING
    house.wait(minutes=11)
    assert row.status is NodeStatus.COMPLETED


def test_a_stock_node_has_to_stay_anew_after_its_gateway_was_away(stock_job):
    house, job = stock_job
    house.leave(ATTIC)
    house.join_stock(ATTIC)
    house.progress(job, "restarting", ATTIC, silent=2)
    house.wait(gateways=(), minutes=30)
    house.wait(minutes=8)
    assert job.nodes[ATTIC].status is NodeStatus.RESTARTING
    house.wait(minutes=4)
    assert job.nodes[ATTIC].status is NodeStatus.COMPLETED


def test_a_stock_node_that_we_updated_is_skipped_the_next_time(stock_job):
    house, job = stock_job
    house.leave(ATTIC)
    house.join_stock(ATTIC)
    house.progress(job, "restarting", ATTIC, silent=2)
    house.wait(minutes=11)
    again = house.create(sketch(), node_ids=[ATTIC])
    assert again.nodes[ATTIC].status is NodeStatus.SKIPPED


def test_what_a_stock_node_runs_is_recalled_from_the_jobs(stock_job):
    """Killed soon after, Home Assistant had the job written down and not yet what it noted of the node."""
    house, job = stock_job
    house.leave(ATTIC)
    node = house.join_stock(ATTIC)
    house.progress(job, "restarting", ATTIC, silent=2)
    house.wait(minutes=11)
    assert job.status is JobStatus.COMPLETED
    node.md5, node.version = "ab" * 16, "0.9.0"
    house.engine.recall()
    assert (node.md5, node.version) == (job.md5_hash, job.version)


def test_a_node_that_became_another_type_is_not_offered_the_image(house: House):
    """Somebody flashed it by cable; never target by anything but what it is now."""
    job = house.create(node_ids=[HALL])
    house.say(HALL, type="led")
    assert (job.nodes[HALL].status, job.nodes[HALL].reason) == (NodeStatus.FAILED, "unfit")
    assert house.listed() == {}


def test_a_node_whose_flash_was_erased_counts_its_boots_anew(house: House):
    job = house.create(node_ids=[HALL])
    house.say(HALL, boot=1)
    house.restart(job)
    assert job.nodes[HALL].status is NodeStatus.COMPLETED


def test_a_stock_node_that_says_its_status_is_stock_no_longer():
    house = House()
    house.join_stock(ATTIC)
    job = house.create(sketch(), node_ids=[ATTIC])
    house.say(ATTIC, type="dht")
    assert (job.nodes[ATTIC].status, job.nodes[ATTIC].reason) == (NodeStatus.FAILED, "unfit")
