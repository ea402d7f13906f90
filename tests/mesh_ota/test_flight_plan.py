"""The flight plan, without Home Assistant: whose rate, which order, when by the clock, and beside it what really happens."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from custom_components.mesh_ota.const import STOCK_SETTLED
from custom_components.mesh_ota.errors import NotFound
from custom_components.mesh_ota.jobs.flight_plan import GUESSED_RATE, RESTART, FlightPlan
from custom_components.mesh_ota.jobs.rollout import Rollout, Window

from .house import ATTIC, GATEWAY, HALL, OTHER_GATEWAY, PORCH, START, House, firmware, sketch

SIZE = GUESSED_RATE * 600
"""Ten minutes of transfer where nobody has a past."""
TEN = timedelta(minutes=10)


@pytest.fixture
def house() -> House:
    """Three nodes: one hangs on another."""
    house = House()
    house.join(HALL)
    house.join(ATTIC)
    house.join(PORCH)
    house.trees[GATEWAY] = [[HALL, GATEWAY], [ATTIC, HALL], [PORCH, GATEWAY]]
    house.call()
    return house


def plan(house: House, size: int = SIZE, **wanted: Any) -> dict[str, Any]:
    """The plan of a firmware of this size."""
    wanted = {"rollout": Rollout()} | wanted
    drawn = FlightPlan(house.engine.ledger, house.nodes, house.engine.stages)
    return drawn.draw(firmware(5, size_bytes=size), house.now, **wanted)


def at(text: str) -> timedelta:
    """The time since the start."""
    return datetime.fromisoformat(text) - START


def legs(drawn: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By node id."""
    return {leg["node_id"]: leg for leg in drawn["nodes"]}


def took(house: House, node_id: str, seconds: float) -> None:
    """The node has taken an image of 10,000 bytes in this time."""
    job = house.create(firmware(1), node_ids=[node_id], force=True)
    house.progress(job, "downloading", node_id, current_part=1)
    house.now += timedelta(seconds=seconds)
    house.progress(job, "verifying", node_id, current_part=10)
    house.restart(job, node_id)


def test_a_rate_is_the_nodes_own_else_the_houses_else_a_guess(house: House):
    assert {leg["rate_from"] for leg in plan(house)["nodes"]} == {"guess"}
    took(house, HALL, 10)
    took(house, HALL, 20)
    found = legs(plan(house, size=30_000, force=True))
    assert (found[HALL]["rate_from"], found[ATTIC]["rate_from"]) == ("own", "house")
    # 500 bytes per second, the last time: 60 s, and the restart.
    assert found[HALL]["minutes"] == found[ATTIC]["minutes"]
    assert found[HALL]["minutes"] == round((60 + RESTART.total_seconds()) / 60, 1)


def test_a_night_in_which_a_transfer_stood_makes_no_node_slow(house: House):
    """Its window closes half way, the node leaves for an hour, and Home Assistant sleeps for another."""
    job = house.create(node_ids=[PORCH], rollout=Rollout(window=Window(start="12:00", end="12:10")))
    house.progress(job, "downloading", PORCH, current_part=1)
    house.wait(hours=24, step=10)
    house.progress(job, "downloading", PORCH, current_part=5)
    house.leave(PORCH)
    house.wait(hours=1, step=10)
    house.join(PORCH)
    house.now += timedelta(hours=1)
    house.wait(hours=22, minutes=1, step=10)
    house.progress(job, "verifying", PORCH, current_part=10)
    seconds = job.nodes[PORCH].transfer_seconds
    assert seconds is not None and abs(seconds - 660) < 60


def test_a_transfer_in_which_home_assistant_was_restarted_is_no_measure(house: House):
    job = house.create(node_ids=[PORCH])
    house.progress(job, "downloading", PORCH, current_part=1)
    again = House(house.engine.stored())
    again.now = house.now + timedelta(hours=8)
    again.join(PORCH)
    row = again.engine.ledger.jobs[job.id].nodes[PORCH]
    again.progress(again.engine.ledger.jobs[job.id], "verifying", PORCH, current_part=10)
    assert (row.status, row.transfer_seconds) == ("verifying", None)


def test_nodes_side_by_side_end_together_and_one_at_a_time_one_after_the_other(house: House):
    together = plan(house)
    ends = {name: at(leg["ends_at"]) for name, leg in legs(together).items()}
    # The one that carries another restarts after it.
    assert ends == {ATTIC: TEN + RESTART, PORCH: TEN + RESTART, HALL: TEN + 2 * RESTART}
    alone = legs(plan(house, rollout=Rollout(max_parallel=1)))
    assert sorted(at(leg["starts_at"]) for leg in alone.values()) == [timedelta(), TEN, 2 * TEN]
    assert alone[ATTIC]["order"] == 1  # it hangs deepest


