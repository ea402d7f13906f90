"""The table of states: what design and documentation promise of it."""

import importlib.util
from pathlib import Path

import pytest

from custom_components.mesh_ota.jobs.states import (
    FINAL,
    REPORTABLE,
    STARTED,
    TRANSITIONS,
    NodeStatus,
    may_follow,
)

ROOT = Path(__file__).parents[2]
ORDER = [NodeStatus.PENDING, *STARTED]


def test_every_state_stands_in_the_table():
    assert set(TRANSITIONS) == set(NodeStatus)


def test_no_state_follows_itself():
    assert not any(may_follow(status, status) for status in NodeStatus)


@pytest.mark.parametrize("before", ORDER)
@pytest.mark.parametrize("after", ORDER)
def test_forward_may_be_skipped_and_back_leads_only_the_trial_that_never_was(
    before: NodeStatus, after: NodeStatus
):
    forward = ORDER.index(after) > ORDER.index(before)
    back = (before, after) == (NodeStatus.RESTARTING, NodeStatus.PENDING)
    assert may_follow(before, after) is (forward or back)


def test_what_has_ended_stays_so():
    assert set(FINAL) == set(NodeStatus) - set(ORDER)


def test_cancel_works_until_commit_and_no_longer():
    cancellable = {before for before in NodeStatus if may_follow(before, NodeStatus.CANCELLED)}
    assert cancellable == set(ORDER) - {NodeStatus.RESTARTING}


def test_only_a_restart_leads_to_a_proof():
    for outcome in (NodeStatus.COMPLETED, NodeStatus.ROLLED_BACK):
        assert [before for before in NodeStatus if may_follow(before, outcome)] == [
            NodeStatus.RESTARTING
        ]


def test_a_gateway_cannot_report_an_outcome_of_a_restart():
    assert not {NodeStatus.COMPLETED, NodeStatus.ROLLED_BACK, NodeStatus.SKIPPED} & set(REPORTABLE)


def test_the_drawing_in_the_docs_is_that_of_the_table():
    spec = importlib.util.spec_from_file_location("job_states", ROOT / "scripts" / "job_states.py")
    assert spec is not None and spec.loader is not None
    drawing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(drawing)
    page = (ROOT / "docs" / "jobs.md").read_text()
    assert drawing.drawn(page) == page, "run python3 scripts/job_states.py"
    assert "restarting --> rolled_back" in page
