"""How jobs come to be, and what they refuse."""

import pytest

from custom_components.mesh_ota.errors import (
    Conflict,
    InvalidRequest,
    MeshOtaError,
    NotFound,
    Unfit,
)
from custom_components.mesh_ota.jobs.states import JobStatus, NodeStatus

from .house import ATTIC, GATEWAY, HALL, NEW_PROOF, PORCH, House, firmware, sketch


@pytest.fixture
def house() -> House:
    """Two nodes of type pir on 1.0.0."""
    house = House()
    house.join(HALL)
    house.join(ATTIC)
    return house


def test_without_a_target_a_job_is_for_the_firmwares_type(house: House):
    house.join(PORCH, type="led")
    job = house.create()
    assert set(job.nodes) == {HALL, ATTIC}
    assert (job.target_node_type, job.target_node_id) == ("pir", None)


def test_a_job_for_one_node_touches_no_other(house: House):
    """Fault 3: the seed's target_node_id was stored and never used."""
    job = house.create(node_ids=[HALL])
    assert house.listed() == {job.id: [HALL]}
    assert job.target_node_id == HALL


def test_a_firmware_for_another_type_is_refused_with_a_sentence(house: House):
    """Fault 4: the seed's target_node_type override was stored and never used."""
    with pytest.raises(Unfit) as refused:
        house.create(node_type="led")
    assert refused.value.placeholders == {"firmware_type": "pir", "node_type": "led"}
    assert house.engine.ledger.jobs == {}


@pytest.mark.parametrize(
    ("image", "wanted", "error", "key"),
    [
        (firmware(), {"node_ids": ["5555555555"]}, NotFound, "unknown_node"),
        (firmware(), {"node_ids": []}, InvalidRequest, "no_target"),
        (firmware(), {"node_ids": [HALL], "node_type": "pir"}, InvalidRequest, "one_target_only"),
        (firmware(node_type="led"), {"node_ids": [HALL]}, Unfit, "firmware_for_other_type"),
        (sketch(node_type="pir"), {"node_ids": [HALL]}, Unfit, "firmware_only_for_stock"),
        (
            firmware(kind="esp-image", hardware="ESP32", chip="esp32"),
            {"node_ids": [HALL]},
            Unfit,
            "firmware_needs_partition",
        ),
    ],
)
def test_a_job_that_makes_no_sense_changes_nothing(
    house: House, image, wanted, error: type[MeshOtaError], key: str
):
    with pytest.raises(error) as refused:
        house.create(image, **wanted)
    assert refused.value.key == key
    assert house.engine.ledger.jobs == {}
    assert house.listed() == {}


def test_an_image_for_another_chip_is_refused():
    house = House()
    house.join(HALL, kind="esp-image", chip="esp32s3")
    with pytest.raises(Unfit, match="firmware_for_other_chip"):
        house.create(firmware(kind="esp-image", chip="esp32"), node_ids=[HALL])


def test_a_board_with_two_partitions_takes_an_image_whatever_it_runs():
    house = House()
    house.join(HALL, kind="app-bundle", chip="esp32", images=True)
    job = house.create(firmware(kind="esp-image", chip="esp32"), node_ids=[HALL])
    assert house.listed() == {job.id: [HALL]}


def test_an_application_in_the_image_leaves_no_place_for_a_bundle():
    house = House()
    house.join(HALL, kind="esp-image", chip="esp32", images=True)
    with pytest.raises(Unfit, match="firmware_of_other_kind"):
        house.create(firmware(), node_ids=[HALL])


def test_a_gateway_takes_no_image_and_the_sentence_says_so(house: House):
    image = firmware(node_type="gateway", kind="esp-image", hardware="ESP32", chip="esp32")
    with pytest.raises(Unfit, match="firmware_not_for_gateway"):
        house.create(image, node_ids=[GATEWAY])


