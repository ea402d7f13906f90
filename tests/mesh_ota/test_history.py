"""The sealed history, without Home Assistant."""

from datetime import timedelta

import pytest

from custom_components.mesh_ota.jobs import history as history_module
from custom_components.mesh_ota.jobs.history import GENESIS, History

from .house import ATTIC, GATEWAY, HALL, House, firmware

AGE = timedelta(days=730)


@pytest.fixture
def house() -> House:
    """A house with one job that has ended."""
    house = House()
    house.join(HALL)
    house.restart(house.create())
    return house


def test_each_thing_is_written_once_and_in_the_order_in_which_it_happened(house: House):
    history, job = History(), house.engine.ledger.jobs[1]
    assert history.take(job) and not history.take(job)
    assert [(e["n"], e["kind"], e["outcome"]) for e in history.entries] == [
        (1, "job", None),
        (2, "node", "completed"),
    ]
    assert history.entries[0]["prev"] == GENESIS
    assert history.verify() is None


def test_an_entry_says_what_the_update_cost_in_all_of_its_attempts():
    """The gateway restarts in the first one and counts anew; the second starts without a trial."""
    house = House()
    house.join(HALL)
    job = house.create(actor="somebody")
    for part, resent in ((3, 2), (4, 5), (5, 1)):
        house.progress(job, "downloading", current_part=part, resent=resent)
    house.wait(seconds=20)
    house.progress(job, "restarting", boot=7)
    house.say(boot=8)
    assert job.nodes[HALL].attempt == 2
    house.progress(job, "downloading", current_part=5, resent=4)
    house.wait(seconds=10)
    house.restart(job)
    history = History()
    history.take(job)
    entry = history.entries[-1]
    expected = {
        "actor": "somebody", "node_id": HALL, "node_type": "pir", "from_version": "1.0.0", "to_version": "1.1.0",
        "outcome": "completed", "reason": None, "message": None, "force": False, "bytes": job.size_bytes,
        "parts_resent": 10, "retries": 1, "seconds": 30, "retry_of": None, "firmware_id": job.firmware_id,
    }  # fmt: skip
    assert {name: entry[name] for name in expected} == expected
    restored = type(job).restored(job.stored())
    assert restored.nodes[HALL].resent_in_all == 10


@pytest.mark.parametrize("change", ["alter", "drop", "swap", "forge"])
def test_no_change_goes_unnoticed(house: House, change: str):
    history = History()
    house.join(ATTIC)
    house.create(node_ids=[ATTIC])
    for job in house.engine.ledger.jobs.values():
        history.take(job)
    entries = history.entries
    if change == "alter":
        entries[0]["actor"] = "somebody else"
    elif change == "drop":
        del entries[1]
    elif change == "swap":
        entries[0], entries[1] = entries[1], entries[0]
    else:
        entries[1]["outcome"] = "failed"
        entries[1]["hash"] = history_module.seal(entries[1])
    assert history.verify() is not None


def test_a_stored_history_goes_on_where_it_was(house: House):
    history, again = History(), History()
    history.take(house.engine.ledger.jobs[1])
    again.restore(history.stored())
    assert not again.take(house.engine.ledger.jobs[1])
    house.join(ATTIC)
    again.take(house.create(node_ids=[ATTIC]))
    assert again.verify() is None
    assert again.entries[-1]["n"] == 3


def test_the_oldest_go_and_the_rest_still_holds(house: House, monkeypatch: pytest.MonkeyPatch):
    history, job = History(), house.engine.ledger.jobs[1]
    history.take(job)
    house.now += AGE + timedelta(days=1)
    house.join(ATTIC)
    new = house.create(node_ids=[ATTIC])
    history.take(new)
    assert history.prune(house.now, AGE)
    assert [entry["job_id"] for entry in history.entries] == [new.id]
    assert history.verify() is None
    assert not history.take(job)
    monkeypatch.setattr(history_module, "ENTRIES_MAX", 0)
    assert history.prune(house.now, AGE) and history.entries == []


