"""Bytes of a hostile member of the mesh, sent to the running gateway and to a running node."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import Iterator

import pytest

from simulator.bootloader import Board
from tests.end_to_end.house import House

STRANGER = 4000000001
_STRANGERS = itertools.count(STRANGER)
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
    stranger = await Stranger.greeting(victim)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await _pour_a_megabyte(stranger)
    stranger.writer.close()
    await _answers(victim)


async def _pour_a_megabyte(stranger: Stranger) -> None:
    for _ in range(1024):
        stranger.writer.write(b"x" * 1024)
        await asyncio.wait_for(stranger.writer.drain(), 10)
    await asyncio.wait_for(stranger.reader.readexactly(1 << 20), 10)


async def test_invalid_json_unknown_types_and_wrong_fields_end_at_most_their_own_link(
    victim: Board,
) -> None:
    for frame in WRONG:
        stranger = await Stranger.greeting(victim)
        await stranger.hear_reply()
        stranger.writer.write(frame + b"\0")
        await stranger.greet()
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await stranger.hear_reply()  # or the link was closed, which is allowed
        stranger.writer.close()
    await _answers(victim)


class Stranger:
    """A member of the mesh that we play: one link to the board, and what it says there."""

    def __init__(
        self, board: Board, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.board = board
        self.reader = reader
        self.writer = writer
        self.node_id = next(_STRANGERS)

    @classmethod
    async def greeting(cls, board: Board) -> Stranger:
        stranger = cls(board, *await _connect(board))
        await stranger.greet()
        return stranger

    async def greet(self) -> None:
        """NODE_SYNC_REQUEST, which any neighbour answers."""
        await self._say(5)

    async def hear_reply(self) -> None:
        """Until a NODE_SYNC reply has come; whatever else the mesh says meanwhile is passed over."""
        heard = False
        async with asyncio.timeout(10):
            while not heard:
                frame = (await self.reader.readuntil(b"\0"))[:-1]
                package = json.loads(frame) if frame else {}
                heard = package.get("type") == 6 and package.get("from") == self.board.node_id
                if package.get("type") == 5:
                    await self._say(6)

    async def _say(self, package_type: int) -> None:
        ids = {"dest": self.board.node_id, "from": self.node_id}
        package = {"nodeId": self.node_id, "type": package_type, **ids}
        self.writer.write(json.dumps(package, separators=(",", ":")).encode() + b"\0")
        await self.writer.drain()


async def _connect(board: Board) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.wait_for(asyncio.open_connection(board.address, 5555), 5)


async def _answers(board: Board) -> None:
    """A well-behaved newcomer is still served."""
    stranger = await Stranger.greeting(board)
    await stranger.hear_reply()
    stranger.writer.close()