def test_the_same_job_twice_skips_what_runs_already(house: House):
    job = house.create(node_ids=[HALL])
    house.restart(job)
    again = house.create(node_ids=[HALL])
    assert again.nodes[HALL].status is NodeStatus.SKIPPED
    assert again.status is JobStatus.COMPLETED
    assert house.listed() == {}


@pytest.mark.parametrize("node_ids", [None, [HALL, ATTIC]])
def test_a_node_that_runs_it_already_ends_no_job_for_others(
    house: House, node_ids: list[str] | None
):
    """Whichever comes first: the job used to be over with its first row."""
    house.join(ATTIC)
    house.say(HALL, proof=NEW_PROOF)
    assert list(house.nodes.nodes)[:2] == [GATEWAY, HALL]
    job = house.create(node_ids=node_ids)
    assert job.nodes[HALL].status is NodeStatus.SKIPPED
    assert job.open
    assert house.listed() == {job.id: [ATTIC]}
    house.restart(job, ATTIC)
    assert job.status is JobStatus.COMPLETED


def test_with_force_it_is_flashed_again_once(house: House):
    house.say(HALL, proof=NEW_PROOF)
    job = house.create(node_ids=[HALL], force=True)
    assert house.listed() == {job.id: [HALL]}
    house.restart(job, proof=NEW_PROOF)
    assert job.nodes[HALL].status is NodeStatus.COMPLETED
    assert house.listed() == {}


def test_what_a_node_ran_when_it_was_last_heard_does_not_skip_it(house: House):
    """It may have been flashed by cable while it was away: its next status decides."""
    house.say(HALL, proof=NEW_PROOF)
    house.leave(HALL)
    job = house.create(node_ids=[HALL])
    assert job.nodes[HALL].status is NodeStatus.PENDING
    house.join(HALL, proof=NEW_PROOF)
    assert job.nodes[HALL].status is NodeStatus.SKIPPED


def test_a_newer_job_takes_the_place_of_a_row_that_has_not_started(house: House):
    older = house.create()
    newer = house.create(firmware(2, version="1.2.0"), node_ids=[HALL])
    assert older.nodes[HALL].status is NodeStatus.CANCELLED
    assert older.nodes[HALL].error_message == f"Job {newer.id} took its place before it started."
    assert older.nodes[ATTIC].status is NodeStatus.PENDING
    assert older.status is JobStatus.DISTRIBUTING


def test_a_started_row_finishes_before_a_newer_job_begins(house: House):
    older = house.create(node_ids=[HALL])
    house.progress(older, "downloading", current_part=3)
    newer = house.create(firmware(2, version="1.2.0", proof="03" * 32), node_ids=[HALL])
    assert house.listed() == {older.id: [HALL]}
    house.restart(older)
    assert older.status is JobStatus.COMPLETED
    assert house.listed() == {newer.id: [HALL]}


def test_a_node_that_turns_up_later_joins_the_running_job_for_its_type(house: House):
    job = house.create()
    house.join(PORCH)
    assert PORCH in job.nodes


def test_a_node_that_turns_up_later_joins_no_job_for_others(house: House):
    job = house.create(node_ids=[HALL])
    house.join(PORCH)
    assert set(job.nodes) == {HALL}


def test_a_job_for_a_type_without_nodes_waits_for_one():
    house = House()
    job = house.create()
    assert job.status is JobStatus.PENDING
    house.join(HALL)
    assert house.listed() == {job.id: [HALL]}


def test_installs_within_two_seconds_make_one_job(house: House):
    nodes = house.nodes.nodes
    first = house.engine.install(firmware(), nodes[HALL], house.now, None)
    house.wait(step=1, seconds=2)
    second = house.engine.install(firmware(), nodes[ATTIC], house.now, None)
    assert first is second
    assert first.target_node_ids == [HALL, ATTIC]
    assert first.target_node_id is None


