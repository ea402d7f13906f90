"""One node, and one gateway, as Home Assistant knows them: what each said last, and whether it is there. Pure."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self

from .status import LastTrial, NodeError


@dataclass(kw_only=True, slots=True)
class Node:
    """One node of a mesh, or a gateway (`node_type` is `gateway` then)."""

    node_id: str
    gateway_id: str
    """The gateway that reports it; its own id for a gateway."""
    node_type: str | None = None
    """None for a stock node that has not asked for anything yet."""
    name: str | None = None
    hardware: str | None = None
    chip: str | None = None
    kind: str | None = None
    version: str | None = None
    proof: str | None = None
    md5: str | None = None
    """Stock nodes: the MD5 of what we gave it last; it cannot prove it."""
    slot: str | None = None
    other: dict[str, str] | None = None
    boot: int = 0
    reset: str | None = None
    last: LastTrial | None = None
    error: NodeError | None = None
    phase: str | None = None
    heap: int | None = None
    flash: int | None = None
    rssi: int | None = None
    up: int | None = None
    mpy: str | None = None
    signing: bool = False
    signing_key: str | None = None
    """Names the public key it believes (`status.key`)."""
    floor: int | None = None
    """The counter below which it takes nothing."""
    images: bool = False
    """Whether it has two application partitions, so that it takes an application image."""
    deflate: bool = False
    """Whether it takes an image deflated."""
    damaged: str | None = None
    stock: bool = True
    """Whether it speaks painlessMesh's own OTA only; False as soon as it says its status."""
    online: bool = False
    last_heard: datetime | None = None
    first_seen: datetime | None = None
    introduced: bool = False
    """Whether it is worth showing: it has said what it is, or has been there so long that it will not."""
    parent: str | None = None
    """The node it hangs on, while it is online."""
    hung_on: str | None = None
    """The node it hung on last: while it restarts, that is where it will come back."""
    room: int = 0
    """Gateways: how many targets its list may hold (`max_targets`); 0 for one that does not say, and knows no `commit`."""

    @property
    def is_gateway(self) -> bool:
        """Whether it is the gateway itself."""
        return self.node_id == self.gateway_id

    @property
    def hangs_on(self) -> str | None:
        """The node it hangs on or, while it is away, hung on last; None for a gateway."""
        return None if self.is_gateway else self.parent or self.hung_on

    @property
    def can_go_back(self) -> bool:
        """Whether something is known to lie in its other slot."""
        return self.other is not None and not self.stock

    def as_dict(self) -> dict[str, Any]:
        """Return all that is known of it, ready for JSON."""
        known = {item.name: getattr(self, item.name) for item in fields(self)}
        for name in ("last_heard", "first_seen"):
            known[name] = known[name] and known[name].isoformat()
        known["last"] = None if self.last is None else self.last.as_dict()
        known["error"] = None if self.error is None else self.error.as_dict()
        return known

    def stored(self) -> dict[str, Any]:
        """Return what survives a restart: all but what is true of the moment only."""
        stored = self.as_dict()
        for name in ("online", "parent", "phase", "heap", "rssi", "up"):
            del stored[name]
        return stored

    @classmethod
    def restored(cls, stored: dict[str, Any]) -> Self:
        """Build the node again from `stored`; it is away until it is heard."""
        values = dict(stored)
        for name in ("last_heard", "first_seen"):
            values[name] = values[name] and datetime.fromisoformat(values[name])
        values["last"] = values["last"] and LastTrial(**values["last"])
        values["error"] = values["error"] and NodeError(**values["error"])
        return cls(**values)


@dataclass(kw_only=True, slots=True)
class GatewayState:
    """One gateway that is set up: whether it talks to us, and the mesh as it sees it."""

    gateway_id: str
    entry_id: str
    online: bool = False
    last_heard: datetime | None = None
    tree: dict[str, str] | None = None
    """Node id: the node it hangs on. None until the gateway has told it."""
    highest_revision: int = 0