def test_who_cancelled_is_an_entry_of_its_own(house: House):
    """Beside what became of each node; who made the job is another matter."""
    house.join(ATTIC)
    job = house.create(node_ids=[ATTIC], actor="maker")
    house.engine.cancel(job.id, house.now, "canceller")
    history = History()
    history.take(job)
    told = {entry["kind"]: entry["actor"] for entry in history.entries}
    assert told == {"job": "maker", "node": "maker", "cancel": "canceller"}
    assert job.as_dict()["cancelled_by"] == "canceller"
    assert not history.take(type(job).restored(job.stored()))


def test_who_paused_and_resumed_is_told_each_time_and_only_when_it_changed_something(house: House):
    house.join(ATTIC)
    job = house.create(node_ids=[ATTIC], actor="maker")
    history, engine = History(), house.engine
    for step, actor in (("pause", "a"), ("pause", "b"), ("resume", None), ("resume", "c")):
        house.now += timedelta(minutes=1)
        getattr(engine, step)(job.id, house.now, actor)
        if step == "pause":
            assert job.as_dict()["paused_by"] == "a"
        history.take(job)
    told = [(e["kind"], e["actor"], e["at"]) for e in history.entries]
    at = house.now - timedelta(minutes=3), house.now - timedelta(minutes=1)
    assert told == [
        ("job", "maker", job.created_at.isoformat()),
        ("pause", "a", at[0].isoformat()),
        ("resume", None, at[1].isoformat()),
    ]
    assert job.as_dict().get("paused_at") is None
    assert history.verify() is None
    assert not history.take(type(job).restored(job.stored()))


def test_a_job_that_an_old_backup_paused_says_so(house: House):
    house.join(ATTIC)
    job = house.create(node_ids=[ATTIC], actor="maker")
    house.engine.restored_from_backup(GATEWAY, house.engine.revision + 9, house.now)
    history = History()
    history.take(job)
    (paused,) = [entry for entry in history.entries if entry["kind"] == "pause"]
    assert (paused["actor"], paused["reason"]) == (None, "old_backup")


def test_a_job_that_is_held_every_minute_does_not_grow(house: House):
    """The history has them all: it takes each in when it happens."""
    house.join(ATTIC)
    job = house.create(node_ids=[ATTIC])
    history = History()
    for number in range(50):
        house.now += timedelta(minutes=1)
        house.engine.pause(job.id, house.now, str(number))
        history.take(job)
        house.engine.resume(job.id, house.now + timedelta(seconds=1), str(number))
        history.take(job)
    assert len(job.holds) == 20
    assert sum(entry["kind"] == "pause" for entry in history.entries) == 50
    assert history.verify() is None


# Old jobs


def end_jobs(house: House, count: int, node_id: str = HALL) -> list[int]:
    """So many jobs for a node, each cancelled; their ids."""
    ids = []
    for number in range(count):
        job = house.create(firmware(10 + number), node_ids=[node_id], force=True)
        house.cancel(job)
        ids.append(job.id)
    return ids


def test_old_jobs_go_and_the_last_of_each_node_stays(house: House):
    """So that an entity still says how the last update of its node went."""
    house.join(ATTIC)
    (attics,) = end_jobs(house, 1, ATTIC)
    halls = end_jobs(house, 3)
    house.now += timedelta(days=91)
    open_job = house.create(firmware(99))
    assert house.engine.prune(house.now, timedelta(days=90)) == [1, attics, *halls]
    assert list(house.engine.ledger.jobs) == [open_job.id]


def test_a_nodes_last_job_stays_however_old_it_is(house: House):
    (first, last) = end_jobs(house, 2)
    house.now += timedelta(days=4000)
    assert house.engine.prune(house.now, timedelta(days=1)) == [1, first]
    assert house.engine.ledger.jobs.keys() == {last}
    house.engine.forget_node(HALL, house.now, "node_removed")
    house.nodes.forget(HALL)
    assert house.engine.prune(house.now, timedelta(days=1)) == [last]


def test_too_many_jobs_go_oldest_first_and_no_number_comes_again(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("custom_components.mesh_ota.jobs.ledger.ENDED_MAX", 2)
    ids = end_jobs(house, 4)
    assert house.engine.prune(house.now, timedelta(days=90)) == [1, *ids[:2]]
    again = House(house.engine.stored())
    assert list(again.engine.ledger.jobs) == ids[2:]
    again.join(HALL)
    assert again.create().id == ids[-1] + 1
