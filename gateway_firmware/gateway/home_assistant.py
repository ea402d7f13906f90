"""What the gateway asks of Home Assistant: the pending list, blocks of an image, a report taken.

Checks the shape of each signed answer, so that nobody further in has to. Keeps no state.
"""

from gateway.session import Later, Session, parsed

DIGITS = 10
TRANSFER_SECONDS = 15  # how much later than `wait` the answer to a long poll may come
BLOCK_SECONDS = 10
MOST_KEYS = 2  # changes of the signing key at a time; a node goes through them one by one

# Keys of a job that must be there, with their type and longest value or number of digits.
JOB_FIELDS = (
    ("id", int, 10),
    ("token", str, 16),
    ("firmware_id", int, 10),
    ("kind", str, 10),
    ("runtime", str, 11),
    ("role", str, 30),
    ("hardware", str, 10),
    ("version", str, 20),
    ("md5", str, 32),
    ("sha256", str, 64),
    ("size", int, 8),
    ("num_parts", int, 5),
    ("force", bool, 0),
    ("targets", list, 8),
)


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
        """(revision, jobs as dicts with the keys of JOB_FIELDS); after `wait` s at the latest, at
        once when the revision is not `have`. A job that makes no sense is left out."""
        path = "ota/updates/pending?wait={}".format(wait)
        if have is not None:
            path += "&have={}".format(have)
        seconds = wait + TRANSFER_SECONDS
        answer = _accepted(await self.session.call("GET", path, seconds=seconds))
        jobs = answer.get("jobs")
        if not isinstance(jobs, list):
            raise Later("the pending list has no jobs in it")
        if self.on_keys is not None:
            self.on_keys(_key_changes(answer.get("keys")))
        return _revision(answer), [job for job in jobs if _makes_sense(job)]

    async def block(self, firmware_id: int, start: int, size: int, buffer: object) -> int:
        """Fill `buffer` with the image from `start` on; answers how many bytes that were. The end
        is clipped at `size`, the length of the image."""
        end = start + len(buffer)
        answer = await self.session.call(
            "GET",
            "firmware/{}/download".format(firmware_id),
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


def _makes_sense(job: object) -> bool:
    if not isinstance(job, dict):
        return False
    for name, kind, longest in JOB_FIELDS:
        value = job.get(name)
        if type(value) is not kind:
            return False
        if (
            kind is not bool
            and len(value if isinstance(value, (str, list)) else str(value)) > longest
        ):
            return False
    if not isinstance(job.get("sig", ""), str) or len(job.get("sig", "")) > 512:
        return False
    empty = job.get("mode") == "flip"  # what it is to run is there already
    numbers = (job["size"] > 0) != empty and job["num_parts"] == (job["size"] + 1023) // 1024
    return numbers and all([_is_target(target) for target in job["targets"]])


def _key_changes(changes: object) -> list:
    if not isinstance(changes, list):
        return []
    return [change for change in changes[:MOST_KEYS] if _is_key_change(change)]


def _is_key_change(change: object) -> bool:
    if not isinstance(change, dict):
        return False
    for name, longest in (("from", 16), ("modulus", 512), ("sig", 512)):
        if not isinstance(change.get(name), str) or not 0 < len(change[name]) <= longest:
            return False
    return True


def _is_target(target: object) -> bool:
    if not isinstance(target, dict) or not isinstance(target.get("attempt"), int):
        return False
    node_id = target.get("node_id")
    return isinstance(node_id, str) and node_id.isdigit() and len(node_id) <= DIGITS
