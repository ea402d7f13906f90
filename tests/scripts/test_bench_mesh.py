"""`scripts/bench mesh`: the ratios hold, and what it measures is what it says."""

import random

import pytest

from scripts.benchmark import programs
from scripts.benchmark.mesh_command import BOUNDS, main, measured, misses, page
from scripts.benchmark.radio import Air, star
from scripts.benchmark.transfers import LEVEL_1, STOP_AND_WAIT, Transfer, is_complete
from tests.painlessmesh.transfer import GATEWAY, image_of

SECOND = 1_000_000
KIB = 1024


@pytest.fixture(scope="module")
def figures():
    return measured(100 * KIB, 4)


def test_every_bound_is_kept(figures):
    assert misses(figures) == []


def test_a_figure_beyond_its_bound_is_said(figures):
    bad = figures | {"level0_speedup_30ms": 3.9, "broadcast_tree20_vs_unicast": 0.5}
    assert [sentence.split()[0] for sentence in misses(bad)] == [
        "level0_speedup_30ms",
        "broadcast_tree20_vs_unicast",
    ]


def test_the_page_names_every_bound(figures):
    heaps = {f"{board}_heap_over_idle_by_image": {"64 KiB": 1.0} for board in ("gateway", "node")}
    measured_too = dict.fromkeys(BOUNDS, 1.0) | heaps
    assert all(f"`{name}`" in page(measured_too | figures) for name in BOUNDS)


def test_the_real_programs_keep_to_their_heaps_and_to_one_connection(full_counts):
    if not full_counts:
        return  # forty seconds; tests of either program hold it to its heap
    found = programs.figures((16 * KIB,))
    assert misses(found) == []
    assert {name for name in BOUNDS if "_per_image" in name or "heap" in name} - set(found) == {
        "broadcast_link_bytes_per_image"
    }


def test_heap_over_idle_is_the_most_over_the_median_of_quiet():
    idle = [f"heap {number * 1024}" for number in (90, 100, 100, 100)]
    assert programs.over_idle(idle, ["heap 104448", "other", "heap 122880", "heap 1"]) == 20.0


def test_an_option_that_it_does_not_know_is_refused():
    with pytest.raises(SystemExit):
        main(["--slow"])


def test_an_access_point_serves_seven_neighbours_at_most():
    net = Air()
    net.add(GATEWAY)
    for node_id in range(10, 18):
        net.add(node_id)
    with pytest.raises(ValueError, match="peers"):
        star(net, GATEWAY, list(range(10, 18)), 10_000)


def test_no_radio_carries_more_than_its_rate():
    run = Transfer(LEVEL_1, "seven in a star", 0.0, 100 * KIB)
    assert sum(run.links) <= run.seconds * run.net.rate + 20_000


def test_the_yardstick_needs_a_round_trip_for_each_part():
    run = Transfer(STOP_AND_WAIT, "one node, 30 ms", 0.0, 100 * KIB)
    assert run.seconds >= 100 * 0.03


def test_other_messages_get_through_while_an_image_is_on_its_way():
    """Three hops away, none takes longer than a quarter of a second."""
    latest = []

    class Chatting(Transfer):
        def _run(self, gateway):
            far, sent = self.nodes[0].mesh, {}
            far.on_receive(lambda _sender, text: latest.append(self.net.now - sent[text]))

            def say(number=0):
                sent[str(number)] = self.net.now
                gateway.mesh.send_single(far.node_id, str(number))
                self.net.later(SECOND // 20, say, number + 1)

            say()
            super()._run(gateway)

    run = Chatting(LEVEL_1, "three hops of 10 ms", 0.0, 400 * KIB)
    assert run.resent == 0 and len(latest) > 20
    assert max(latest) < SECOND // 4


def test_100_transfers_under_losses_and_dropped_links_all_end(full_counts):
    """5 % lost at each relay, links that break and come back; prints the bytes that were sent again."""
    dice, resent, parts = random.Random(1), 0, 0

    class Breaking(Transfer):
        def _run(self, gateway):
            self.net.later(SECOND // 5, self._break)
            super()._run(gateway)

        def _break(self):
            if all(is_complete(node) for node in self.nodes):
                return
            wire = dice.choice([wire for wire in self.net.wires if wire.up])
            (dialling, _), (accepting, _) = wire.ends
            wire.cut()
            self.net.later(
                SECOND // 2, self.net.join, dialling.node_id, accepting.node_id, wire.delay
            )
            self.net.later(dice.randrange(SECOND, 4 * SECOND), self._break)

    for seed in range(100 if full_counts else 20):
        run = Breaking(LEVEL_1, "three hops of 10 ms", 0.05, 64 * KIB, seed)
        assert b"".join(run.nodes[0].got[part] for part in range(64)) == image_of(64 * KIB)
        resent, parts = resent + run.resent, parts + 64
    print(f"{resent} of {parts} parts were sent again: {resent * 1024} bytes")
    assert resent < parts
