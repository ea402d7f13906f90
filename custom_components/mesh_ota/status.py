"""What a gateway and a node may say of themselves, value by value: of the right type and length, or not taken.

Pure. The keys are those of docs/mesh-protocol.md §5.2 and docs/gateway-api.md §5.
"""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from .const import NODE_ID_MAX, NODE_ID_PATTERN, NODE_TYPE_PATTERN, TREE_MAX

_NODE_ID = re.compile(NODE_ID_PATTERN)
_NODE_TYPE = re.compile(NODE_TYPE_PATTERN)
_HEX_64 = re.compile(r"[0-9a-f]{64}")
_HEX_32 = re.compile(r"[0-9a-f]{32}")
_INT_MAX = 9_999_999_999


@dataclass(frozen=True, slots=True)
class LastTrial:
    """How a node's last trial went (`status.last`)."""

    tag: str
    proof: str
    outcome: str
    reason: str

    def as_dict(self) -> dict[str, str]:
        """Return it as the node says it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class NodeError:
    """Why a node did not take an image (`status.error`)."""

    md5: str
    code: str
    reason: str

    def as_dict(self) -> dict[str, str]:
        """Return it as the node says it."""
        return asdict(self)


def node_id(value: Any) -> str | None:
    """Return the value if it is a node id: a decimal string, 1 to 2^32 - 1, as it is written here."""
    if isinstance(value, str) and _NODE_ID.fullmatch(value) and int(value) <= NODE_ID_MAX:
        return value
    return None


def clean_text(value: Any, longest: int) -> str | None:
    """Return a text cut to its longest, without control characters; None for anything else."""
    if not isinstance(value, str):
        return None
    return "".join(char for char in value[:longest] if char.isprintable())


def count(value: Any, most: int = _INT_MAX) -> int | None:
    """Return a number from 0 to `most`; None for anything else (a bool too)."""
    return value if type(value) is int and 0 <= value <= most else None


def _text(longest: int) -> Callable[[Any], str | None]:
    return lambda value: clean_text(value, longest)


def _matching(pattern: re.Pattern[str]) -> Callable[[Any], str | None]:
    return lambda value: value if isinstance(value, str) and pattern.fullmatch(value) else None


def _decibel(value: Any) -> int | None:
    return value if type(value) is int and -200 <= value <= 0 else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _last(value: Any) -> LastTrial | None:
    if not isinstance(value, dict):
        return None
    tag, proof = clean_text(value.get("tag"), 24), _proof(value.get("proof"))
    outcome, reason = clean_text(value.get("outcome"), 9), clean_text(value.get("reason"), 120)
    if tag is None or outcome is None:
        return None
    return LastTrial(tag, proof or "", outcome, reason or "")


def _error(value: Any) -> NodeError | None:
    if not isinstance(value, dict):
        return None
    md5, code = _matching(_HEX_32)(value.get("md5")), clean_text(value.get("code"), 20)
    if md5 is None or code is None:
        return None
    return NodeError(md5, code, clean_text(value.get("reason"), 120) or "")


def _other(value: Any) -> dict[str, str] | None:
    if not isinstance(value, dict) or (proof := _proof(value.get("proof"))) is None:
        return None
    return {"proof": proof, "version": clean_text(value.get("version"), 20) or ""}


_proof = _matching(_HEX_64)
_FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    # key in the status: (field of Node, reader)
    "type": ("node_type", _matching(_NODE_TYPE)),
    "name": ("name", _text(30)),
    "hardware": ("hardware", _text(10)),
    "chip": ("chip", _text(10)),
    "kind": ("kind", _text(10)),
    "version": ("version", _text(20)),
    "slot": ("slot", _text(1)),
    "boot": ("boot", count),
    "reset": ("reset", _text(10)),
    "phase": ("phase", _text(11)),
    "last": ("last", _last),
    "heap": ("heap", count),
    "flash": ("flash", count),
    "rssi": ("rssi", _decibel),
    "up": ("up", count),
    "mpy": ("mpy", _text(10)),
    "signing": ("signing", _flag),
}
# Absent means "no longer", not "as before".
_TRANSIENT: dict[str, Callable[[Any], Any]] = {
    "proof": _proof,
    "error": _error,
    "damaged": _text(60),
    "other": _other,
    "key": _matching(re.compile(r"[0-9a-f]{16}")),
    "floor": count,
    "images": _flag,
    "deflate": _flag,
}


def read_status(body: Any) -> dict[str, Any]:
    """Return the fields of `nodes.Node` that a status body gives; empty if it is no status."""
    if not isinstance(body, dict) or not body:
        return {}
    said: dict[str, Any] = {"level": 1, "stock": False}
    for key, (name, read) in _FIELDS.items():
        value = read(body.get(key))
        if value is not None:
            said[name] = value
    for key, read in _TRANSIENT.items():
        said[key] = read(body.get(key))
    said["signing_key"] = said.pop("key")
    for key in ("images", "deflate"):
        said[key] = bool(said[key])
    return said


def read_asks_for(body: Any) -> dict[str, Any]:
    """Return the fields of `nodes.Node` that a stock node's request gives; empty if it is none."""
    if not isinstance(body, dict):
        return {}
    role = _matching(_NODE_TYPE)(body.get("role"))
    hardware = clean_text(body.get("hardware"), 10)
    if role is None or hardware is None:
        return {}
    return {"level": 0, "node_type": role, "hardware": hardware}


def read_tree(value: Any) -> dict[str, str]:
    """Return {node id: id of the node it hangs on} of the entries that are well-formed."""
    tree: dict[str, str] = {}
    for entry in value[:TREE_MAX] if isinstance(value, list) else ():
        if isinstance(entry, list) and len(entry) == 2:
            child, parent = node_id(entry[0]), node_id(entry[1])
            if child is not None and parent is not None and child != parent:
                tree[child] = parent
    return tree
