"""Bytes of a hostile member of the mesh, sent to the running gateway and to a running node."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from simulator.bootloader import Board
from tests.end_to_end.house import House

STRANGER = 4000000001
WRONG = [
    b"",
    b"{",
    b"[]",
    b"nonsense",
    b"\xff\xfe\xfd",
    b'{"type":5}trailing',
    b"{" * 600,
    b"[" * 600 + b"]" * 600,
    b'{"a":' * 300 + b"1" + b"}" * 300,
    json.dumps({"type": 9999, "from": STRANGER, "dest": 0}).encode(),
    json.dumps({"type": "5", "from": "x", "dest": []}).encode(),
    json.dumps({"type": 5, "nodeId": {}, "from": None, "dest": "0", "subs": 7}).encode(),
    json.dumps({"type": 4, "from": STRANGER, "dest": True, "msg": []}).encode(),
    json.dumps({"type": 9, "from": STRANGER, "dest": -1, "msg": {"t": 2}}).encode(),
    json.dumps(
        {"type": 10, "from": STRANGER, "md5": 5, "hardware": [], "role": {}, "noPart": "many"}
    ).encode(),
    json.dumps(
        {"type": 11, "from": STRANGER, "dest": 0, "md5": "0" * 32, "partNo": -5, "noPart": 1e99}
    ).encode(),
    json.dumps(
        {"type": 12, "from": STRANGER, "dest": 0, "md5": "0" * 32, "partNo": 0, "data": 12}
    ).encode(),
    json.dumps(
        {"type": 71, "from": STRANGER, "dest": 0, "op": "go", "seq": -1, "nonce": 3, "body": {}}
    ).encode(),
    json.dumps(
        {"type": 71, "from": STRANGER, "dest": 0, "op": "status", "seq": 1, "mac": "0" * 64}
    ).encode(),
]


@pytest.fixture(params=["gateway", "hall"])
def victim(request: pytest.FixtureRequest, house: House) -> Iterator[Board]:
    """A board that must not have restarted, nor said that it broke, when the test has ended."""
    board: Board = house.mesh.gateway if request.param == "gateway" else house.mesh.nodes["hall"]
    starts, said = board.starts, len(board.said())
    yield board
    assert board.starts == starts
    assert "Error" not in board.said()[said:]


async def test_a_megabyte_without_a_terminator_ends_the_link_and_nothing_else(
    victim: Board,
) -> None:
    reader, writer = await _connect(victim)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        for _ in range(1024):
            writer.write(b"x" * 1024)
            await asyncio.wait_for(writer.drain(), 10)
            await asyncio.sleep(0.001)
        await asyncio.wait_for(reader.readexactly(1 << 20), 10)
    writer.close()
    await _answers(victim)


async def test_invalid_json_unknown_types_and_wrong_fields_are_ignored_on_a_link_that_stays(
    victim: Board,
) -> None:
    reader, writer = await _connect(victim)
    await _greet(writer, victim)
    for frame in WRONG:
        writer.write(frame + b"\0")
    await writer.drain()
    await _greet(writer, victim)
    assert await _hears_reply(reader, writer, victim, replies=2)
    writer.close()


async def _connect(board: Board) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.wait_for(asyncio.open_connection(board.address, 5555), 5)


async def _greet(writer: asyncio.StreamWriter, board: Board) -> None:
    hello = {"nodeId": STRANGER, "type": 5, "dest": board.node_id, "from": STRANGER}
    writer.write(json.dumps(hello, separators=(",", ":")).encode() + b"\0")
    await writer.drain()


async def _hears_reply(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, board: Board, replies: int = 1
) -> bool:
    """Whether that many NODE_SYNC replies come, the other packages of the mesh between them aside."""
    heard = 0
    async with asyncio.timeout(10):
        while heard < replies:
            frame = (await reader.readuntil(b"\0"))[:-1]
            package = json.loads(frame) if frame else {}
            heard += package.get("type") == 6 and package.get("from") == board.node_id
            if package.get("type") == 5:
                reply = {"nodeId": STRANGER, "type": 6, "dest": board.node_id, "from": STRANGER}
                writer.write(json.dumps(reply).encode() + b"\0")
    return True


async def _answers(board: Board) -> None:
    """A well-behaved newcomer is still served."""
    reader, writer = await _connect(board)
    await _greet(writer, board)
    assert await _hears_reply(reader, writer, board)
    writer.close()
