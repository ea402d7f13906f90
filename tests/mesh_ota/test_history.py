"""The sealed history, without Home Assistant."""

from datetime import timedelta

import pytest

from custom_components.mesh_ota.jobs import history as history_module
from custom_components.mesh_ota.jobs.history import AGE_MAX, GENESIS, History

from .house import ATTIC, HALL, House


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
    house.now += AGE_MAX + timedelta(days=1)
    house.join(ATTIC)
    new = house.create(node_ids=[ATTIC])
    history.take(new)
    assert history.prune(house.now)
    assert [entry["job_id"] for entry in history.entries] == [new.id]
    assert history.verify() is None
    assert not history.take(job)
    monkeypatch.setattr(history_module, "ENTRIES_MAX", 0)
    assert history.prune(house.now) and history.entries == []
