"""What goes on to whom. Runs on both Pythons."""

from painlessmesh.mesh import Mesh
from painlessmesh.neighbour import WAITING_BYTES, WAITING_LIMIT, Link
from tests.painlessmesh.mesh_net import SECOND, START, MeshNet, identified, take_all


def chain(count=4):
    """Nodes 1 to `count` in a row."""
    net = MeshNet()
    for node_id in range(1, count + 1):
        net.add(node_id)
        if node_id > 1:
            net.join(node_id, node_id - 1)
    net.run(2 * SECOND)
    return net


def relay():
    """(mesh 1, link to 2, link to 3)."""
    mesh = Mesh(1)
    first, second = identified(mesh, 2), identified(mesh, 3)
    take_all(first)
    return mesh, first, second


def raises(error, call, *arguments):
    try:
        call(*arguments)
    except error:
        return True
    return False


def test_a_single_arrives_at_its_target_alone():
    net = chain()
    assert net.nodes[1].send_single(4, "hällo")
    net.run(SECOND)
    assert net.received == [(4, 1, "hällo")]


def test_a_broadcast_arrives_once_everywhere_but_at_its_author():
    net = chain()
    assert net.nodes[2].send_broadcast("all")
    net.run(SECOND)
    assert sorted(net.received) == [(1, 2, "all"), (3, 2, "all"), (4, 2, "all")]


def test_nobody_to_send_to_is_said():
    mesh = Mesh(1)
    assert not mesh.send_broadcast("x")
    assert not mesh.send_single(5, "x")
    assert not mesh.send_single(1, "x")
    mesh.link_up(START, False)
    assert not mesh.send_broadcast("x")


def test_what_cannot_be_sent_is_an_error_of_the_caller():
    mesh, first, _ = relay()
    assert raises(ValueError, mesh.send_single, 2, "x" * 5000)
    assert first.waiting == 0


def test_a_relay_passes_the_bytes_on_untouched():
    mesh, first, second = relay()
    for frame in (
        b'{ "type":9, "dest":3,"from":2,"msg":"x","new":{"deep":[1.50,null]} }',
        b'{"dest":3,"routing":1,"type":71,"from":2,"\xc3\xa4":"\xb0"}',
        b'{"routing":1,"type":4711,"dest":3}',
        b'{"routing":2,"type":4711,"from":2}',
        b'{"type":8,"from":2,"msg":"x"}  trailing',
    ):
        mesh.receive(first, frame + b"\0", START)
        assert take_all(second) == [frame + b"\0"]
        assert take_all(first) == []


def test_without_a_way_a_single_is_dropped():
    mesh, first, second = relay()
    for frame in (
        b'{"type":9,"dest":9,"from":2}',
        b'{"type":9,"from":2}',
        b'{"type":9,"dest":2,"from":2}',
    ):
        mesh.receive(first, frame + b"\0", START)
        assert take_all(first) == take_all(second) == []


def test_a_package_for_a_neighbour_goes_no_further():
    mesh, first, second = relay()
    got = []
    mesh.on_package(4711, lambda package, link, now: got.append(package["n"]))
    mesh.receive(
        first, b'{"routing":0,"type":4711,"dest":3,"n":1}\0{"type":4711,"dest":3,"n":2}\0', START
    )
    assert take_all(second) == []
    assert got == [1, 2]


def test_a_single_for_another_node_is_not_ours():
    mesh, first, _ = relay()
    mesh.on_package(4711, lambda package, link, now: 1 / 0)
    mesh.receive(first, b'{"routing":1,"type":4711,"dest":3}\0', START)


def test_plugins_hear_packages_of_their_type():
    mesh, first, _ = relay()
    got = []
    mesh.on_package(
        4711, lambda package, link, now: got.append((package["dest"], link is first, now))
    )
    mesh.on_package(4711, lambda package, link, now: got.append("second"))
    mesh.on_package(9, lambda package, link, now: got.append("nine"))
    mesh.receive(
        first,
        b'{"routing":1,"type":4711,"dest":1}\0{"type":9,"dest":1,"from":2,"msg":"x"}\0',
        START,
    )
    assert got == [(1, True, START), "second", "nine"]


