"""The life of a link: node sync, its timers, duplicate ids, loops. Runs on both Pythons."""

from painlessmesh.mesh import Mesh
from painlessmesh.protocol import decode
from tests.painlessmesh.mesh_net import SECOND, START, MeshNet, identified, pair, take_all


def syncs(wire, node_id=None):
    """(sender, type) of every node sync that went over a wire."""
    found = []
    for sender, frame in wire.log:
        package = decode(frame[:-1])
        if package["type"] in (5, 6) and node_id in (None, sender):
            found.append((sender, package["type"]))
    return found


def say(mesh, link, frame, now=START):
    mesh.receive(link, frame + b"\0", now)


def test_the_dialling_side_asks_at_once_with_the_bytes_of_the_specification():
    mesh = Mesh(2222222222)
    link = mesh.link_up(START, True)
    assert take_all(link) == [b'{"nodeId":2222222222,"type":5,"dest":0,"from":2222222222}\0']


def test_the_accepting_side_answers_and_asks_after_ten_seconds():
    mesh = Mesh(1111111111)
    link = mesh.link_up(START, False)
    assert take_all(link) == []
    mesh.tick(START + 9 * SECOND)
    assert take_all(link) == []
    mesh.tick(START + 10 * SECOND)
    assert take_all(link) == [b'{"nodeId":1111111111,"type":5,"dest":0,"from":1111111111}\0']


def test_a_request_is_answered_with_the_tree_without_the_asker():
    mesh = Mesh(2222222222)
    mesh.root = True
    identified(mesh, 1111111111)
    link = mesh.link_up(START, False)
    say(mesh, link, b'{"nodeId":3333333333,"type":5,"dest":0,"from":3333333333}')
    assert take_all(link) == [
        b'{"nodeId":2222222222,"root":true,"subs":[{"nodeId":1111111111}],"type":6,"dest":3333333333,"from":2222222222}\0'
    ]


def test_a_reply_is_not_answered():
    mesh = Mesh(1)
    link = identified(mesh, 2)
    say(mesh, link, b'{"nodeId":2,"type":6,"dest":1,"from":2}')
    assert take_all(link) == []


def test_requests_repeat_after_a_minute_and_an_unchanged_tree_postpones_them():
    mesh = Mesh(1)
    link = mesh.link_up(START, True)
    say(mesh, link, b'{"nodeId":2,"type":6,"dest":1,"from":2}')
    take_all(link)
    mesh.tick(START + 59 * SECOND)
    assert not [f for f in take_all(link) if b'"type":5' in f]
    say(mesh, link, b'{"nodeId":2,"type":5,"dest":1,"from":2}', START + 59 * SECOND)
    mesh.tick(START + 118 * SECOND)
    assert not [f for f in take_all(link) if b'"type":5' in f]
    mesh.tick(START + 119 * SECOND)
    assert [f for f in take_all(link) if b'"type":5' in f]


def test_only_a_reply_stops_the_reply_timeout():
    mesh = Mesh(1)
    link = mesh.link_up(START, True)
    say(mesh, link, b'{"nodeId":2,"type":5,"dest":1,"from":2}')
    say(mesh, link, b'{"type":9,"dest":1,"from":2,"msg":"x"}')
    mesh.tick(START + 9 * SECOND)
    assert not link.closing
    mesh.tick(START + 10 * SECOND)
    assert link.closing == "node sync not answered"


