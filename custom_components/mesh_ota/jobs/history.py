"""The history: one entry for each job made, paused, resumed or cancelled and each node that ended, every one sealed with the hash of the one before.

Pure. It outlives jobs, firmware and nodes; the oldest entries go when they are too old or too many, and the hash of the
last that went stays as the anchor, so that the rest can still be verified.
"""

import csv
import hashlib
import io
import json
from datetime import datetime, timedelta
from typing import Any

from .job import Job, NodeRow

# 400 bytes each.
ENTRIES_MAX = 20_000
GENESIS = "0" * 64
COLUMNS = (
    "n", "at", "kind", "job_id", "retry_of", "actor", "node_id", "node_type", "firmware_id", "from_version", "to_version",
    "outcome", "reason", "message", "force", "bytes", "parts_resent", "retries", "seconds", "prev", "hash",
)  # fmt: skip


def seal(entry: dict[str, Any]) -> str:
    """Return the hash of an entry: of all it says, the hash of the one before included."""
    said = {name: value for name, value in entry.items() if name != "hash"}
    return hashlib.sha256(
        json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()


class History:
    """Entries, oldest first."""

    def __init__(self) -> None:
        """Nothing has happened yet."""
        self.entries: list[dict[str, Any]] = []
        self._anchor, self._next = GENESIS, 1
        self._since: str = ""
        """Nothing older than this is taken in: it has been and gone."""
        self._known: set[tuple[Any, ...]] = set()

    def stored(self) -> dict[str, Any]:
        """Return everything, for the store."""
        return {
            "anchor": self._anchor,
            "since": self._since,
            "next": self._next,
            "entries": list(self.entries),
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Take up where `stored` ended."""
        self._anchor, self._since = stored["anchor"], stored["since"]
        self._next, self.entries = stored["next"], list(stored["entries"])
        self._known = {_key(entry) for entry in self.entries}

    def take(self, job: Job) -> bool:
        """Take in what has happened to a job and is not here yet. Returns whether there was anything."""
        fresh = [_made(job)] + [_ended(job, row) for row in job.nodes.values() if row.final]
        if job.cancelled_at is not None:
            fresh.append(_entry(job, "cancel", job.cancelled_at, actor=job.cancelled_by))
        fresh += [_held(job, held) for held in job.holds]
        fresh = [e for e in fresh if _key(e) not in self._known and e["at"] > self._since]
        for entry in sorted(fresh, key=lambda entry: str(entry["at"])):
            self._append(entry)
        return bool(fresh)

    def _append(self, entry: dict[str, Any]) -> None:
        entry["n"], self._next = self._next, self._next + 1
        entry["prev"] = self.entries[-1]["hash"] if self.entries else self._anchor
        entry["hash"] = seal(entry)
        self.entries.append(entry)
        self._known.add(_key(entry))

    def prune(self, now: datetime, age: timedelta) -> bool:
        """Let go of what is too old or too much. Returns whether anything went."""
        oldest = (now - age).isoformat()
        gone = max(0, len(self.entries) - ENTRIES_MAX)
        while gone < len(self.entries) and self.entries[gone]["at"] < oldest:
            gone += 1
        for entry in self.entries[:gone]:
            self._anchor, self._since = entry["hash"], max(self._since, entry["at"])
            self._known.discard(_key(entry))
        del self.entries[:gone]
        return gone > 0

    def verify(self) -> int | None:
        """Return the number of the first entry that was changed, left out or put in; None if the chain holds."""
        before, number = self._anchor, self._next - len(self.entries)
        for entry in self.entries:
            if entry["prev"] != before or entry["hash"] != seal(entry) or entry["n"] != number:
                return number
            before, number = entry["hash"], number + 1
        return None


def _key(entry: dict[str, Any]) -> tuple[Any, ...]:
    return entry["kind"], entry["job_id"], entry["node_id"], entry["at"]


def _made(job: Job) -> dict[str, Any]:
    return _entry(job, "job", job.created_at)


def _held(job: Job, held: dict[str, str | None]) -> dict[str, Any]:
    said = {"actor": held["actor"], "reason": held["reason"]}
    return _entry(job, held["kind"] or "", held["at"] or "", **said)


def _ended(job: Job, row: NodeRow) -> dict[str, Any]:
    ended = row.completed_at or job.created_at
    return _entry(
        job,
        "node",
        ended,
        node_id=row.node_id,
        from_version=row.from_version,
        outcome=str(row.status),
        reason=row.reason,
        message=row.error_message,
        bytes=min(row.current_part * 1024, job.size_bytes),
        parts_resent=row.resent_in_all,
        retries=row.attempt - 1,
        seconds=round((ended - row.started_at).total_seconds()) if row.started_at else None,
    )


def _entry(job: Job, kind: str, at: datetime | str, **said: Any) -> dict[str, Any]:
    entry = dict.fromkeys(COLUMNS) | {
        "kind": kind,
        "at": at if isinstance(at, str) else at.isoformat(),
        "job_id": job.id,
        "retry_of": job.retry_of,
        "actor": job.actor,
        "node_type": job.node_type,
        "firmware_id": job.firmware_id,
        "to_version": job.version,
        "force": job.force_update,
    }
    return entry | said


def as_csv(entries: list[dict[str, Any]]) -> str:
    """Return entries with their actors' names as a table. A cell that a spreadsheet would take for a formula gets an apostrophe in front."""
    out = io.StringIO()
    writer = csv.writer(out)
    columns = *COLUMNS, "actor_name"
    writer.writerow(columns)
    for entry in entries:
        writer.writerow(_cell(entry.get(name)) for name in columns)
    return out.getvalue()


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text
