"""Nodes of a job take their parts together; what comes in order is the restart: leaves before those that carry them."""

from datetime import timedelta

import pytest

from custom_components.mesh_ota.jobs.rollout import Rollout
from custom_components.mesh_ota.jobs.states import JobStatus, NodeStatus

from .house import GATEWAY, OTHER_GATEWAY, House, firmware, sketch

RELAY, LEAF, DEEP = "2222222222", "3333333333", "4000000000"
"""One hangs on the other, in this order."""
STOCK = "3900000000"


def chain(house: House) -> House:
    """Hang them on each other."""
    for node_id in (RELAY, LEAF, DEEP):
        house.join(node_id)
    house.trees[GATEWAY] = [[RELAY, GATEWAY], [LEAF, RELAY], [DEEP, LEAF]]
    house.call()
    return house


@pytest.fixture
def house() -> House:
    """Three nodes in a chain."""
    return chain(House())


def may_restart(house: House, gateway_id: str = GATEWAY) -> list[str]:
    """The targets in the gateway's list that it may commit."""
    jobs = house.engine.pending(gateway_id).jobs
    targets = [target for job in jobs for target in job["targets"]]
    assert all(target.get("commit", False) is False for target in targets)
    return [target["node_id"] for target in targets if "commit" not in target]


def test_all_take_parts_together_and_each_restarts_after_those_that_hang_on_it(house: House):
    job = house.create()
    assert house.listed() == {job.id: [RELAY, LEAF, DEEP]}
    for node_id in (RELAY, LEAF, DEEP):
        house.progress(job, "verifying", node_id)
    for node_id in (DEEP, LEAF, RELAY):
        assert may_restart(house) == [node_id]
        house.restart(job, node_id)
    assert job.status is JobStatus.COMPLETED


def test_a_node_that_waits_for_one_below_it_says_so_and_does_not_run_out_of_time(house: House):
    job = house.create(node_ids=[RELAY, LEAF])
    house.progress(job, "verifying", RELAY)
    house.progress(job, "downloading", LEAF, current_part=1)
    for part in range(2, 6):
        house.wait(minutes=8)
        house.progress(job, "downloading", LEAF, current_part=part)
    row = job.nodes[RELAY]
    assert row.status is NodeStatus.VERIFYING
    assert row.error_message == f"Waits for node {LEAF}, which hangs on it."
    house.restart(job, LEAF)
    assert may_restart(house) == [RELAY]
    house.wait(minutes=1)
    assert row.error_message is None
    house.wait(minutes=5)
    assert row.reason == "not_verified"


def test_the_sentence_names_another_one_when_the_first_is_done(house: House):
    """The list stays as it is: the carrier waits all the same."""
    house.trees[GATEWAY] = [[RELAY, GATEWAY], [LEAF, RELAY], [DEEP, RELAY]]
    house.call()
    job = house.create()
    house.progress(job, "verifying", RELAY)
    house.wait(seconds=5)
    assert LEAF in (job.nodes[RELAY].error_message or "")
    house.restart(job, LEAF)
    house.wait(seconds=5)
    assert job.nodes[RELAY].error_message == f"Waits for node {DEEP}, which hangs on it."


def test_a_node_that_restarts_is_waited_for_while_it_is_out_of_the_tree(house: House):
    """Its trial needs the mesh, which it reaches over the one that carries it."""
    job = house.create(node_ids=[RELAY, LEAF])
    house.progress(job, "verifying", RELAY)
    house.progress(job, "restarting", LEAF, boot=7)
    house.leave(LEAF)
    house.wait(minutes=1)
    assert RELAY not in may_restart(house)
    house.trees[GATEWAY].append([LEAF, RELAY])
    house.call()
    house.come_back(job, job.nodes[LEAF], boot=8)
    assert may_restart(house) == [RELAY]


@pytest.mark.parametrize("end", ["leaves", "fails", "is_cancelled_elsewhere"])
def test_whoever_is_no_longer_under_way_holds_nobody_up(house: House, end: str):
    job = house.create(node_ids=[RELAY])
    other = house.create(firmware(2, version="1.2.0", node_type="pir"), node_ids=[LEAF])
    house.progress(job, "verifying", RELAY)
    assert may_restart(house) == [RELAY]  # the other waits for this job's end
    house.cancel(other)
    third = house.create(node_ids=[LEAF, DEEP])
    house.cancel(job)
    fourth = house.create(firmware(3, version="1.3.0"), node_ids=[RELAY])
    house.progress(third, "downloading", LEAF, current_part=1)
    house.progress(third, "downloading", DEEP, current_part=1)
    if end == "leaves":
        house.trees[GATEWAY] = [[RELAY, GATEWAY]]
        house.call()
    elif end == "fails":
        house.progress(third, "failed", LEAF)
        house.progress(third, "failed", DEEP)
    else:
        house.cancel(third)
    house.progress(fourth, "verifying", RELAY)
    assert RELAY in may_restart(house)


