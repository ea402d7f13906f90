"""The wires between boards: what they pass on, hold back, slow down and keep."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from simulator.air import Wire


@pytest_asyncio.fixture
async def wire() -> AsyncIterator[Wire]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(1000):
            writer.write(chunk)
        writer.close()

    far = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = far.sockets[0].getsockname()[1]
    wire = Wire("127.0.0.1", 0, lambda: ("127.0.0.1", port))
    await wire.open()
    yield wire
    await wire.close()
    far.close()


async def there_and_back(wire: Wire, content: bytes) -> float:
    """Seconds for these bytes to come back."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection(wire.host, wire.port)
    writer.write(content)
    assert await asyncio.wait_for(reader.readexactly(len(content)), 10) == content
    writer.close()
    return time.monotonic() - began


async def test_it_passes_everything_both_ways_and_counts(wire: Wire) -> None:
    await there_and_back(wire, bytes(range(256)) * 100)
    assert (wire.connections, wire.passed) == (1, 2 * 25600)


async def test_it_keeps_what_passed(wire: Wire, tmp_path: Path) -> None:
    wire.recording = tmp_path / "recording"
    await there_and_back(wire, b"a secret")
    assert wire.recording.read_bytes() == b"a secret" * 2


async def test_it_slows_down(wire: Wire) -> None:
    assert await there_and_back(wire, b"x" * 1000) < 0.2
    wire.rate = 5000
    assert await there_and_back(wire, b"x" * 1000) >= 0.4


async def test_a_cut_wire_holds_back_until_it_is_mended(wire: Wire) -> None:
    reader, writer = await asyncio.open_connection(wire.host, wire.port)
    writer.write(b"one")
    assert await reader.readexactly(3) == b"one"
    wire.cut()
    writer.write(b"two")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readexactly(3), 0.3)
    refused, _ = await asyncio.open_connection(wire.host, wire.port)
    assert await refused.read() == b""
    wire.mend()
    assert await asyncio.wait_for(reader.readexactly(3), 5) == b"two"
    writer.close()


async def test_dropped_connections_end_and_new_ones_are_taken(wire: Wire) -> None:
    reader, writer = await asyncio.open_connection(wire.host, wire.port)
    writer.write(b"one")
    assert await reader.readexactly(3) == b"one"
    wire.drop()
    assert await asyncio.wait_for(reader.read(), 5) == b""
    await there_and_back(wire, b"again")
