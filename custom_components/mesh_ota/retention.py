"""How much is kept, and how long: what an administrator may set, with the defaults that stand where nobody did. Pure."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from .const import LIBRARY_MAX
from .errors import InvalidRequest

# Least and most of each; a library smaller than one image of the largest kind could not take it.
BOUNDS = {"library_mib": (16, 4096), "jobs_days": (1, 3650), "history_days": (1, 3650)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Retention:
    """What is kept."""

    library_mib: int = LIBRARY_MAX // 2**20
    """All images together; what is needed is never pruned."""
    jobs_days: int = 90
    """Jobs that have ended; the last of each node stays, and the history keeps what came of all."""
    history_days: int = 730
    """Longer than anybody asks "since when does it run that?"; 400 bytes an entry."""

    def as_dict(self) -> dict[str, int]:
        """Return it as it is stored and shown."""
        return asdict(self)

    @classmethod
    def read(cls, said: dict[str, Any]) -> Self:
        """Return what was said, and the defaults for the rest. Raises InvalidRequest."""
        for name, value in said.items():
            least, most = BOUNDS.get(name, (0, -1))
            if type(value) is not int or not least <= value <= most:
                raise InvalidRequest("field_malformed", field=name[:40])
        return cls(**said)
