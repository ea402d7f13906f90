"""What the gateway asks of Home Assistant: the pending list, blocks of an image, a report taken.

Checks the shape of each signed answer, so that nobody further in has to. Keeps no state.
"""

from device import forget
from gateway.session import Later, Session, parsed

TRANSFER_SECONDS = 15  # how much later than `wait` the answer to a long poll may come
BLOCK_SECONDS = 10


class Refused(Exception):
    """Home Assistant has answered, signed, that it will not: `status` and its sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class HomeAssistant:
    """Each call raises Later or Refused."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.on_keys = None  # called with the changes of the signing key that each list names

    async def pending(self, wait: int = 0, have: int | None = None) -> tuple:
        """(revision, the jobs as a `PendingList`); after `wait` s at the latest, at once when the
        revision is not `have`. A job that makes no sense is left out. To be used before the next call,
        whose answer may lie in the same memory."""
        path = "ota/updates/pending?wait={}".format(wait)
        if have is not None:
            path += "&have={}".format(have)
        answer = await self.session.call("GET", path, seconds=wait + TRANSFER_SECONDS)
        if answer.status != 200:
            _accepted(answer)
        try:
            from gateway.pending_list import PendingList
        finally:
            forget(("gateway.pending_list",))  # lists are rare, and what reads them is not small
        jobs = PendingList(answer.body)
        if not jobs.found:
            raise Later("the pending list has no jobs in it")
        if self.on_keys is not None:
            self.on_keys(jobs.key_changes())
        return _revision(jobs.rest), jobs

    async def block(self, source: str, start: int, size: int, buffer: object) -> int:
        """Fill `buffer` with the bytes of `source` from `start` on; answers how many that were. The end
        is clipped at `size`, how many there are."""
        end = start + len(buffer)
        answer = await self.session.call(
            "GET",
            source,
            ask_range="bytes={}-{}".format(start, end - 1),
            into=buffer,
            seconds=BLOCK_SECONDS,
        )
        if answer.status >= 400:
            _accepted(answer)
        last = min(end, size) - 1
        expected = "bytes {}-{}/{}".format(start, last, size)
        # 200 would be the whole image, from its beginning: somebody has dropped the Range.
        if answer.status != 206 or answer.headers.get("content-range") != expected:
            raise Later("a block was not the one that was asked for")
        if len(answer.body) != last + 1 - start:
            raise Later("a block had {} bytes".format(len(answer.body)))
        return len(answer.body)

    async def report(self, body: bytes) -> tuple:
        """(revision, [[job id, token], …] of jobs to drop)."""
        answer = _accepted(await self.session.call("POST", "report", body))
        dropped = answer.get("dropped")
        if not isinstance(dropped, list):
            dropped = []
        return _revision(answer), [pair for pair in dropped if _is_pair(pair)]


def _accepted(answer: object) -> dict:
    found = parsed(answer.body)
    if answer.status != 200:
        raise Refused(answer.status, str(found.get("message", ""))[:120])
    return found


def _revision(answer: dict) -> int:
    revision = answer.get("revision")
    if not isinstance(revision, int):
        raise Later("an answer has no revision in it")
    return revision


def _is_pair(pair: object) -> bool:
    return isinstance(pair, list) and len(pair) == 2