def test_a_silent_peer_is_given_up_after_twenty_seconds():
    mesh = Mesh(1)
    link = mesh.link_up(START, False)
    for tenth in range(200):
        mesh.tick(START + tenth * SECOND // 10)
    assert not link.closing
    mesh.tick(START + 20 * SECOND)
    assert link.closing


def test_a_newer_request_does_not_move_the_deadline():
    net = MeshNet()
    mesh = net.add(1)
    quiet = identified(mesh, 2)
    mesh._request_sync(quiet, START)
    identified(mesh, 3, START + 9 * SECOND)
    assert quiet.waiting == 1
    mesh.tick(START + 10 * SECOND)
    assert quiet.closing


def test_a_tree_that_grows_before_the_peer_has_answered_is_said_again():
    net = MeshNet()
    for node_id in (1, 2, 3):
        net.add(node_id)
    net.join(2, 1)
    net.join(3, 2)
    net.run(SECOND // 10)
    assert net.agrees()


def test_everybody_else_hears_at_once_of_a_new_neighbour():
    net = MeshNet()
    for node_id in (1, 2, 3):
        net.add(node_id)
    old = net.join(2, 1)
    net.run(SECOND)
    before = len(syncs(old))
    net.join(3, 1)
    net.run(SECOND // 10)
    assert syncs(old)[before:] == [(1, 5), (2, 6)]
    assert net.agrees()


def test_a_lost_link_is_told_to_the_others_at_once():
    net = MeshNet()
    dropped = []
    for node_id in (1, 2, 3):
        net.add(node_id)
    net.nodes[1].on_dropped_connection(dropped.append)
    old = net.join(2, 1)
    gone = net.join(3, 1)
    net.run(SECOND)
    before = len(syncs(old))
    gone.cut()
    net.run(SECOND // 10)
    assert syncs(old)[before:] == [(1, 5), (2, 6)]
    assert net.agrees() and dropped == [3]


def test_events_tell_what_happens():
    told = []
    net = MeshNet()
    mesh = net.add(1)
    net.add(2)
    net.add(3)
    mesh.on_new_connection(lambda node_id: told.append(("new", node_id)))
    mesh.on_changed_connections(lambda: told.append("changed"))
    mesh.on_dropped_connection(lambda node_id: told.append(("dropped", node_id)))
    wire = net.join(2, 1)
    net.run(SECOND)
    assert told == ["changed", ("new", 2)]
    net.join(3, 2)
    net.run(SECOND)
    assert told == ["changed", ("new", 2), "changed"]
    wire.cut()
    assert told[3:] == ["changed", ("dropped", 2)]
    mesh.link_down(wire.ends[1][1], START)
    assert len(told) == 5


def test_an_unidentified_link_that_goes_is_no_event():
    mesh = Mesh(1)
    mesh.on_dropped_connection(lambda node_id: 1 / 0)
    mesh.on_changed_connections(lambda: 1 / 0)
    mesh.link_down(mesh.link_up(START, False), START)
    assert mesh.links == []


def test_a_peer_without_an_id_is_closed():
    mesh = Mesh(1)
    for frame in (
        b'{"type":5,"nodeId":0,"from":0}',
        b'{"type":6}',
        b'{"type":5,"nodeId":4294967296}',
    ):
        link = mesh.link_up(START, False)
        say(mesh, link, frame)
        assert link.closing and take_all(link) == []


def test_the_id_may_be_in_either_place():
    for frame in (
        b'{"type":5,"nodeId":2}',
        b'{"type":5,"from":2}',
        b'{"type":5,"from":2.0,"dest":99}',
    ):
        mesh = Mesh(1)
        link = mesh.link_up(START, False)
        say(mesh, link, frame)
        assert link.node_id == 2


def test_keys_in_another_order_and_unknown_ones_are_tolerated():
    mesh = Mesh(1)
    link = mesh.link_up(START, False)
    say(mesh, link, b'{ "from":2, "new":[{}], "type":5, "subs":[{"x":1,"nodeId":3}], "nodeId":2 }')
    assert mesh.get_node_list() == [2, 3]


def test_a_time_authority_that_comes_and_goes_is_no_change():
    """Alteriom's nodes say hasTimeAuthority in requests and leave it out of replies."""
    mesh = Mesh(1)
    link = identified(mesh, 2)
    changes = []
    mesh.on_changed_connections(lambda: changes.append(1))
    say(mesh, link, b'{"nodeId":2,"hasTimeAuthority":true,"type":5,"dest":1,"from":2}')
    say(mesh, link, b'{"nodeId":2,"type":6,"dest":1,"from":2}')
    assert changes == []


def test_a_peer_that_changes_its_id_is_closed():
    mesh = Mesh(1)
    link = identified(mesh, 2)
    say(mesh, link, b'{"nodeId":3,"type":5,"dest":1,"from":3}')
    assert link.closing == "the peer has changed its node id"


def test_a_peer_inside_its_own_tree_is_a_loop():
    mesh = Mesh(1)
    link = identified(mesh, 2)
    say(mesh, link, b'{"nodeId":2,"subs":[{"nodeId":3,"subs":[{"nodeId":2}]}],"type":5,"from":2}')
    assert link.closing == "a loop"


def test_ourselves_deep_in_a_peers_tree_is_a_loop():
    mesh = Mesh(1)
    link = identified(mesh, 2)
    say(mesh, link, b'{"nodeId":2,"subs":[{"nodeId":3,"subs":[{"nodeId":1}]}],"type":5,"from":2}')
    assert link.closing == "a loop"


def test_a_peer_that_does_not_leave_us_out_is_no_loop():
    mesh = Mesh(1)
    link = mesh.link_up(START, False)
    say(
        mesh,
        link,
        b'{"nodeId":2,"subs":[{"nodeId":1,"subs":[{"nodeId":7}]},{"nodeId":3}],"type":5,"from":2}',
    )
    assert not link.closing
    assert mesh.get_node_list() == [2, 3]


def test_our_own_id_at_a_peer_is_refused():
    mesh = Mesh(1)
    link = mesh.link_up(START, False)
    say(mesh, link, b'{"nodeId":1,"type":5,"from":1}')
    assert link.closing == "the peer has our own node id" and take_all(link) == []


def test_a_rebooted_neighbour_replaces_its_dead_connection():
    net, accepting, _dialling, dead = pair(1, 2)
    told = []
    accepting.on_new_connection(lambda node_id: told.append("new"))
    accepting.on_dropped_connection(lambda node_id: told.append("dropped"))
    dead.go_silent()
    net.remove(2)
    net.add(2)
    net.join(2, 1)
    net.run(SECOND)
    assert dead.ends[1][1].closing == "replaced by a new connection"
    assert [link.node_id for link in accepting.links] == [2]
    assert told == ["dropped", "new"]


def test_a_node_that_we_dialled_cannot_join_us_as_well():
    net, _, _, first = pair(1, 2)
    second = net.join(1, 2)
    net.run(SECOND)
    assert first.up and not second.up
    assert "the peer is in the mesh already" in second.reason()


def test_a_node_below_a_neighbour_cannot_join_us_as_well():
    net = MeshNet()
    for node_id in (1, 2, 3):
        net.add(node_id)
    net.join(2, 1)
    net.join(3, 2)
    net.run(SECOND)
    loop = net.join(3, 1)
    net.run(SECOND)
    assert not loop.up and net.agrees()


def test_a_loop_made_by_simultaneous_joins_does_not_outlive_a_sync():
    net = MeshNet()
    for node_id in (1, 2, 3):
        net.add(node_id)
    wires = [net.join(1, 2), net.join(2, 3), net.join(3, 1)]
    net.run(5 * SECOND)
    assert [wire.up for wire in wires].count(True) <= 2
    assert net.agrees()


def test_a_mesh_of_too_many_nodes_is_refused_and_a_full_one_fits_its_frame():
    mesh = Mesh(4294967295)
    mesh.root = True
    nodes = b",".join(
        [
            b'{"nodeId":%d,"root":true,"subs":[{"nodeId":%d,"root":true}]}' % (n, n + 1)
            for n in [4000000000 + 2 * more for more in range(43)]
        ]
    )
    link = mesh.link_up(START, False)
    say(mesh, link, b'{"nodeId":3000000000,"root":true,"subs":[' + nodes + b'],"type":5}')
    assert not link.closing and len(mesh.get_node_list()) == 87
    identified(mesh, 4294967293)
    last = identified(mesh, 4294967294)
    assert len(mesh._sync_frame(last, 5)) <= 4096
    one_more = mesh.link_up(START, False)
    say(mesh, one_more, b'{"nodeId":7,"type":5}')
    assert one_more.closing == "the mesh would have too many nodes"


def test_nothing_is_taken_from_a_link_that_is_to_close():
    mesh = Mesh(1)
    got = []
    mesh.on_receive(lambda sender, msg: got.append(msg))
    link = identified(mesh, 2)
    mesh.receive(link, b'{"nodeId":3,"type":5}\0{"type":9,"dest":1,"from":2,"msg":"x"}\0', START)
    mesh.tick(START + 100 * SECOND)
    assert link.closing and got == []


def test_the_tree_names_each_nodes_parent():
    net = MeshNet()
    for node_id in (1, 2, 3, 4):
        net.add(node_id)
    net.nodes[1].root = True
    net.join(2, 1)
    net.join(3, 2)
    net.join(4, 2)
    net.run(2 * SECOND)
    assert net.nodes[1].tree() == [(2, 1), (3, 2), (4, 2)]
    assert sorted(net.nodes[4].tree()) == [(1, 2), (2, 4), (3, 2)]
    assert all([mesh.contains_root() for mesh in net.nodes.values()])
    assert net.nodes[1].link_to(4) is net.nodes[1].link_to(2)
    assert net.nodes[1].link_to(9) is None and net.nodes[1].link_to(1) is None
    assert net.nodes[1].link_to(0) is None


def test_a_node_that_moves_is_in_the_tree_once():
    mesh = Mesh(1)
    first, second = identified(mesh, 2), identified(mesh, 3)
    say(mesh, first, b'{"nodeId":2,"subs":[{"nodeId":4}],"type":5}')
    say(mesh, second, b'{"nodeId":3,"subs":[{"nodeId":4}],"type":5}')
    assert mesh.tree() == [(2, 1), (4, 2), (3, 1)] and mesh.get_node_list() == [2, 4, 3]


def test_a_root_that_stops_being_one_is_heard_of():
    net, accepting, dialling, _ = pair(1, 2)
    assert not dialling.contains_root()
    accepting.root = True
    net.run(61 * SECOND)
    assert dialling.contains_root()


def test_stability_grows_while_nothing_changes():
    net, accepting, _, _ = pair(1, 2)
    net.run(600 * SECOND)
    calm = accepting.stability
    assert 200 < calm <= 1000
    net.add(3)
    net.join(3, 2)
    net.run(SECOND)
    assert accepting.stability < calm
    net.run(3000 * SECOND)
    assert accepting.stability == 1000


def test_syncs_that_pile_up_replace_each_other():
    mesh = Mesh(1)
    link = identified(mesh, 2)
    for _ in range(100):
        say(mesh, link, b'{"nodeId":2,"type":5,"from":2}')
        say(mesh, link, b'{"type":4,"from":2,"dest":1,"msg":{"type":1,"t0":5}}')
    assert link.waiting == 2
