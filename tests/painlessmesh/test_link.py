"""Links over real TCP on loopback. Runs on both Pythons."""

import asyncio

from painlessmesh.link import LINKS_LIMIT, Links, _address, _close, _drained, _no_delay, _sent
from painlessmesh.mesh import Mesh

HOST = "127.0.0.1"
PORT = 25555
_ports = [PORT]


class Clock:
    """Microseconds that pass when the test says so, and a little with each question."""

    def __init__(self):
        self.now = 5_000_000

    def __call__(self):
        self.now += 10
        return self.now


class Node:
    """A mesh with its links; `tasks` end with `stop`."""

    def __init__(self, node_id, may_join=None):
        self.mesh = Mesh(node_id)
        self.clock = Clock()
        self.links = Links(self.mesh, self.clock, may_join)
        self.got = []
        self.tasks = []
        self.mesh.on_receive(lambda sender, msg: self.got.append((sender, msg)))

    async def listen(self):
        _ports[0] += 1
        await self.links.listen(HOST, _ports[0])
        self.tasks.append(asyncio.create_task(self.links.run()))
        return _ports[0]

    def dial(self, port):
        task = asyncio.create_task(self.links.dial(HOST, port))
        self.tasks.append(task)
        return task

    async def stop(self):
        await self.links.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.sleep(0)


async def until(condition, seconds=5):
    """Waits for what must become true."""
    for _ in range(seconds * 50):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not become true")


async def joined():
    """(accepting node, dialling node, the task that dials)."""
    accepting, dialling = Node(1111111111), Node(2222222222)
    port = await accepting.listen()
    task = dialling.dial(port)
    await until(lambda: accepting.mesh.get_node_list() and dialling.mesh.get_node_list())
    return accepting, dialling, task


async def raw(port):
    """A bare connection: (reader, writer)."""
    return await asyncio.wait_for(asyncio.open_connection(HOST, port), 5)


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
    port = _ports[0]
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


class Writer:
    """What differs between the streams of the two Pythons."""

    def __init__(self, extra):
        self.extra = extra

    def get_extra_info(self, which):
        return self.extra[which]


def test_addresses_are_read_in_the_three_forms_there_are():
    raw_address = bytearray(b"\x02\x00\x15\xb3\x0a\x01\x02\x03") + bytearray(8)
    writer = Writer({"peername": ("10.1.2.3", 5555), "sockname": None, "raw": raw_address})
    assert _address(writer, "peername") == _address(writer, "raw") == "10.1.2.3"
    assert _address(writer, "sockname") == _address(writer, "nothing") == ""


def test_the_delay_is_switched_off_by_number():
    class Socket:
        def __init__(self):
            self.options = []

        def setsockopt(self, *arguments):
            self.options.append(arguments)

    class Stream:
        def __init__(self, socket):
            self.s = socket

    socket = Socket()
    _no_delay(Stream(socket))
    assert socket.options == [(6, 1, 1)]
    _no_delay(Stream(object()))
    _no_delay(object())


class Stream:
    """Of both Pythons' streams what reads, and what ends."""

    out_buf = b""

    def close(self):
        pass

    async def wait_closed(self):
        pass

    def write(self, frame):
        pass

    async def readinto(self, buffer):
        buffer[:3] = b"abc"
        return 3

    async def read(self, size):
        return b"x" * min(size, 5)


class Heard(Mesh):
    """Takes what a link reads, and ends it after the second piece."""

    def __init__(self):
        super().__init__(1)
        self.got = []

    def receive(self, link, chunk, _now, size):
        self.got.append((chunk, bytes(chunk[:size])))
        if len(self.got) == 2:
            link.close("that was all")


async def read_twice(reader):
    links = Links(Heard(), Clock())
    assert await links._serve(reader, Stream(), True) == "that was all"
    return links.mesh.got, links._buffer


async def test_a_stream_that_can_fill_a_buffer_fills_the_one_of_all_links():
    got, shared = await read_twice(Stream())
    assert got[0][0] is got[1][0] is shared and got[0][1] == b"abc"


async def test_a_stream_that_cannot_is_read_as_it_can():
    class OnlyRead:
        read = Stream().read

    got, shared = await read_twice(OnlyRead())
    assert got[0] == (b"xxxxx", b"xxxxx") and bytes(shared[:3]) != b"xxx"


class Wire:
    """MicroPython's writer: what the socket has not taken is in `out_buf`."""

    def __init__(self):
        self.out_buf = b""
        self.written, self.drained = [], 0

    def write(self, frame):
        self.written.append(bytes(frame))

    async def drain(self):
        self.drained += 1

    def get_extra_info(self, which):
        raise KeyError(which)

    def close(self):
        pass

    async def wait_closed(self):
        pass


class Silent:
    async def readinto(self, buffer):
        await asyncio.sleep(60)

    read = readinto


async def test_what_the_socket_has_taken_at_once_is_not_waited_for():
    node, wire = Node(1), Wire()
    serving = asyncio.create_task(node.links._serve(Silent(), wire, True))
    await until(lambda: wire.written)  # its node sync, at least
    assert wire.drained == 0
    wire.out_buf = b"the rest"
    node.mesh.links[0].queue(lambda: b"more\0")
    await until(lambda: wire.drained)
    node.mesh.links[0].close("the test is over")
    assert await serving == "the test is over"


async def test_a_frame_that_cannot_be_made_ends_its_link_and_is_the_reason():
    node, wire = Node(1), Wire()
    serving = asyncio.create_task(node.links._serve(Silent(), wire, True))
    await until(lambda: wire.written)
    node.mesh.links[0].queue(lambda: {}["part"])
    assert "KeyError" in await serving and not node.mesh.links


async def test_who_cancels_a_link_is_obeyed_and_the_mesh_knows():
    node, wire = Node(1), Wire()
    serving = asyncio.create_task(node.links._serve(Silent(), wire, True))
    await until(lambda: wire.written)
    serving.cancel()
    try:
        await serving
    except asyncio.CancelledError:
        assert not node.mesh.links
        return
    raise AssertionError("it went on")


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


class Broken:
    """A connection that breaks while it is written to, at once or when the rest is to go out."""

    def __init__(self, at_once):
        self.at_once = at_once

    def write(self, frame):
        if self.at_once:
            raise OSError(104)

    async def drain(self):
        raise OSError(104)


async def test_a_connection_that_breaks_while_writing_ends_the_link():
    for at_once in (True, False):
        link = Mesh(1).link_up(0, True)
        if not _sent(link, Broken(at_once), b"frame"):
            await _drained(link, Broken(at_once))
        assert "OSError" in link.closing or "ConnectionResetError" in link.closing


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
