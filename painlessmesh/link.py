"""TCP links for a Mesh: the only file with sockets. Reads, writes, closes; decides nothing about the mesh."""

import asyncio

from painlessmesh.mesh import Mesh
from painlessmesh.neighbour import Link

PORT = 5555
LINKS_LIMIT = 8  # an ESP32 has 10 sockets in all; one listens, one talks HTTP
READ_SIZE = 512  # bytes that a link reads at a time
TICK = 0.1  # s
DRAIN_TIMEOUT = 10  # s for a peer to take what we send
DIAL_TIMEOUT = 10  # s
DIAL_AGAIN = 5  # s


class Links:
    """Carries the bytes of a Mesh. `clock()` gives microseconds.

    `may_join(local_address, peer_address)` is asked before a byte of an incoming connection is read; False closes it.
    """

    def __init__(self, mesh: Mesh, clock: object, may_join: object = None) -> None:
        self.mesh = mesh
        self._clock = clock
        self._may_join = may_join
        self._server = None
        self._host = ""
        self._closed = 0  # times
        self._listening = False
        self._served = 0
        self._buffer = bytearray(
            READ_SIZE
        )  # of all links: what one has read it hands on before it waits

    async def listen(self, host: str, port: int = PORT) -> None:
        """Accepts links; returns once the socket listens. OSError when it cannot."""
        self._host = host
        self._listening = True
        self._server = await asyncio.start_server(self._accepted, host, port, backlog=4)

    async def dial(self, host: str, port: int = PORT) -> str:
        """Makes a link, runs it until it ends, and returns why."""
        closed = self._closed
        try:
            reader, writer = await asyncio.wait_for(
                asyncio.open_connection(host, port), DIAL_TIMEOUT
            )
        except asyncio.TimeoutError:
            return "no answer from %s" % host
        except OSError as error:
            return "no connection to %s: %s" % (host, error)
        if self._closed != closed:
            await _close(writer)
            return "this node goes away"
        self._served += 1
        return await self._serve(reader, writer, True)

    async def station_manual(self, host: str, port: int = PORT) -> None:
        """Keeps a link to that node, wherever it is; until cancelled or closed."""
        closed = self._closed
        while self._closed == closed:
            await self.dial(host, port)
            await asyncio.sleep(DIAL_AGAIN)

    async def run(self) -> None:
        """The timers of the mesh; until cancelled."""
        while True:
            self.mesh.tick(self._clock())
            await asyncio.sleep(TICK)

    async def close(self) -> None:
        """Ends the listener and every link; returns when their sockets are closed."""
        self._closed += 1
        self._listening = False
        if self._server:
            self._server.close()
            self._server = None
        for link in list(self.mesh.links):
            link.close("this node goes away")
        for _ in range(20):
            if not self._served:
                break
            await asyncio.sleep(TICK)

    def _accepted(self, reader: object, writer: object) -> object:
        """What runs until the link ends; no coroutine of its own, which would lie in the heap for as long."""
        local = _address(writer, "sockname") or self._host
        peer = _address(writer, "peername")
        refused = not self._listening or self._served >= LINKS_LIMIT
        if refused or (self._may_join and not self._may_join(local, peer)):
            return _close(writer)
        self._served += 1
        return self._serve(reader, writer, False)

    async def _serve(self, reader: object, writer: object, dialled: bool) -> str:
        _no_delay(writer)
        link = self.mesh.link_up(self._clock(), dialled)
        sending = _Sending(link, writer, self._next_frame)
        link.wake = sending.wake
        sending.wake()  # something may wait already
        # MicroPython's streams fill a buffer. Without a timeout: the mesh closes a silent link, which cancels this; on
        # MicroPython a timeout that runs out while bytes come in loses them. And in here, not in a coroutine of its own:
        # that would lie in the heap for as long as the link stands.
        read = getattr(reader, "readinto", None)
        try:
            while not link.closing:
                found = await (read(self._buffer) if read else reader.read(READ_SIZE))
                self._take(link, found)
        except asyncio.CancelledError:
            if not sending.has_ended_link:
                raise
        except Exception as error:  # noqa: BLE001  whatever it was, it ends this link alone
            link.close("%s: %s" % (type(error).__name__, error))
        finally:
            link.wake = None
            sending.stop()
            await _close(writer)
            self._served -= 1
            self.mesh.link_down(link, self._clock())
        return link.closing

    def _take(self, link: Link, found: object) -> None:
        """What was read: bytes, or how many there are in the buffer of all links."""
        if not found:
            link.close("the other side has closed")
        elif isinstance(found, int):
            self.mesh.receive(link, self._buffer, self._clock(), found)
        else:
            self.mesh.receive(link, found, self._clock(), len(found))

    def _next_frame(self, link: Link) -> bytes | None:
        frame = link.next_frame()
        if frame is None:
            self.mesh.idle(self._clock())
            frame = link.next_frame()
        return frame


