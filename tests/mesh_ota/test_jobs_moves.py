"""Rows that change their gateway, and lists of a Home Assistant that is older than what its gateways have seen."""

import pytest

from custom_components.mesh_ota.jobs.states import JobStatus, NodeStatus

from .house import ATTIC, GATEWAY, HALL, OTHER_GATEWAY, House


@pytest.fixture
def house() -> House:
    """Two gateways, and nobody in it."""
    found = House()
    found.add_gateway(OTHER_GATEWAY)
    return found


def test_each_gateway_is_given_its_own_nodes_only(house: House):
    house.join(HALL)
    house.join(ATTIC, OTHER_GATEWAY)
    job = house.create()
    assert house.listed(GATEWAY) == {job.id: [HALL]}
    assert house.listed(OTHER_GATEWAY) == {job.id: [ATTIC]}


def test_a_node_that_moves_takes_its_row_along_as_a_new_attempt(house: House):
    house.join(HALL)
    job = house.create()
    house.progress(job, "downloading", current_part=5)
    house.leave(HALL)
    house.join(HALL, OTHER_GATEWAY)
    row = job.nodes[HALL]
    assert (row.gateway_id, row.attempt, row.status) == (OTHER_GATEWAY, 2, NodeStatus.DOWNLOADING)
    assert house.listed(GATEWAY) == {}
    assert house.listed(OTHER_GATEWAY) == {job.id: [HALL]}


def test_moving_from_gateway_to_gateway_is_no_failed_try(house: House):
    house.join(HALL)
    job = house.create()
    for here, there in ((GATEWAY, OTHER_GATEWAY), (OTHER_GATEWAY, GATEWAY)) * 2:
        house.leave(HALL, here)
        house.join(HALL, there)
    row = job.nodes[HALL]
    assert row.attempt == 5
    house.progress(job, "restarting", boot=7)
    house.say(HALL, boot=8)  # it knows nothing of it: the commit was lost
    assert (row.status, row.tries) == (NodeStatus.PENDING, 1)


def test_a_node_never_moves_between_commit_and_proof(house: House):
    house.join(HALL)
    job = house.create()
    house.progress(job, "restarting", boot=7)
    house.leave(HALL)
    house.nodes.report_tree(OTHER_GATEWAY, [[HALL, OTHER_GATEWAY]], house.now)
    assert house.nodes.nodes[HALL].gateway_id == GATEWAY


def test_a_node_that_both_gateways_see_stays_where_it_is(house: House):
    house.join(HALL)
    house.nodes.report_tree(OTHER_GATEWAY, [[HALL, OTHER_GATEWAY]], house.now)
    assert house.nodes.nodes[HALL].gateway_id == GATEWAY


def test_an_older_copy_of_home_assistant_pauses_what_it_would_do():
    """Otherwise a restored backup would downgrade the house."""
    house = House()
    house.join(HALL)
    job = house.create()
    seen = house.engine.revision + 40
    assert house.engine.restored_from_backup(GATEWAY, seen, house.now) == [job]
    house.refresh()
    assert (job.status, job.waiting_for) == (JobStatus.PAUSED, "user")
    assert house.listed() == {}
    assert house.engine.pending(GATEWAY).revision > seen
    assert job.nodes[HALL].error_message.startswith("Paused: Home Assistant was restored")


def test_a_gateway_that_has_seen_no_more_than_we_gave_out_pauses_nothing():
    house = House()
    house.join(HALL)
    job = house.create()
    house.engine.given(GATEWAY, house.engine.revision)
    assert house.engine.restored_from_backup(GATEWAY, house.engine.revision, house.now) == []
    assert job.status is JobStatus.PENDING


def test_what_an_older_copy_has_drawn_since_its_start_does_not_hide_that_it_is_one():
    """A list changes a few times while a restored Home Assistant starts: its own revision grows past the gateway's."""
    house = House()
    house.join(HALL)
    job = house.create()
    seen = house.engine.revision + 1
    again = House(house.engine.stored())
    for _ in range(3):
        again.join(HALL)
        again.leave(HALL)
    assert again.engine.revision >= seen
    assert [
        paused.id for paused in again.engine.restored_from_backup(GATEWAY, seen, house.now)
    ] == [job.id]
