"""The pending list: its jobs parsed one at a time, and the shape of each checked.

The whole list as objects takes three times the room of its text, in a heap that holds the jobs already; so
it stays text, and whoever wants its jobs goes through them. Whose text it is has been checked before.
"""

from gateway.delivery import MOST_TARGETS
from gateway.session import parsed

DIGITS = 10
MOST_KEYS = 2  # changes of the signing key at a time; a node goes through them one by one
JOBS = b'"jobs"'
QUOTE, ESCAPE, COLON = 0x22, 0x5C, 0x3A

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
    ("targets", list, MOST_TARGETS),
)


class PendingList:
    """What the body says beside its jobs is `rest`; whether there is a list of jobs in it, `found`. Iterating
    gives each job as a dict with the keys of JOB_FIELDS, as often as it is done while the body is there."""

    def __init__(self, body: memoryview) -> None:
        self._body = body
        self._jobs = []  # where each begins and ends
        self.found = False
        try:
            start, end = self._look()
        except IndexError:  # it ends in the midst of something
            start = end = len(body)
        self.rest = parsed(memoryview(bytes(body[:start]) + b"0" * self.found + bytes(body[end:])))

    def __iter__(self) -> object:
        for start, end in self._jobs:
            job = parsed(self._body[start:end])
            if _makes_sense(job):
                yield job

    def key_changes(self) -> list:
        changes = self.rest.get("keys")
        if not isinstance(changes, list):
            return []
        return [change for change in changes[:MOST_KEYS] if _is_key_change(change)]

    def _look(self) -> tuple:
        """Where the array of jobs begins and ends; notes where its objects do."""
        body = self._body
        place, depth, start, job = 0, 0, None, 0
        while place < len(body):
            character = body[place]
            if character == QUOTE:
                end = _string_end(body, place)
                if start is None and depth == 1 and bytes(body[place:end]) == JOBS:
                    start = _array_after(body, end)
                place = end
                continue
            place += 1
            if character in b"{[":
                if start is not None and depth == 2:
                    job = place - 1
                depth += 1
            elif character in b"]}":
                depth -= 1
                if start is not None and depth == 2:
                    self._jobs.append((job, place))
                elif start is not None and depth == 1 and place > start:
                    self.found = True
                    return start, place
        return len(body), len(body)


def _string_end(body: memoryview, place: int) -> int:
    """The place after the string that begins there."""
    place += 1
    while body[place] != QUOTE:
        place += 2 if body[place] == ESCAPE else 1
    return place + 1


def _array_after(body: memoryview, place: int) -> int | None:
    """Where the array begins that is the value of the key which ends there; None if it is none."""
    while body[place] in b" \t\r\n":
        place += 1
    if body[place] != COLON:
        return None
    place += 1
    while body[place] in b" \t\r\n":
        place += 1
    return place if body[place] == 0x5B else None


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
    deflate = job.get("deflate", 0)
    if type(deflate) is not int or not 0 <= deflate < max(job["size"], 1):
        return False
    empty = job.get("mode") == "flip"  # what it is to run is there already
    numbers = (job["size"] > 0) != empty and job["num_parts"] == (job["size"] + 1023) // 1024
    return numbers and all([_is_target(target) for target in job["targets"]])


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