def test_a_node_of_another_type_that_is_under_way_is_waited_for_too(house: House):
    house.say(LEAF, type="led")
    first = house.create(node_ids=[RELAY])
    second = house.create(firmware(2, node_type="led"), node_ids=[LEAF])
    house.progress(first, "verifying", RELAY)
    house.progress(second, "downloading", LEAF, current_part=1)
    assert may_restart(house) == [LEAF]
    house.engine.pause(second.id, house.now)
    house.refresh()
    assert RELAY in may_restart(house)  # nothing moves there that could be cut off
    house.engine.resume(second.id, house.now)
    house.refresh()
    assert RELAY not in may_restart(house)


def test_a_stock_node_below_is_waited_for_until_it_has_settled(house: House):
    house.join_stock(STOCK).chip = "esp32"
    house.trees[GATEWAY][-1] = [STOCK, RELAY]
    house.call()
    own, stock = house.create(node_ids=[RELAY]), house.create(sketch())
    house.progress(own, "verifying", RELAY)
    house.progress(stock, "restarting", STOCK)
    assert RELAY not in may_restart(house)
    # Nobody but the node itself could hold a commit back that is its last part.
    assert STOCK in may_restart(house)


def test_a_ring_in_what_a_gateway_tells_holds_nobody(house: House):
    house.trees[GATEWAY] = [[RELAY, DEEP], [LEAF, RELAY], [DEEP, LEAF]]
    house.call()
    house.create()
    assert may_restart(house) == [RELAY, LEAF, DEEP]


# leaves_first: also for those that have not begun


def test_leaves_first_waits_for_nodes_that_have_not_begun_too(house: House):
    rollout = Rollout(leaves_first=True, max_parallel=1)
    house.leave(DEEP)
    job = house.create(node_ids=[RELAY, DEEP], rollout=rollout)
    assert house.listed() == {job.id: [RELAY]}
    house.trees[GATEWAY].append([DEEP, LEAF])
    house.call()
    assert house.listed() == {job.id: [RELAY]}
    assert may_restart(house) == []
    house.progress(job, "verifying", RELAY)
    assert house.listed() == {job.id: [RELAY, DEEP]}
    assert may_restart(house) == [DEEP]
    house.restart(job, DEEP)
    assert may_restart(house) == [RELAY]


def test_without_it_nobody_waits_for_a_node_that_has_not_begun(house: House):
    house.leave(DEEP)
    job = house.create(node_ids=[RELAY, DEEP], rollout=Rollout(max_parallel=1))
    house.trees[GATEWAY].append([DEEP, LEAF])
    house.call()
    assert house.listed() == {job.id: [RELAY]}
    assert may_restart(house) == [RELAY]


def test_leaves_first_waits_for_no_node_that_waits_for_the_canary(house: House):
    """They would wait for each other until the job's time is over."""
    rollout = Rollout(leaves_first=True, canary_node_ids=(RELAY,))
    for each in (house, chain(House(room=None))):
        job = each.create(rollout=rollout)
        assert each.listed() == {job.id: [RELAY]}
        assert may_restart(each) == [RELAY]


def test_a_gateway_that_knows_no_commit_is_given_a_carrier_only_after_its_leaves():
    house = chain(House(room=None))
    job = house.create(rollout=Rollout(leaves_first=True))
    for node_id in (DEEP, LEAF, RELAY):
        assert house.listed() == {job.id: [node_id]}
        house.progress(job, "restarting", node_id, boot=7)
        house.leave(node_id)
        house.wait(seconds=20)
        assert house.listed() == {job.id: [node_id]}
        house.join(node_id)
        house.trees[GATEWAY] = [[RELAY, GATEWAY], [LEAF, RELAY], [DEEP, LEAF]]
        house.call()
        house.come_back(job, job.nodes[node_id], boot=8)
    assert job.status is JobStatus.COMPLETED


