"""Each role's day job in the running house: what a pin does at one end is seen at the other."""

import asyncio
import json
import re
from collections.abc import Callable, Container
from pathlib import Path

import pytest

from tests.end_to_end.house import House

PIR, BUTTON, BUTTON2 = 4, 5, 0
LED, MOTION = 2, 15
PRESS_SECONDS = 0.4  # a contact counts after 50 ms
SEEN_SECONDS = 20
TELEMETRY_SECONDS = 90  # a node sends its own every 30
_ENTRY = r'\{"k":"","v":"","ver":0,"org":0\}'
_ENTRIES = rf'"s":\[{_ENTRY}(,{_ENTRY})*\]'
_MESSAGE = re.compile(rb'"msg":("(?:[^"\\]|\\.)*")')
# Whole numbers and texts that a field holds; what is left is braces, names and order.
_VALUE = re.compile(r'(?<=:)("(?:[^"\\]|\\.)*"|[0-9]+)')


async def test_motion_in_the_hall_lights_the_led_in_the_kitchen(house: House) -> None:
    hall, kitchen = house.mesh.nodes["hall"], house.mesh.nodes["kitchen"]
    for level in (1, 0):
        hall.press(PIR, level)
        await until(lambda level=level: kitchen.pin(MOTION) == level)
    assert re.search(r"state motion_hall = 1\n(.*\n)*.*state motion_hall = 0", watched(house))


@pytest.mark.parametrize(("name", "pin"), [("bedroom", BUTTON), ("desk", BUTTON2)])
async def test_each_press_of_a_button_toggles_the_led(house: House, name: str, pin: int) -> None:
    kitchen = house.mesh.nodes["kitchen"]
    for _ in range(2):
        before = kitchen.pin(LED)
        for level in (0, 1):
            house.mesh.nodes[name].press(pin, level)
            await asyncio.sleep(PRESS_SECONDS)
        await until(lambda before=before: kitchen.pin(LED) == 1 - (before or 0))


async def test_what_the_dht_reads_is_printed_by_the_watcher(house: House) -> None:
    sensor = house.mesh.nodes["bath"].parts / "dht" / "4"
    before = sensor.read_text()
    try:
        sensor.write_text("19.5 61.0")
        for line in ("temp = 19.5", "humidity = 61.0", "temp_bath = 19.5", "humidity_bath = 61.0"):
            await until(lambda line=line: f"state {line}\n" in watched(house))
    finally:
        sensor.write_text(before)


async def test_all_messages_on_the_air_are_those_of_the_sketches(
    house: House, recorded: Path
) -> None:
    examples = json.loads((recorded / "shared_state" / "messages.json").read_text())
    wanted = {json.loads(text)["t"]: shape_of(text) for text in examples.values()}
    await until(lambda: kinds_of(on_the_air(house, wanted)) == set(wanted), TELEMETRY_SECONDS)
    seen: dict[int, set[str]] = {}
    for text in on_the_air(house, wanted):
        seen.setdefault(json.loads(text)["t"], set()).add(shape_of(text))
    assert seen == {kind: {shape} for kind, shape in wanted.items()}


def kinds_of(messages: set[str]) -> set[int]:
    return {json.loads(text)["t"] for text in messages}


def on_the_air(house: House, kinds: Container[int]) -> set[str]:
    """Every different shared-state message that has passed a wire whole."""
    found = set()
    for quoted in set(_MESSAGE.findall((house.stage.folder / "traffic.bin").read_bytes())):
        text = json.loads(quoted)
        try:
            kind = json.loads(text)["t"]
        except ValueError, KeyError, TypeError:
            continue  # not of this kind, or torn by the bytes of another wire
        if kind in kinds:
            found.add(text)
    return found


def shape_of(text: str) -> str:
    """The message to the byte, but with its values left out and lists and free tables of any length alike."""
    head = text[: len('{"t":1')]
    rest = _VALUE.sub(lambda value: '""' if value[0][0] == '"' else "0", text[len(head) :])
    rest = re.sub(_ENTRIES, '"s":[…]', rest)
    return head + re.sub(r'"state":\{("[^"]+":"",?)*\}', '"state":{…}', rest)


def watched(house: House) -> str:
    return house.mesh.nodes["stairs"].said()


async def until(condition: Callable[[], bool], seconds: float = SEEN_SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  a pin is a file, and tells nobody
            await asyncio.sleep(0.1)
