"""What lies between two boards: who hears whom, how long a byte takes, and who listens in.

Every link between boards, and the gateway's to Home Assistant, passes a Wire: a TCP relay that can delay, throttle, cut
and record. Not here: anything that knows what the bytes mean.
"""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

_CHUNK = 16 * 1024
_DIAL_SECONDS = 10


class Wire:
    """One relay: a listening address and where it leads. All its figures may be changed while it runs."""

    def __init__(self, host: str, port: int, target: Callable[[], tuple[str, int]]) -> None:
        self.host = host
        self.port = port
        self.delay = 0.0
        """seconds that each chunk is late"""
        self.rate: float | None = None
        """bytes per second and direction; None: as fast as it goes"""
        self.recording: Path | None = None
        """where every byte of both directions is appended"""
        self.ear: Callable[[object, bytes], None] | None = None
        """called with (an object for each stream, its next bytes) as they come in"""
        self.connections = 0
        """how many were made since the start"""
        self.passed = 0
        """bytes of both directions since the start"""
        self._whole = asyncio.Event()
        self._whole.set()
        self._target = target
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._accept, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """From now on new connections are refused, and what is on the old ones stays where it is."""
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    def drop(self) -> None:
        """End every connection that stands."""
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        if self._server:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            if self._whole.is_set():
                await self._join(reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = self._target()
        far_reader, far_writer = await asyncio.wait_for(
            asyncio.open_connection(host, port), _DIAL_SECONDS
        )
        self.connections += 1
        both = [
            asyncio.ensure_future(self._carry(reader, far_writer)),
            asyncio.ensure_future(self._carry(far_reader, writer)),
        ]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for carrying in both:
                carrying.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            far_writer.close()

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while chunk := await source.read(_CHUNK):
            self.passed += len(chunk)
            if self.ear:
                self.ear(source, chunk)
            if self.recording:
                with self.recording.open("ab") as recording:
                    recording.write(chunk)
            if self.delay or self.rate:
                await asyncio.sleep(self.delay + (len(chunk) / self.rate if self.rate else 0))
            await self._whole.wait()
            sink.write(chunk)
            await sink.drain()


class Air:
    """The folder that all radios of a house share, and a Wire before each access point's mesh port."""

    def __init__(self, folder: Path, mesh_port: int) -> None:
        self.folder = folder
        self.wires: dict[str, Wire] = {}
        self.recording: Path | None = None
        """what wires that are made from now on record to"""
        self._mesh_port = mesh_port
        self._heard: dict[str, dict[str, tuple[int, str]]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    async def add_access_point(self, bssid: bytes, address: str, reached_at: str) -> Wire:
        """`reached_at` is the address stations are told; a Wire there leads to the board at `address`."""
        wire = Wire(reached_at, self._mesh_port, lambda: (address, self._mesh_port))
        wire.recording = self.recording
        await wire.open()
        self.wires[bssid.hex()] = wire
        return wire

    def add_router(self, bssid: bytes, ssid: str, key: str) -> None:
        """The home's own network: always there, with Home Assistant somewhere behind it."""
        point = {
            "ssid": ssid,
            "key": key,
            "channel": 1,
            "hidden": False,
            "max_clients": 10,
            "ip": "127.0.0.1",
        }
        (self.folder / f"{bssid.hex()}.ap").write_text(json.dumps(point))

    def let_hear(self, station: bytes, bssid: bytes, rssi: int, reached_at: str) -> None:
        self._heard.setdefault(station.hex(), {})[bssid.hex()] = (rssi, reached_at)
        self._write_heard(station.hex())

    def let_not_hear(self, station: bytes, bssid: bytes) -> None:
        self._heard.get(station.hex(), {}).pop(bssid.hex(), None)
        self._write_heard(station.hex())

    async def close(self) -> None:
        for wire in self.wires.values():
            await wire.close()

    def _write_heard(self, station: str) -> None:
        path = self.folder / f"{station}.hears"
        new = path.with_suffix(".hears.new")
        new.write_text(json.dumps(self._heard.get(station, {})))
        new.rename(path)
