"""What a house in Berlin reads on its own clock, also in the two nights of a year in which that is changed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from custom_components.mesh_ota.jobs.flight_plan import GUESSED_RATE, FlightPlan
from custom_components.mesh_ota.jobs.rollout import Rollout, Window

from .house import ATTIC, HALL, House, firmware

BERLIN = ZoneInfo("Europe/Berlin")
SPRING = datetime(2027, 3, 27, 20, 0, tzinfo=BERLIN)
"""Six hours before 2:00 becomes 3:00."""
AUTUMN = datetime(2026, 10, 24, 20, 0, tzinfo=BERLIN)
"""Seven hours before 3:00 becomes 2:00."""


def house_at(evening: datetime) -> House:
    """A house with one node, at that time."""
    house = House()
    house.now = evening.astimezone(UTC)
    house.engine.ledger.localize = lambda now: now.astimezone(BERLIN)
    house.join(HALL)
    return house


@pytest.mark.parametrize(("evening", "hours"), [(SPRING, 7), (AUTUMN, 9)])
def test_a_night_of_eight_hours_on_the_clock_is_as_long_as_it_is(evening: datetime, hours: int):
    window = Window(start="22:00", end="06:00")
    start = evening.astimezone(UTC)
    quarters = [start + timedelta(minutes=15 * number) for number in range(64)]
    opened = [quarter for quarter in quarters if window.open_at(quarter.astimezone(BERLIN))]
    assert len(opened) == 4 * hours
    assert opened[0] == start + timedelta(hours=2)


@pytest.mark.parametrize(("evening", "hours"), [(SPRING, 7), (AUTUMN, 9)])
def test_a_row_names_the_moment_at_which_the_clock_will_show_that_time(
    evening: datetime, hours: int
):
    house = house_at(evening)
    job = house.create(rollout=Rollout(window=Window(start="04:00", end="05:00")))
    row = job.nodes[HALL]
    assert row.next_try == house.now + timedelta(hours=hours)
    assert row.as_dict()["next_try"].endswith("+00:00")
    assert "04:00" in (row.error_message or "")
    house.wait(step=60, hours=hours - 0.1)
    assert house.listed() == {}
    house.wait(step=60, hours=0.2)
    assert house.listed() == {job.id: [HALL]}


@pytest.mark.parametrize(("evening", "hours"), [(SPRING, 7), (AUTUMN, 9)])
def test_a_flight_plan_begins_when_the_window_opens(evening: datetime, hours: int):
    house = house_at(evening)
    drawn = FlightPlan(house.engine.ledger, house.nodes, house.engine.stages).draw(
        firmware(5, size_bytes=GUESSED_RATE * 60),
        house.now,
        rollout=Rollout(window=Window(start="04:00", end="05:00")),
    )
    begins = datetime.fromisoformat(drawn["starts_at"])
    assert begins == house.now + timedelta(hours=hours)
    assert datetime.fromisoformat(drawn["ends_at"]) - begins < timedelta(minutes=2)


def test_every_time_in_a_sentence_is_that_of_the_house():
    house = house_at(AUTUMN)
    job = house.create()
    row, said = job.nodes[HALL], []
    house.leave()
    house.wait(seconds=5)
    said.append(row.error_message)
    house.wait(gateways=(), minutes=4)
    said.append(row.error_message)
    soaking = house.create(rollout=Rollout(canary=1, soak_minutes=30))
    house.join(HALL)
    house.join(ATTIC)
    house.restart(soaking)
    house.wait(seconds=5)
    said.append(soaking.nodes[ATTIC].error_message)
    assert said == [
        "Not heard since 2026-10-24 20:00; it will be offered when it joins.",
        "Its gateway has not been heard since 2026-10-24 20:00; it goes on when the gateway calls.",
        "Waits until 2026-10-24 20:34, while the first nodes are watched.",
    ]
