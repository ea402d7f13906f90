"""Links over real TCP on loopback. Runs on both Pythons."""

import asyncio

from painlessmesh.link import LINKS_LIMIT, _close
from tests.painlessmesh.linked import HOST, Node, joined, ports, raw, until


async def test_two_nodes_meet_and_talk():
    accepting, dialling, _ = await joined()
    assert accepting.mesh.send_single(2222222222, "hällo")
    assert dialling.mesh.send_broadcast("x" * 3000)
    await until(lambda: accepting.got and dialling.got)
    assert dialling.got == [(1111111111, "hällo")]
    assert accepting.got == [(2222222222, "x" * 3000)]
    await dialling.stop()
    await accepting.stop()


async def test_many_messages_arrive_in_order():
    accepting, dialling, _ = await joined()
    for number in range(200):
        dialling.mesh.send_single(1111111111, str(number))
        if number % 20 == 19:
            await until(lambda: not dialling.mesh.links[0].waiting)
    await until(lambda: len(accepting.got) == 200)
    assert [msg for _, msg in accepting.got] == [str(number) for number in range(200)]
    await dialling.stop()
    await accepting.stop()


async def test_the_end_of_a_link_is_heard_by_both_and_dial_says_why():
    accepting, dialling, task = await joined()
    dropped = []
    dialling.mesh.on_dropped_connection(dropped.append)
    await accepting.stop()
    await until(task.done)
    assert dropped == [1111111111] and dialling.mesh.links == [] == accepting.mesh.links
    assert await task == "the other side has closed"
    await dialling.stop()


async def test_a_refused_connection_is_noticed():
    node = Node(1)
    reason = await asyncio.wait_for(node.links.dial(HOST, 1), 5)
    assert reason and node.mesh.links == []


async def test_an_unknown_host_is_noticed():
    node = Node(1)
    assert await asyncio.wait_for(node.links.dial("256.256.256.256", 1), 10)


async def test_a_link_that_the_mesh_ends_is_closed():
    accepting, dialling, task = await joined()
    dialling.mesh.links[0].close("enough")
    await until(task.done)
    assert await task == "enough"
    await until(lambda: not accepting.mesh.links)
    await dialling.stop()
    await accepting.stop()


async def test_a_silent_connection_ends_by_the_timers_of_the_mesh():
    node = Node(1)
    port = await node.listen()
    reader, writer = await raw(port)
    await until(lambda: node.mesh.links)
    node.clock.now += 10_000_000
    assert b'"type":5' in await asyncio.wait_for(reader.read(100), 5)
    node.clock.now += 10_000_000
    assert await asyncio.wait_for(reader.read(100), 5) == b""
    await _close(writer)
    await until(lambda: not node.mesh.links)
    await node.stop()


async def test_who_may_not_join_is_closed_unread():
    asked = []
    node = Node(1, lambda local, peer: asked.append((local, peer)))
    port = await node.listen()
    reader, writer = await raw(port)
    writer.write(b'{"nodeId":2,"type":5,"dest":0,"from":2}\0')
    try:
        await writer.drain()
        answer = await asyncio.wait_for(reader.read(100), 5)
    except OSError:
        answer = b""  # reset, because it was not read
    assert answer == b"" and asked == [(HOST, HOST)] and node.mesh.links == []
    await _close(writer)
    await node.stop()


async def test_more_connections_than_sockets_allow_are_closed():
    node = Node(1)
    port = await node.listen()
    writers = []
    for _ in range(LINKS_LIMIT):
        _, writer = await raw(port)
        writers += [writer]
    await until(lambda: len(node.mesh.links) == LINKS_LIMIT)
    reader, writer = await raw(port)
    assert await asyncio.wait_for(reader.read(10), 5) == b""
    assert len(node.mesh.links) == LINKS_LIMIT
    for other in writers + [writer]:
        await _close(other)
    await until(lambda: not node.mesh.links)
    await node.stop()


async def test_a_message_without_an_end_closes_its_link_alone():
    accepting, dialling, _ = await joined()
    port = ports[0]
    _, writer = await raw(port)
    await until(lambda: len(accepting.mesh.links) == 2)
    try:
        for _ in range(1024):
            writer.write(b"x" * 1024)
            await asyncio.wait_for(writer.drain(), 5)
    except OSError:
        pass  # it was closed long before the end
    await until(lambda: len(accepting.mesh.links) == 1)
    assert accepting.mesh.get_node_list() == [2222222222]
    await _close(writer)
    await dialling.stop()
    await accepting.stop()


async def test_an_error_of_the_application_ends_that_link_and_is_its_reason():
    accepting, dialling, task = await joined()
    dialling.mesh.on_receive(lambda sender, msg: int(msg))
    accepting.mesh.send_single(2222222222, "no number")
    await until(task.done)
    assert (await task).startswith("ValueError")
    await dialling.stop()
    await accepting.stop()


async def test_a_peer_that_does_not_read_is_given_up():
    node = Node(1)
    port = await node.listen()
    _, writer = await raw(port)
    writer.write(b'{"nodeId":2,"type":5,"dest":0,"from":2}\0')
    await writer.drain()
    await until(node.mesh.get_node_list)
    stuck = node.mesh.links[0]
    with Patience(DRAIN_TIMEOUT=1):
        for _ in range(3000):
            node.mesh.send_single(2, "x" * 4000)
            await asyncio.sleep(0.001 if stuck.waiting > 5 else 0)
            if stuck.closing:
                break
    assert stuck.closing == "the other side does not read"
    await _close(writer)
    await until(lambda: not node.mesh.links)
    await node.stop()


async def test_links_can_be_closed_twice_and_listen_again():
    node = Node(1)
    await node.listen()
    await node.stop()
    await node.links.close()
    port = await node.listen()
    _, writer = await raw(port)
    await until(lambda: node.mesh.links)
    await _close(writer)
    await node.stop()


class Patience:
    """Other times of link.py for the length of a `with`."""

    def __init__(self, **times):
        self.times = times

    def __enter__(self):
        self.swap()

    def __exit__(self, *_):
        self.swap()

    def swap(self):
        from painlessmesh import link

        for name in self.times:
            now = getattr(link, name)
            setattr(link, name, self.times[name])
            self.times[name] = now


async def test_nobody_dials_while_going_away():
    accepting, dialling = Node(1), Node(2)
    port = await accepting.listen()
    task = dialling.dial(port)
    await asyncio.sleep(0)
    await dialling.links.close()
    await until(task.done)
    assert await task == "this node goes away" and dialling.mesh.links == []
    again = dialling.dial(port)
    await until(dialling.mesh.get_node_list)
    await dialling.stop()
    await until(again.done)
    await accepting.stop()


async def test_closing_does_not_wait_for_ever():
    node = Node(1)
    node.links._served = 1
    with Patience(TICK=0.001):
        await asyncio.wait_for(node.links.close(), 1)


async def test_a_station_by_hand_dials_again_and_again_until_it_is_closed():
    from painlessmesh import link as module

    usual, module.DIAL_AGAIN = module.DIAL_AGAIN, 0.05
    accepting, dialling = Node(1), Node(2)
    port = await accepting.listen()
    keeping = asyncio.create_task(dialling.links.station_manual(HOST, port))
    await until(accepting.mesh.get_node_list)
    accepting.mesh.links[0].close("try again")
    await until(lambda: not accepting.mesh.get_node_list())
    await until(accepting.mesh.get_node_list)
    await dialling.stop()
    await until(keeping.done)
    await accepting.stop()
    module.DIAL_AGAIN = usual
