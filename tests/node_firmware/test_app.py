"""The node as a whole on the event loop: watchdog, restart, and what happens when a part of it ends."""

import asyncio

import house as h
import pytest

from node import app


class Restarted(Exception):
    pass


@pytest.fixture
def board(house, monkeypatch):
    """The house's node, with a clock that runs by itself and a watchdog that counts."""
    monkeypatch.setattr(app, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(app, "FLUSH_SECONDS", 0.01)
    monkeypatch.setattr(app, "FEED_SECONDS", 0.01)
    board = h.Board(house)
    board.fed = 0
    board.order = []
    board.timeouts = []

    def reset():
        board.order.append("reset")
        raise Restarted

    async def scan(_mesh):
        return []

    def feed():
        board.fed += 1

    board.watchdog = board.timeouts.append
    board.feed, board.reset, board.scan = feed, reset, scan
    board.now_us = lambda: int(asyncio.get_running_loop().time() * 1_000_000)
    return board


async def run_for(node, seconds):
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(node.run(), seconds)


async def test_the_watchdog_is_fed_while_the_node_is_well(house, board):
    await run_for(app.Node(board, house.config, house.root), 0.5)
    assert board.timeouts == [30000]
    assert board.fed > 5


async def test_the_watchdog_is_not_fed_when_the_beat_has_stopped(house, board, monkeypatch):
    monkeypatch.setattr(app, "FEED_US", 50_000)
    monkeypatch.setattr(app, "BEAT_SECONDS", 3600)
    running = asyncio.create_task(app.Node(board, house.config, house.root).run())
    await asyncio.sleep(0.3)
    early = board.fed
    await asyncio.sleep(0.2)
    assert board.fed == early > 0
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_restart_closes_the_sockets_first(house, board):
    node = app.Node(board, house.config, house.root)
    closing = node.links.close

    async def close():
        board.order.append("close")
        await closing()

    node.links.close = close
    node.updater.restart()
    with pytest.raises(Restarted):
        await asyncio.wait_for(node.run(), 5)
    assert board.order == ["close", "reset"]


async def test_a_role_that_raises_ends_the_node(house, board):
    """The loader then writes the reason down and restarts; in a trial it goes back."""
    node = app.Node(board, house.config, house.root)

    async def broken():
        raise RuntimeError("the bell is cracked")

    node.role.run = broken
    with pytest.raises(RuntimeError, match="the bell is cracked"):
        await asyncio.wait_for(node.run(), 5)


async def test_a_self_test_that_raises_ends_the_node_in_its_trial(house, board, monkeypatch):
    assert await house.run(5, house.met)
    await house.update(h.bundle("1.1.0")[0])
    node = app.Node(board, house.config, house.root)

    def broken():
        raise ZeroDivisionError

    node.role.self_test = broken
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(node.run(), 5)


@pytest.mark.parametrize("node_type", ["pir", "led", "button", "button2", "dht", "watcher"])
def test_every_type_that_ships_has_its_role(node_type):
    role = app.role_of(node_type)
    assert {"run", "self_test"} <= set(dir(role))


def test_a_type_without_a_role_is_named():
    with pytest.raises(ImportError, match="doorbell"):
        app.role_of("doorbell")
