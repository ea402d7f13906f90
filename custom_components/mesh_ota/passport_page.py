"""What a person sees of a file before it enters the library: what it is, and which nodes it fits.

Pure. Whether it fits is decided by `jobs.fit`, as it will be for a job; here it is only put in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .const import ARDUINO, MICROPYTHON
from .errors import sentence
from .firmware.passport import Passport
from .jobs.fit import why_not
from .nodes import Node

NODES_SHOWN = 30
"""Lines of nodes on the page; who has more knows them by type."""


@dataclass(frozen=True)
class Candidate:
    """The file as firmware for one node: what it does not say is taken as that node has it."""

    node_type: str
    version: str
    hardware: str
    kind: str
    runtime: str
    chip: str | None


def passport_placeholders(
    passport: Passport, filename: str, nodes: Iterable[Node], sentences: Mapping[str, str]
) -> dict[str, str]:
    """The placeholders of the page; `nodes` is a Markdown list, one line each."""
    lines = sorted(_fit_line(passport, node, sentences) for node in nodes)
    more = [f"- … + {len(lines) - NODES_SHOWN}"] if len(lines) > NODES_SHOWN else []
    return {
        "file": plain(filename),
        "kind": passport.kind,
        "chip": passport.chip or passport.hardware,
        "runtime": passport.runtime or "?",
        "size": f"{passport.size:,} bytes",
        "digest": passport.sha256,
        "nodes": "\n".join(lines[:NODES_SHOWN] + more),
    }


def plain(text: str) -> str:
    """A text that others chose, without what Markdown or HTML would make of it."""
    return re.sub(r"[^\w .,:;+@()-]", "", text)


def _fit_line(passport: Passport, node: Node, sentences: Mapping[str, str]) -> str:
    candidate = Candidate(
        node_type=passport.node_type or node.node_type or "",
        version=passport.version or "",
        hardware=passport.hardware,
        kind=passport.kind,
        runtime=passport.runtime or (ARDUINO if node.stock else MICROPYTHON),
        chip=passport.chip,
    )
    name = plain(node.name or node.node_type or "")
    unfit = why_not(candidate, node)
    why = "" if unfit is None else f": {sentence(sentences, unfit)}"
    # Sorted, the ones that fit come first.
    return f"- {'✅' if unfit is None else '❌'} {name} {node.node_id}{why}"
