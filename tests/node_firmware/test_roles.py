"""Each role does its day job on pins that the test moves, and says when its hardware does not answer."""

import asyncio

import pytest

from node import push_button
from node.debounce import STEADY_US, Debounced
from node.shared_state import SharedState
from roles import button, button2, dht, led, pir, watcher


class Alone:
    node_id = 1

    def send_broadcast(self, _text):
        pass


class Pin:
    def __init__(self, level):
        self.level = level
        self.stuck = False

    def value(self, level=None):
        if level is None:
            return self.level
        if not self.stuck:
            self.level = level
        return None


class Bench:
    """A board whose pins the test holds."""

    def __init__(self):
        self.pins = {}
        self.now = 0
        self.climate = None

    def now_us(self):
        self.now += 30_000  # longer than a poll: two equal readings are a steady contact
        return self.now

    def pin_in(self, number, pull_up=False):
        return self.pins.setdefault(number, Pin(1 if pull_up else 0))

    def pin_out(self, number):
        return self.pins.setdefault(number, Pin(0))

    def dht_read(self, kind, pin):
        if self.climate is None:
            raise OSError(116)
        self.asked = (kind, pin)
        return self.climate


@pytest.fixture(autouse=True)
def many_polls(monkeypatch):
    """A busy computer must not turn a press into no press."""
    monkeypatch.setattr(pir, "POLL_SECONDS", 0.002)
    monkeypatch.setattr(push_button, "POLL_SECONDS", 0.002)


CONFIG = {"pins": {}, "zone": "", "sensor": {"kind": "dht11", "interval": 10}}


@pytest.fixture
def bench():
    return Bench()


@pytest.fixture
def state():
    return SharedState(Alone(), "n", lambda: (0, 0, ""))


async def while_running(role, *steps):
    """Run the role, and each step after it has had time to poll."""
    task = asyncio.create_task(role.run())
    for step in steps:
        await asyncio.sleep(0.12)
        step()
    await asyncio.sleep(0.12)
    task.cancel()


async def test_motion_is_told_with_and_without_a_zone(bench, state):
    role = pir.Role(bench, dict(CONFIG, zone="hall"), state)
    seen = []
    state.watch("motion_hall", lambda _key, value: seen.append(value))
    await while_running(
        role,
        lambda: setattr(bench.pins[4], "level", 1),
        lambda: setattr(bench.pins[4], "level", 0),
    )
    assert seen == ["0", "1", "0"]
    assert state.get("motion") == "0"


async def test_a_pir_passes_its_self_test_once_its_pin_is_steady(bench, state):
    role = pir.Role(bench, dict(CONFIG, pins={"pir": 13}), state)
    assert role.self_test() == "The PIR sensor on GPIO13 gives no steady level."
    await while_running(role)
    assert role.self_test() is None


async def test_the_leds_show_led_motion_and_other_nodes(bench, state):
    role = led.Role(bench, CONFIG, state)
    state.set("led", "1")
    state.set("motion", "1")
    state.receive(2, '{"t":1,"n":"x","d":{}}')
    await while_running(role)
    assert [bench.pins[number].level for number in (2, 4, 15)] == [1, 1, 1]
    state.set("led", "0")
    assert bench.pins[2].level == 0


def test_an_led_whose_output_does_not_follow_fails_its_self_test(bench, state):
    role = led.Role(bench, CONFIG, state)
    assert role.self_test() is None
    bench.pins[15].stuck = True
    assert role.self_test() == "The motion LED's output GPIO15 does not follow."


def test_the_self_test_leaves_the_leds_as_they_were(bench, state):
    role = led.Role(bench, CONFIG, state)
    state.set("led", "1")
    role.self_test()
    assert [bench.pins[number].level for number in (2, 4, 15)] == [1, 0, 0]


@pytest.mark.parametrize(
    ("role_module", "pins", "number"),
    [(button, {}, 0), (button, {}, 5), (button2, {"button2": 14}, 14)],
)
async def test_each_press_toggles_led_once(bench, state, role_module, pins, number):
    role = role_module.Role(bench, dict(CONFIG, pins=pins), state)
    seen = []
    state.watch("led", lambda _key, value: seen.append(value))
    press = lambda: setattr(bench.pins[number], "level", 0)  # noqa: E731
    release = lambda: setattr(bench.pins[number], "level", 1)  # noqa: E731
    await while_running(role, press, release, press, release)
    assert seen == ["1", "0"]
    assert role.self_test() is None


async def test_a_button_held_at_start_is_no_press(bench, state):
    role = button.Role(bench, CONFIG, state)
    bench.pins[0].level = 0
    await while_running(role)
    assert state.get("led") is None


@pytest.mark.parametrize("role_module", [button, button2])
async def test_a_press_of_ten_seconds_asks_for_the_way_back_once(bench, state, role_module):
    role = role_module.Role(bench, CONFIG, state)
    asked = []
    role.on_long_press = lambda: asked.append(bench.now)
    press = lambda: setattr(bench.pins[0], "level", 0)  # noqa: E731
    hold = lambda: setattr(bench, "now", bench.now + 10_000_000)  # noqa: E731
    await while_running(role, press)
    assert asked == []
    await while_running(role, hold, hold)
    assert len(asked) == 1


async def test_a_button_held_at_start_does_not_ask_for_the_way_back(bench, state):
    role = button.Role(bench, CONFIG, state)
    asked = []
    role.on_long_press = lambda: asked.append(1)
    bench.pins[0].level = 0
    await while_running(role, lambda: setattr(bench, "now", 60_000_000))
    assert asked == []


def test_a_bouncing_contact_counts_once():
    contact = Debounced()
    changes = 0
    readings = [1, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    for step, reading in enumerate(readings):
        changes += contact.read(reading, step * 10_000)
    assert (changes, contact.value) == (1, 0)


def test_a_level_counts_after_fifty_milliseconds():
    contact = Debounced()
    contact.read(1, 0)
    assert not contact.read(1, STEADY_US - 1)
    assert contact.read(1, STEADY_US)


async def test_climate_is_told_with_and_without_a_zone(bench, state):
    config = dict(CONFIG, zone="attic", pins={"dht": 9}, sensor={"kind": "dht22", "interval": 10})
    role = dht.Role(bench, config, state)
    bench.climate = (21.46, 40)
    await while_running(role)
    assert bench.asked == ("dht22", 9)
    assert (state.get("temp"), state.get("humidity")) == ("21.5", "40.0")
    assert (state.get("temp_attic"), state.get("humidity_attic")) == ("21.5", "40.0")


def test_a_missing_sensor_is_named(bench, state):
    role = dht.Role(bench, CONFIG, state)
    assert role.self_test() == "No dht11 sensor answers on GPIO4."
    bench.climate = (20, 50)
    assert role.self_test() is None


async def test_a_sensor_that_misses_a_reading_does_not_end_the_role(bench, state):
    role = dht.Role(bench, dict(CONFIG, sensor={"kind": "dht11", "interval": 0.1}), state)
    await while_running(role, lambda: setattr(bench, "climate", (20, 50)))
    assert state.get("temp") == "20.0"


def test_the_watcher_prints_every_change(state, bench, capsys):
    role = watcher.Role(bench, CONFIG, state)
    state.set("motion", "1")
    assert capsys.readouterr().out == "state motion = 1\n"
    assert role.self_test() is None