class _Sending:
    """What goes out over one connection, and its end: in a task that is there only while there is something to do, for a
    board holds many links, and a task that waits takes half a kilobyte. To be made in the task that reads."""

    def __init__(self, link: Link, writer: object, next_frame: object) -> None:
        self.has_ended_link = False
        self._link = link
        self._writer = writer
        self._next_frame = next_frame
        self._reading = asyncio.current_task()
        self._task = None

    def wake(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        link = self._link
        try:
            await self._send_all()
        except Exception as error:  # noqa: BLE001  whatever it was, it ends this link alone
            link.close("%s: %s" % (type(error).__name__, error))
        self._task = None
        if link.closing and link.wake:  # else the reading has ended by itself
            self.has_ended_link = True
            self._reading.cancel()

    async def _send_all(self) -> None:
        link = self._link
        while not link.closing:
            frame = self._next_frame(link)
            if frame is None:
                return
            if _sent(link, self._writer, frame):
                await asyncio.sleep(0)
            else:
                await _drained(link, self._writer)


def _sent(link: Link, writer: object, frame: bytes) -> bool:
    """Hand it to the stream; whether that is all. Where the socket has taken it, MicroPython's has nothing left to drain."""
    try:
        writer.write(_kept(writer, frame))
    except OSError as error:
        link.close("%s: %s" % (type(error).__name__, error))
    return bool(link.closing) or not getattr(writer, "out_buf", True)


async def _drained(link: Link, writer: object) -> None:
    try:
        await asyncio.wait_for(writer.drain(), DRAIN_TIMEOUT)
    except asyncio.TimeoutError:
        link.close("the other side does not read")
    except OSError as error:
        link.close("%s: %s" % (type(error).__name__, error))


def _kept(writer: object, frame: bytes) -> bytes:
    """What the stream may keep: CPython's refers to what it cannot send at once, MicroPython's copies it."""
    return frame if hasattr(writer, "s") else bytes(frame)


def _address(writer: object, which: str) -> str:
    """ "1.2.3.4"; "" when unknown. The unix port gives a raw sockaddr and has no sockname."""
    try:
        address = writer.get_extra_info(which)
    except KeyError:
        return ""
    if isinstance(address, (bytes, bytearray)):
        return "%d.%d.%d.%d" % tuple(address[4:8])
    return address[0] if address else ""


def _no_delay(writer: object) -> None:
    """TCP_NODELAY by number (MicroPython has no name for it); CPython's asyncio has set it already."""
    socket = getattr(writer, "s", None)
    if socket:
        try:
            socket.setsockopt(6, 1, 1)
        except (AttributeError, OSError):
            pass


async def _close(writer: object) -> None:
    try:
        writer.close()
        await asyncio.wait_for(writer.wait_closed(), 2)
    except (OSError, asyncio.TimeoutError):
        pass