def test_an_install_after_two_seconds_is_a_job_of_its_own(house: House):
    nodes = house.nodes.nodes
    first = house.engine.install(firmware(), nodes[HALL], house.now, None)
    house.wait(step=1, seconds=3)
    assert house.engine.install(firmware(), nodes[ATTIC], house.now, None) is not first


def test_an_install_of_another_version_is_a_job_of_its_own(house: House):
    nodes = house.nodes.nodes
    first = house.engine.install(firmware(), nodes[HALL], house.now, None)
    other = house.engine.install(firmware(2, version="1.2.0"), nodes[ATTIC], house.now, None)
    assert other is not first


def test_cancel_ends_what_has_not_been_committed(house: House):
    job = house.create()
    house.progress(job, "downloading", current_part=2)
    house.cancel(job)
    assert {row.status for row in job.nodes.values()} == {NodeStatus.CANCELLED}
    assert job.status is JobStatus.CANCELLED
    assert house.listed() == {}


def test_a_node_that_restarts_runs_on_to_its_outcome_although_its_job_is_cancelled(house: House):
    job = house.create(node_ids=[HALL])
    house.progress(job, "restarting", boot=7)
    house.cancel(job)
    assert job.status is JobStatus.CANCELLED
    assert house.listed() == {job.id: [HALL]}
    house.come_back(job, job.nodes[HALL], boot=8)
    assert job.nodes[HALL].status is NodeStatus.COMPLETED
    assert job.status is JobStatus.CANCELLED
    assert house.listed() == {}


def test_a_job_that_has_ended_cannot_be_cancelled(house: House):
    job = house.create()
    house.cancel(job)
    with pytest.raises(Conflict, match="job_has_ended"):
        house.engine.cancel(job.id, house.now)


def test_an_unknown_job_cannot_be_cancelled(house: House):
    with pytest.raises(NotFound, match="unknown_job"):
        house.engine.cancel(99, house.now)


def test_ids_and_tokens_are_never_given_out_twice(house: House):
    jobs = [house.create(node_ids=[HALL]) for _ in range(3)]
    assert [job.id for job in jobs] == [1, 2, 3]
    assert len({job.token for job in jobs}) == 3


def test_a_job_for_the_gateway_itself_is_listed_for_it(house: House):
    image = firmware(node_type="gateway")
    job = house.create(image, node_ids=[GATEWAY])
    assert house.listed() == {job.id: [GATEWAY]}


def test_naming_a_stock_node_confirms_its_chip():
    """All ESP32 chips call themselves ESP32; a job for a whole type would be a guess."""
    house = House()
    node = house.join_stock()
    job = house.create(sketch())
    assert house.listed() == {}
    house.engine.tick(house.now)
    assert job.nodes[ATTIC].reason == "chip_not_confirmed"
    named = house.create(sketch(), node_ids=[ATTIC])
    assert node.chip == "esp32"
    assert house.listed() == {named.id: [ATTIC]}


def test_naming_a_stock_node_that_never_asked_says_its_type():
    house = House()
    node = house.join_stock()
    node.node_type = node.hardware = None
    assert house.create(sketch()).nodes == {}
    named = house.create(sketch(), node_ids=[ATTIC])
    assert node.node_type == "dht"
    assert house.listed() == {named.id: [ATTIC]}


def test_naming_a_stock_node_that_has_asked_changes_nothing():
    house = House()
    node = house.join_stock()
    node.node_type = "led"
    with pytest.raises(Unfit, match="firmware_for_other_type"):
        house.create(sketch(), node_ids=[ATTIC])
    assert node.node_type == "led"


def test_a_type_with_stock_and_own_nodes_gives_each_its_own():
    house = House()
    house.join(HALL, type="dht")
    house.join_stock(ATTIC)
    assert set(house.create(firmware(node_type="dht")).nodes) == {HALL}
    assert set(house.create(sketch()).nodes) == {ATTIC}
