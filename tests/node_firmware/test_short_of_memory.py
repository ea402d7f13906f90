"""A node whose heap is torn when it checks an image: it restarts once, and checks what it has in a fresh one."""

import house as h
import pytest

from device.slots import Slots


@pytest.fixture
async def met(house):
    """The node and its gateway know each other."""
    assert await house.run(5, house.met)
    return house


@pytest.fixture
def short(monkeypatch):
    """Let the next checks of images find too little memory: as many as are said."""
    installing, left = Slots.installing, [0]

    def perhaps(self, *words):
        if left[0]:
            left[0] -= 1
            raise MemoryError("memory allocation failed")
        return (yield from installing(self, *words))

    monkeypatch.setattr(Slots, "installing", perhaps)

    def times(count):
        left[0] = count

    return times


async def restarted(met):
    """The board goes down by itself and is up again, met."""
    assert await met.run(20, met.restarting)
    met.boot()
    assert await met.run(10, met.met)


async def test_what_has_arrived_is_checked_after_a_restart_and_not_asked_for_again(met, short):
    image, proof = h.bundle("1.1.0")
    short(1)
    met.offer(image)
    await restarted(met)
    assert met.status["phase"] == "idle" and "error" not in met.status
    met.requests.clear()
    await met.update(image)
    assert met.requests == []
    assert await met.until_phase("idle")
    assert met.status["proof"] == proof


async def test_no_gateway_takes_that_restart_for_a_commit(met, short):
    image, _ = h.bundle("1.1.0")
    short(1)
    md5 = met.offer(image)
    assert await met.run(20, met.restarting)
    told = [status for status in met.statuses if status["phase"] == "restarting"]
    assert all(status.get("md5") != md5 for status in told)
    assert "last" not in met.status


async def test_the_second_time_it_says_so_and_keeps_nothing(met, short):
    image, proof = h.bundle("1.1.0")
    short(2)
    met.offer(image)
    await restarted(met)
    met.offer(image)
    assert await met.run(20, lambda: "error" in met.status)
    assert met.status["error"]["code"] == "space"
    assert "memory" in met.status["error"]["reason"]
    await met.update(image)
    assert await met.until_phase("idle")
    assert met.status["proof"] == proof
