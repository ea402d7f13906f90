"""How a job goes about its nodes: who first, when, how many, and when it stops. What follows from it lives in `stages`.

Pure. `read_rollout` takes what a user gave (docs/gateway-api.md §7) apart and refuses with a sentence.
"""

import re
from dataclasses import asdict, dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any, Self

from ..const import NODES_MAX
from ..errors import InvalidRequest
from ..status import node_id

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(:[0-5][0-9])?")
_ENTITY = re.compile(r"[a-z0-9_]{1,60}\.[a-z0-9_]{1,120}")
TEMPLATE_MAX = 2000
SOAK_MAX = 7 * 24 * 60
DAY = timedelta(days=1)


def _clock(text: str) -> time:
    return time(int(text[:2]), int(text[3:5]))


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """When something may move: on these weekdays, between two times, and while an entity or template says so."""

    weekdays: tuple[int, ...] = ()
    """0 is Monday; none: every day. A window over midnight belongs to the day on which it opens."""
    start: str = "00:00"
    end: str = "00:00"
    """The same as `start`: the whole day."""
    entity_id: str | None = None
    """Open while its state is `on`, `home`, `open` or the like; `entity_state` names another one."""
    entity_state: str | None = None
    template: str | None = None

    def open_at(self, local: datetime) -> bool:
        """Whether weekday and hour allow it; what entity and template say is asked elsewhere."""
        start, end, clock = _clock(self.start), _clock(self.end), local.time()
        if start < end:
            return self._on(local) and start <= clock < end
        if start == end:
            return self._on(local)
        return (self._on(local) and clock >= start) or (self._on(local - DAY) and clock < end)

    def _on(self, local: datetime) -> bool:
        return not self.weekdays or local.weekday() in self.weekdays

    def opens_after(self, local: datetime) -> datetime | None:
        """Return when weekday and hour allow it next, None if they do now."""
        if self.open_at(local):
            return None
        start = _clock(self.start)
        for days in range(9):
            day = local + days * DAY
            opens = day.replace(hour=start.hour, minute=start.minute, second=0, microsecond=0)
            if opens > local and self._on(opens):
                return opens
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollout:
    """How a job goes about. As it is by default: all nodes at once, at any time, whatever happens."""

    canary: int = 0
    """How many nodes go first; the others only after those have proved themselves."""
    canary_node_ids: tuple[str, ...] = ()
    """Which nodes go first; instead of `canary`."""
    soak_minutes: int = 0
    """How long the first nodes are watched after the last of them has proved itself."""
    stop_after: int | None = None
    """Failures that end the job."""
    stop_percent: int | None = None
    """The same in percent of the job's nodes."""
    leaves_first: bool = False
    """Whether a node that carries others waits for each of the job's nodes that hang on it, not for those under way only."""
    max_parallel: int | None = None
    """Nodes of this job that take parts at the same time, if fewer than the gateway serves."""
    window: Window | None = None
    health_entities: tuple[str, ...] = ()
    """Entities that have to go on reporting as they used to while the canary is watched."""
    go_back: bool = False
    """Whether the canary goes back to its old firmware when those look suspicious."""

    def most_failures(self, count: int) -> int | None:
        """Return how many failures end a job of so many nodes; None if it goes on whatever happens."""
        limits = [] if self.stop_after is None else [self.stop_after]
        if self.stop_percent is not None:
            limits.append(max(1, -(-self.stop_percent * count // 100)))
        return min(limits, default=None)

    def stored(self) -> dict[str, Any]:
        """Return it ready for JSON, as `restored` and `read_rollout` take it."""
        return asdict(self)

    @classmethod
    def restored(cls, stored: dict[str, Any]) -> Self:
        """Build it again from `stored`."""
        values: dict[str, Any] = {
            name: tuple(v) if isinstance(v, list) else v for name, v in stored.items()
        }
        if (window := stored.get("window")) is not None:
            values["window"] = Window(**window | {"weekdays": tuple(window["weekdays"])})
        return cls(**values)

    def without_canary(self) -> Self:
        """Return the same without a first stage, for what is done again."""
        return replace(self, canary=0, canary_node_ids=(), soak_minutes=0)


def read_rollout(said: Any) -> Rollout:
    """Return what a user asked for. Raises InvalidRequest naming the first field that makes no sense."""
    if said is None:
        return Rollout()
    if not isinstance(said, dict):
        raise InvalidRequest("field_malformed", field="rollout")
    unknown = set(said) - set(_READERS)
    if unknown:
        raise InvalidRequest("field_malformed", field=f"rollout.{min(map(str, unknown))[:40]}")
    return Rollout(**_read(said, _READERS, "rollout"))


def read_window(said: Any) -> Window | None:
    """Return a window, or raise InvalidRequest."""
    if not isinstance(said, dict) or set(said) - set(_WINDOW_READERS):
        raise InvalidRequest("field_malformed", field="window")
    values = _read(said, _WINDOW_READERS, "window")
    return Window(**values) if values else None


def _read(said: dict[str, Any], readers: dict[str, Any], where: str) -> dict[str, Any]:
    values = {}
    for name, value in said.items():
        if value is None:
            continue
        read = readers[name](value)
        if read is None:
            raise InvalidRequest("field_malformed", field=f"{where}.{name}")
        values[name] = read
    return values


def _number(least: int, most: int) -> Any:
    return lambda value: value if type(value) is int and least <= value <= most else None


def _matching(pattern: re.Pattern[str]) -> Any:
    return lambda value: value if isinstance(value, str) and pattern.fullmatch(value) else None


def _text(longest: int) -> Any:
    return lambda value: value if isinstance(value, str) and 0 < len(value) <= longest else None


def _many(read: Any) -> Any:
    def each(values: Any) -> tuple[Any, ...] | None:
        if not isinstance(values, (list, tuple)) or len(values) > NODES_MAX:
            return None
        found = tuple(read(value) for value in values)
        return None if None in found else tuple(dict.fromkeys(found))

    return each


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


_WINDOW_READERS = {
    "weekdays": _many(_number(0, 6)),
    "start": _matching(_CLOCK),
    "end": _matching(_CLOCK),
    "entity_id": _matching(_ENTITY),
    "entity_state": _text(255),
    "template": _text(TEMPLATE_MAX),
}
_READERS = {
    "canary": _number(0, NODES_MAX),
    "canary_node_ids": _many(node_id),
    "soak_minutes": _number(0, SOAK_MAX),
    "stop_after": _number(1, NODES_MAX),
    "stop_percent": _number(1, 100),
    "leaves_first": _flag,
    "max_parallel": _number(1, NODES_MAX),
    "window": read_window,
    "health_entities": _many(_matching(_ENTITY)),
    "go_back": _flag,
}