def test_a_canary_goes_first_and_its_soak_holds_the_others(house: House):
    rollout = Rollout(canary_node_ids=(PORCH,), soak_minutes=30)
    drawn = plan(house, rollout=rollout)
    first = legs(drawn)[PORCH]
    assert (drawn["canary_node_ids"], first["order"]) == ([PORCH], 1)
    begins = TEN + RESTART + timedelta(minutes=30)
    assert at(legs(drawn)[HALL]["starts_at"]) == begins
    assert at(drawn["ends_at"]) == begins + TEN + 2 * RESTART
    by_number = plan(house, rollout=Rollout(canary=1))
    assert len(by_number["canary_node_ids"]) == 1
    assert by_number["canary_node_ids"] != [HALL]  # which carries another


def test_the_canary_of_the_plan_is_the_canary_of_the_job(house: House):
    """Both carry nobody; one hangs deeper, the other was there first."""
    house.trees[GATEWAY] = [[HALL, GATEWAY], [PORCH, GATEWAY], [ATTIC, PORCH]]
    for wanted in ({}, {"node_ids": [PORCH, ATTIC, HALL]}):
        house.call()
        rollout = Rollout(canary=1)
        planned = plan(house, rollout=rollout, **wanted)["canary_node_ids"]
        job = house.create(firmware(5), rollout=rollout, **wanted)
        assert planned == job.canaries
        house.cancel(job)


def test_a_window_moves_the_start_and_cuts_the_night_in_two(house: House):
    """It is noon; six minutes a night are not enough for ten."""
    drawn = plan(house, rollout=Rollout(window=Window(start="22:00", end="22:06")))
    leg = legs(drawn)[PORCH]
    assert at(leg["starts_at"]) == timedelta(hours=10)
    assert at(leg["ends_at"]) == timedelta(days=1, hours=10) + TEN + RESTART - timedelta(minutes=6)


def test_a_window_that_is_open_all_day_moves_nothing(house: House):
    drawn = plan(house, rollout=Rollout(window=Window(entity_id="input_boolean.go")))
    assert at(drawn["ends_at"]) == TEN + 2 * RESTART


def test_a_gateway_that_holds_no_commit_back_serves_four_and_lets_them_restart_as_they_come():
    house = House(room=None)
    for number in range(6):
        house.join(str(2_000_000_000 + number))
    house.trees[GATEWAY] = [
        [each, above]
        for (each, _), above in zip(
            house.trees[GATEWAY], [GATEWAY, *["2000000000"] * 5], strict=True
        )
    ]
    house.call()
    drawn = plan(house)
    begins = [at(leg["starts_at"]) for leg in drawn["nodes"]]
    assert begins == [timedelta()] * 4 + [TEN] * 2
    assert at(drawn["ends_at"]) == 2 * TEN + RESTART


def test_each_gateway_serves_as_many_as_it_can(house: House):
    house.add_gateway(OTHER_GATEWAY)
    house.join("4100000000", OTHER_GATEWAY)
    drawn = plan(house, rollout=Rollout(max_parallel=1))
    assert at(legs(drawn)["4100000000"]["starts_at"]) == timedelta()
    assert sorted(at(leg["starts_at"]) for leg in drawn["nodes"])[1:] == [timedelta(), TEN, 2 * TEN]


def test_a_stock_node_takes_the_time_that_it_has_to_stay_and_waits_for_nobody():
    house = House()
    for number in range(3):
        house.join_stock(str(2_000_000_000 + number)).chip = "esp32"
    house.trees[GATEWAY] = [
        [each, "2000000000" if each != "2000000000" else GATEWAY]
        for each, _ in house.trees[GATEWAY]
    ]
    house.call()
    drawn = FlightPlan(house.engine.ledger, house.nodes, house.engine.stages).draw(
        sketch(size_bytes=SIZE), house.now, rollout=Rollout(stop_after=1)
    )
    stays = TEN + RESTART + STOCK_SETTLED
    assert {at(leg["ends_at"]) for leg in drawn["nodes"]} == {stays}
    assert {leg["minutes"] for leg in drawn["nodes"]} == {round(stays.total_seconds() / 60, 1)}


def test_with_a_threshold_no_more_restart_at_a_time_than_may_fail(house: House):
    drawn = plan(house, rollout=Rollout(stop_after=1))
    ends = sorted(at(leg["ends_at"]) for leg in drawn["nodes"])
    assert ends == [TEN + number * RESTART for number in (1, 2, 3)]


