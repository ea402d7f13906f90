"""What a link asks of the streams below it, and how it ends with them. Runs on both Pythons."""

import asyncio

from painlessmesh.link import Links, _address, _drained, _no_delay, _sent
from painlessmesh.mesh import Mesh
from tests.painlessmesh.linked import Clock, Node, until


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