def test_a_gateway_that_knows_no_commit_never_hears_of_it():
    house = chain(House(room=None))
    job = house.create(rollout=Rollout(stop_after=1))
    assert house.listed() == {job.id: [RELAY, LEAF, DEEP]}
    assert may_restart(house) == [RELAY, LEAF, DEEP]


# A threshold counts before the next ones restart


def flat(house: House, count: int, gateway_id: str = GATEWAY) -> list[str]:
    """So many nodes, all in reach of the gateway."""
    names = [str(int(gateway_id) * 2 + number) for number in range(count)]
    for name in names:
        house.join(name, gateway_id)
    return names


@pytest.mark.parametrize(
    ("rollout", "most"), [(Rollout(stop_after=2), 2), (Rollout(stop_percent=25), 3)]
)
def test_no_more_nodes_fail_than_the_threshold_says_though_all_took_the_image(
    rollout: Rollout, most: int
):
    house = House()
    names = flat(house, 12)
    job = house.create(rollout=rollout)
    for name in names:
        assert may_restart(house) == []
        house.progress(job, "downloading", name, current_part=3)
    for name in names:
        house.progress(job, "verifying", name)
    assert len(may_restart(house)) == most
    house.wait(seconds=5)
    assert job.nodes[names[-1]].reason == "commit_turn"
    for name in may_restart(house):
        house.progress(job, "restarting", name, boot=7)
    assert len(may_restart(house)) == most  # those that restart; nobody else
    for name in may_restart(house):
        house.come_back(job, job.nodes[name], "refused", boot=8)
    ends = [row.status for row in job.nodes.values()]
    assert (job.status, ends.count(NodeStatus.ROLLED_BACK)) == (JobStatus.FAILED, most)
    assert ends.count(NodeStatus.CANCELLED) == 12 - most


def test_a_node_that_proves_itself_lets_the_next_one_go(house: House):
    names = [RELAY, LEAF, DEEP]
    job = house.create(rollout=Rollout(stop_after=1))
    for name in names:
        house.progress(job, "verifying", name)
    for name in reversed(names):
        assert may_restart(house) == [name]
        house.restart(job, name)
    assert job.status is JobStatus.COMPLETED


def test_a_node_that_leaves_at_its_commit_gives_its_turn_back_only_after_minutes():
    """It may have left because it was committed."""
    house = House()
    first, second = flat(house, 2)
    job = house.create(rollout=Rollout(stop_after=1))
    house.progress(job, "verifying", first)
    house.progress(job, "verifying", second)
    assert may_restart(house) == [first]
    house.leave(first)
    house.wait(minutes=4)
    assert second not in may_restart(house)
    house.wait(minutes=2)
    assert may_restart(house) == [second]
    house.join(first)
    assert may_restart(house) == [second]


def test_a_threshold_counts_the_nodes_of_all_gateways():
    house = House()
    house.add_gateway(OTHER_GATEWAY)
    (here,), (there,) = flat(house, 1), flat(house, 1, OTHER_GATEWAY)
    job = house.create(rollout=Rollout(stop_after=1))
    house.progress(job, "verifying", here)
    house.progress(job, "verifying", there, OTHER_GATEWAY)
    assert (may_restart(house), may_restart(house, OTHER_GATEWAY)) == ([here], [])
    house.restart(job, here)
    assert may_restart(house, OTHER_GATEWAY) == [there]


def test_of_stock_nodes_four_at_a_time_are_under_way_where_failures_stop_the_job():
    """Nothing can hold one back that has begun."""
    house = House()
    for number in range(6):
        house.join_stock(str(2_000_000_000 + number)).chip = "esp32"
    careful = house.create(sketch(), rollout=Rollout(stop_after=1))
    assert len(house.listed()[careful.id]) == 4
    house.cancel(careful)
    bold = house.create(sketch())
    assert len(house.listed()[bold.id]) == 6


def test_what_may_restart_survives_a_restart_of_home_assistant():
    house = House()
    first, second = flat(house, 2)
    job = house.create(rollout=Rollout(stop_after=1))
    house.progress(job, "verifying", second)
    house.progress(job, "verifying", first)
    assert may_restart(house) == [second]
    again = House(house.engine.stored())
    again.now = house.now + timedelta(minutes=1)
    again.nodes.restore(house.nodes.stored())
    for name in (first, second):
        again.join(name)
    assert may_restart(again) == [second]