def test_a_message_that_is_no_text_arrives_as_its_json():
    mesh, first, _ = relay()
    got = []
    mesh.on_receive(lambda sender, msg: got.append((sender, msg)))
    for msg in (b'"x"', b'{"a":[1,true]}', b"5", b"null"):
        mesh.receive(first, b'{"type":9,"dest":1,"from":2,"msg":' + msg + b"}\0", START)
    mesh.receive(first, b'{"type":9,"dest":1,"from":2}\0', START)
    assert got == [(2, "x"), (2, '{"a":[1,true]}'), (2, "5"), (2, "null"), (2, "null")]


def test_dest_and_routing_may_be_floats_or_in_quotes():
    mesh, first, second = relay()
    got = []
    mesh.on_receive(lambda sender, msg: got.append(msg))
    mesh.receive(
        first,
        b'{"type":9,"dest":"1","from":2,"msg":"a"}\0{"type":9.0,"dest":1.0,"msg":"b"}\0',
        START,
    )
    assert got == ["a", "b"]
    for frame in (b'{"type":7,"dest":"3","routing":"1"}', b'{"type":7,"routing":2.0}'):
        mesh.receive(first, frame + b"\0", START)
        assert take_all(second) == [frame + b"\0"]


def test_messages_before_the_first_sync_are_heard_but_not_routed_to_the_stranger():
    mesh, first, _ = relay()
    got = []
    mesh.on_receive(lambda sender, msg: got.append((sender, msg)))
    stranger = mesh.link_up(START, False)
    mesh.receive(
        stranger, b'{"type":9,"dest":1,"from":8,"msg":"x"}\0{"type":8,"from":8,"msg":"y"}\0', START
    )
    assert got == [(8, "x"), (8, "y")]
    assert len(take_all(first)) == 1
    mesh.receive(first, b'{"type":8,"from":2,"msg":"z"}\0', START)
    assert take_all(stranger) == []


def test_a_broadcast_that_comes_back_to_its_author_ends_there():
    mesh, first, second = relay()
    mesh.on_receive(lambda sender, msg: 1 / 0)
    mesh.receive(first, b'{"type":8,"from":1,"msg":"x"}\0', START)
    assert take_all(second) == []


def test_a_broadcast_from_where_its_author_is_not_ends_here():
    mesh, first, second = relay()
    mesh.on_receive(lambda sender, msg: 1 / 0)
    mesh.receive(second, b'{"type":8,"from":2,"msg":"x"}\0', START)
    assert take_all(first) == []


def test_the_oldest_ordinary_frame_makes_room():
    mesh, first, _ = relay()
    for number in range(WAITING_LIMIT + 5):
        mesh.send_single(2, str(number))
    mesh.receive(first, b'{"nodeId":2,"type":5}\0', START)
    frames = take_all(first)
    assert len(frames) == WAITING_LIMIT + 1
    assert b'"type":6' in frames[0]
    assert b'"msg":"5"' in frames[1]


def test_large_frames_that_wait_are_bounded_in_bytes():
    mesh, first, second = relay()
    for _ in range(WAITING_LIMIT):
        mesh.receive(first, b'{"type":9,"dest":3,"msg":"' + b"x" * 8000 + b'"}\0', START)
    assert sum([len(frame) for frame in take_all(second)]) <= WAITING_BYTES


def test_a_link_wakes_its_writer():
    mesh, first, _ = relay()
    woken = []
    first.wake = lambda: woken.append(first.waiting or first.closing)
    mesh.send_single(2, "x")
    mesh.receive(first, b'{"nodeId":2,"type":5}\0', START)
    first.close("over")
    first.close("again")
    take_all(first)
    assert woken[:2] == [1, 2] and len(woken) == 3 and first.closing == "over"


def test_an_error_in_a_callback_reaches_whoever_asked_for_it():
    mesh, first, _ = relay()
    mesh.on_receive(lambda sender, msg: int(msg))
    frame = b'{"type":9,"dest":1,"from":2,"msg":"x"}\0'
    assert raises(ValueError, mesh.receive, first, frame, START)
    errors = []
    mesh.on_error = errors.append
    mesh.receive(first, frame, START)
    assert len(errors) == 1 and isinstance(errors[0], ValueError)


def test_a_frame_can_be_made_when_it_is_sent_and_may_come_to_nothing():
    link = Link(0, True)
    made = []
    link.queue(lambda: None)
    link.queue(lambda: made.append("late") or b"late")
    link.queue_urgent(5, lambda: b"first")
    link.queue(b"last")
    assert link.waiting == 4 and made == []
    assert take_all(link) == [b"first", b"late", b"last"]
