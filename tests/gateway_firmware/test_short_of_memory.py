"""A gateway whose heap is torn: it goes on where that helps, and restarts where it does not."""

import asyncio

import pytest

from gateway.poller import SECOND, SHORT_MOST, SHORT_SERIES, Poller


class Session:
    standing = True
    opened = 1
    wait = 50


class HomeAssistant:
    """`short` requests in a row find no memory; the others are answered with an empty list."""

    def __init__(self, short):
        self.session = Session()
        self.short = short
        self.asked = 0

    async def pending(self, wait, have):
        self.asked += 1
        if self.short:
            self.short -= 1
            raise MemoryError("memory allocation failed")
        await asyncio.sleep(3600 if have is not None else 0)
        return 1, []


class Nothing:
    """Blocks, a distributor and a reporter that want nothing."""

    distributing = False

    def __getattr__(self, _name):
        return lambda *_words, **_more: None

    def due_in(self, *_words, **_more):
        return 60 * SECOND


@pytest.fixture
def poller(monkeypatch):
    """Makes one whose requests find no memory so often, so many seconds apart; its pauses take no time."""

    def make(short, apart=1):
        now = [0]

        async def at_once(_event, _seconds):
            now[0] += int(apart * SECOND)
            await asyncio.sleep(0)

        monkeypatch.setattr("gateway.poller._wait", at_once)
        return Poller(HomeAssistant(short), Nothing(), Nothing(), Nothing(), lambda: now[0])

    return make


async def test_a_shortage_or_two_are_waited_out(poller):
    made = poller(SHORT_MOST - 1)
    running = asyncio.create_task(made.run())
    for _ in range(200):
        await asyncio.sleep(0)
    assert not running.done()
    assert made.accepted
    running.cancel()


async def test_one_that_does_not_end_restarts_the_board(poller):
    made = poller(1000)
    with pytest.raises(MemoryError):
        await asyncio.wait_for(made.run(), 5)
    assert made._home_assistant.asked == SHORT_MOST


async def test_shortages_far_apart_are_none_that_belong_together(poller):
    made = poller(50, apart=SHORT_SERIES / SECOND + 1)
    running = asyncio.create_task(made.run())
    for _ in range(2000):
        await asyncio.sleep(0)
    assert not running.done()
    assert made.accepted
    running.cancel()