def test_who_is_away_or_runs_it_or_cannot_take_it_has_no_time_and_says_why(house: House):
    house.leave(PORCH)
    house.say(HALL, proof=firmware().proof)
    house.say(ATTIC, flash=1000)
    drawn = plan(house)
    found = {name: (leg["eligible"], leg["reason"]) for name, leg in legs(drawn).items()}
    assert found == {
        PORCH: (True, "away"),
        HALL: (False, "running_it"),
        ATTIC: (False, "no_room"),
    }
    assert (drawn["starts_at"], drawn["ends_at"], drawn["eligible"]) == (None, None, 1)
    assert {leg["order"] for leg in drawn["nodes"]} == {None}
    assert legs(plan(house, force=True))[HALL]["eligible"]


@pytest.mark.parametrize(
    ("status", "image", "reason"),
    [
        ({"type": "led"}, firmware(5), "firmware_for_other_type"),
        (
            {"kind": "esp-image", "chip": "esp32c3"},
            firmware(5, kind="esp-image", hardware="ESP32", chip="esp32s3"),
            "firmware_for_other_chip",
        ),
        (
            {},
            firmware(5, kind="esp-image", hardware="ESP32", chip="esp32"),
            "firmware_needs_partition",
        ),
        ({}, sketch(node_type="pir"), "firmware_only_for_stock"),
    ],
)
def test_a_node_that_the_firmware_is_not_for_is_refused_with_the_reason(
    house: House, status: dict[str, Any], image: Any, reason: str
):
    house.say(HALL, **status)
    drawn = FlightPlan(house.engine.ledger, house.nodes, house.engine.stages).draw(
        image, house.now, node_ids=[HALL], rollout=Rollout()
    )
    (leg,) = drawn["nodes"]
    assert (leg["eligible"], leg["reason"], leg["minutes"]) == (False, reason, None)
    assert leg["refusal"].key == reason


def test_a_stock_node_whose_chip_nobody_has_confirmed_has_no_time_yet(house: House):
    node = house.join_stock("3444444444")
    drawn = FlightPlan(house.engine.ledger, house.nodes, house.engine.stages)
    said = []
    for chip in (None, "esp32"):
        node.chip = chip
        (leg,) = drawn.draw(sketch(), house.now, rollout=Rollout())["nodes"]
        said.append((leg["eligible"], leg["reason"], leg["starts_at"] is None))
    assert said == [(True, "chip_not_confirmed", True), (True, None, False)]


def test_a_node_that_takes_signed_firmware_says_what_it_thinks_of_the_signature(house: House):
    house.say(HALL, signing=True, floor=100)
    reasons = {
        None: "unsigned",
        99: "below_floor",
        100: None,
    }
    for counter, reason in reasons.items():
        drawn = legs(plan(house, signed=counter is not None, counter=counter))
        assert (drawn[HALL]["reason"], drawn[HALL]["eligible"]) == (reason, reason is None)
        assert drawn[PORCH]["eligible"]


def test_a_node_that_nobody_knows_is_told_so(house: House):
    with pytest.raises(NotFound):
        plan(house, node_ids=[HALL, "4444444444"])


def test_a_node_named_twice_flies_once(house: House):
    assert len(plan(house, node_ids=[HALL, HALL])["nodes"]) == 1


def test_what_the_plan_says_is_what_happens(house: House):
    """Order and end of a job, one node at a time, each at the rate of its past."""
    for node_id, seconds in ((HALL, 40), (ATTIC, 20), (PORCH, 30)):
        took(house, node_id, seconds)
    begin = house.now
    rollout = Rollout(max_parallel=1)
    drawn = plan(house, size=10_000, force=True, rollout=rollout)
    job = house.create(firmware(5), force=True, rollout=rollout)
    order: list[str] = []
    while not job.ended:
        (node_id,) = [
            name for name in house.listed()[job.id] if job.nodes[name].status != "restarting"
        ]
        order.append(node_id)
        took_seconds = {HALL: 40, ATTIC: 20, PORCH: 30}[node_id]
        house.progress(job, "downloading", node_id, current_part=1)
        house.now += timedelta(seconds=took_seconds)
        house.progress(job, "verifying", node_id, current_part=10)
        house.restart(job, node_id)
    planned = [leg["node_id"] for leg in drawn["nodes"]]
    assert set(order) == set(planned)
    ends = datetime.fromisoformat(drawn["ends_at"]) - begin
    assert ends - RESTART == house.now - begin
