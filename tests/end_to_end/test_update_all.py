"""The first rollout of the house: what "update all" on every entity must have done and shown."""

from itertools import pairwise

from simulator import firmware
from simulator.stage import Stage
from tests.end_to_end.first_rollout import NEW, FirstRollout

TYPES = ("button", "button2", "dht", "led", "pir", "watcher")


async def test_every_node_two_hops_deep_proves_the_new_version(
    stage: Stage, first_rollout: FirstRollout
) -> None:
    outcomes = {
        name: first_rollout.row_of(str(board.node_id))["status"]
        for name, board in stage.mesh.nodes.items()
    }
    assert outcomes == dict.fromkeys(stage.mesh.nodes, "completed")
    assert first_rollout.installed == dict.fromkeys(stage.mesh.nodes, NEW)


async def test_update_all_makes_one_job_of_each_type(first_rollout: FirstRollout) -> None:
    assert sorted(job["node_type"] for job in first_rollout.jobs) == sorted(TYPES)
    of_pirs = next(job for job in first_rollout.jobs if job["node_type"] == "pir")
    assert len(of_pirs["nodes"]) == 2


async def test_each_type_got_its_own_bytes_in_one_run_of_the_gateway(
    stage: Stage, first_rollout: FirstRollout
) -> None:
    proofs = {first["proof"] for first in first_rollout.library.values()}
    assert len(proofs) == len(TYPES)
    wanted = {
        place.name: first_rollout.library[place.node_type]["proof"] for place in stage.mesh.plan
    }
    assert first_rollout.proofs == wanted
    assert first_rollout.gateway_starts == 1


async def test_the_new_version_does_what_the_old_one_did_not(
    stage: Stage, first_rollout: FirstRollout
) -> None:
    for board in stage.mesh.nodes.values():
        assert board.pin(firmware.LIT_BY_NEW_VERSION) == 1
        before, _, after = board.said().partition("This is the new version.")
        assert "boot 1, power_on" in before
        assert "boot 1," not in after


async def test_progress_moves_and_begins_without_a_number(first_rollout: FirstRollout) -> None:
    for samples in first_rollout.samples.values():
        shown = [sample.percentage for sample in samples if sample.in_progress]
        numbers = [number for number in shown if number is not None]
        assert len(set(numbers)) >= 3, "the bar must move"
        assert numbers == sorted(numbers)
        # The row is asked for first, so what an entity shows may be one look ahead of it.
        assert all(
            sample.percentage is None
            for sample, following in pairwise(samples)
            if following.status in ("pending", "offered")
        )


async def test_no_entity_shows_the_new_version_before_its_node_has_proved_it(
    first_rollout: FirstRollout,
) -> None:
    """The row is asked for first, so what an entity shows may be one look ahead of it."""
    for samples in first_rollout.samples.values():
        assert samples[0].installed != NEW
        for now, later in pairwise(samples):
            assert now.installed != NEW or later.status == "completed", now


async def test_an_entity_is_in_progress_from_the_offer_to_the_proof(
    first_rollout: FirstRollout,
) -> None:
    for samples in first_rollout.samples.values():
        assert samples[-1].status == "completed"
        assert not samples[-1].in_progress
        assert samples[-1].percentage is None
        assert any(sample.in_progress for sample in samples)
