"""Random trees of nodes that come, go and close loops. Runs on both Pythons."""

from tests.painlessmesh.mesh_net import SECOND, MeshNet

SYNC = 75 * SECOND  # within it every node asks every neighbour once


class Dice:
    """The same numbers on both Pythons."""

    def __init__(self, seed):
        self._state = seed * 2654435761 + 12345

    def below(self, limit):
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        return (self._state >> 33) % limit


def grown(size, dice):
    """A net of `size` nodes, each joined to a random earlier one, a few milliseconds apart."""
    net = MeshNet()
    for node_id in range(1, size + 1):
        net.add(node_id * 1111, dice.below(1 << 32))
        if node_id > 1:
            net.join(
                node_id * 1111, (dice.below(node_id - 1) + 1) * 1111, 1000 + dice.below(20_000)
            )
        net.run(dice.below(50_000))
    return net


def check_traffic(net, dice):
    """One broadcast arrives once everywhere, one single once."""
    ids = sorted(net.nodes)
    author, target = ids[dice.below(len(ids))], ids[dice.below(len(ids))]
    reached = [node_id for node_id in net.component(author) if node_id != author]
    del net.received[:]
    net.nodes[author].send_broadcast("b")
    net.run(SECOND)
    assert sorted(net.received) == sorted([(node_id, author, "b") for node_id in reached])
    del net.received[:]
    assert net.nodes[author].send_single(target, "s") == (target in reached)
    net.run(SECOND)
    assert net.received == ([(target, author, "s")] if target in reached else [])


def test_trees_of_2_to_30_nodes_agree_within_two_seconds():
    for size in (2, 3, 5, 8, 13, 21, 30):
        dice = Dice(size)
        net = grown(size, dice)
        net.run(2 * SECOND)
        assert net.agrees(), size
        check_traffic(net, dice)


def test_a_chain_of_thirty_agrees():
    net = MeshNet()
    for node_id in range(1, 31):
        net.add(node_id)
        if node_id > 1:
            net.join(node_id, node_id - 1, 5000)
    net.run(5 * SECOND)
    assert net.agrees()
    net.nodes[1].send_single(30, "far")
    net.run(SECOND)
    assert net.received == [(30, 1, "far")]


def test_nodes_that_drop_and_come_back_elsewhere_are_found():
    for seed in range(6):
        dice = Dice(seed + 100)
        net = grown(6 + dice.below(12), dice)
        for _ in range(8):
            disturb(net, dice)
            net.run(dice.below(3 * SECOND))
        for _ in range(12):  # a neighbour may take 70 s to notice that an old connection is dead
            rejoin(net, dice)
            net.run(10 * SECOND)
        net.run(SYNC)
        assert net.agrees(), seed
        assert len(net.component(sorted(net.nodes)[0])) == len(net.nodes)
        check_traffic(net, dice)


def disturb(net, dice):
    """A link breaks, a node loses power without a word, a loop is closed, or a node comes back."""
    up = [wire for wire in net.wires if wire.up]
    kind = dice.below(4)
    if kind == 0 and up:
        up[dice.below(len(up))].cut()
    elif kind == 1 and len(net.nodes) > 3:
        node_id = sorted(net.nodes)[dice.below(len(net.nodes))]
        for wire in net.wires_at(node_id):
            wire.go_silent()
        net.nodes.pop(node_id)
        net.add(node_id, dice.below(1 << 32))
    elif kind == 2:
        close_a_loop(net, dice)
    else:
        rejoin(net, dice)


def close_a_loop(net, dice):
    ids = sorted(net.nodes)
    dialling, accepting = ids[dice.below(len(ids))], ids[dice.below(len(ids))]
    if dialling != accepting and not any([link.dialled for link in net.nodes[dialling].links]):
        net.join(dialling, accepting, 1000 + dice.below(20_000))


def rejoin(net, dice):
    """As the WiFi layer does: whoever has no uplink joins a node that is in another component."""
    for node_id in sorted(net.nodes):
        inside = net.component(node_id)
        outside = [other for other in sorted(net.nodes) if other not in inside]
        if outside and not any([link.dialled for link in net.nodes[node_id].links]):
            net.join(node_id, outside[dice.below(len(outside))], 1000 + dice.below(20_000))
            net.run(200_000)


def test_a_settled_mesh_stays_quiet():
    net = grown(12, Dice(7))
    net.run(2 * SYNC)
    changed = []
    for mesh in net.nodes.values():
        mesh.on_changed_connections(lambda: changed.append(1))
    for wire in net.wires:
        del wire.log[:]
    net.run(10 * SYNC)
    assert changed == [] and net.agrees()
    for wire in net.wires:
        syncs = [frame for _, frame in wire.log if b'"type":5' in frame]
        assert len(syncs) <= 2 * 10 * SYNC // (60 * SECOND)


def test_a_split_mesh_agrees_on_both_sides_and_again_when_joined():
    net = MeshNet()
    for node_id in range(1, 9):
        net.add(node_id)
        if node_id > 1:
            net.join(node_id, node_id - 1)
    net.run(2 * SECOND)
    middle = net.wires[3]
    middle.cut()
    net.run(SECOND)
    assert net.agrees() and net.component(1) == [1, 2, 3, 4]
    net.join(5, 2)
    net.run(SECOND)
    assert net.agrees() and len(net.component(1)) == 8


def test_a_loop_made_by_simultaneous_joins_causes_no_storm():
    net = MeshNet()
    for node_id in range(1, 7):
        net.add(node_id)
    net.join(4, 1)
    net.join(5, 2)
    net.run(SECOND)
    net.join(1, 2)
    net.join(2, 3)
    net.join(3, 1)
    for _ in range(20):
        net.nodes[4].send_broadcast("x")
        net.run(100_000)
    frames = sum([len([1 for _, frame in wire.log if b'"type":8' in frame]) for wire in net.wires])
    assert frames <= 20 * 2 * len(net.wires)
    net.run(SYNC)
    assert net.agrees()
