"""What a person sees of a file before it enters the library: what it is, and which nodes it fits.

Whether it fits is decided by `jobs.fit`, as it will be for a job; here it is only put in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations

from .const import ARDUINO, DOMAIN, MICROPYTHON
from .firmware.passport import Passport
from .jobs.fit import why_not
from .nodes import Node

NODES_SHOWN = 30
"""Lines of nodes on the page; who has more knows them by type."""
NOT_SAID = "—"


@dataclass(frozen=True)
class Candidate:
    """The file as firmware for one node: what it does not say is taken as that node has it."""

    node_type: str
    version: str
    hardware: str
    kind: str
    runtime: str
    chip: str | None


async def async_words(hass: HomeAssistant) -> dict[str, str]:
    """Return the words of the page by `list.key`, in the language of this Home Assistant."""
    prefix = f"component.{DOMAIN}.selector."
    texts = await async_get_translations(hass, hass.config.language, "selector", [DOMAIN])
    return {key.removeprefix(prefix).replace(".options.", "."): texts[key] for key in texts}


def passport_placeholders(
    passport: Passport, filename: str, nodes: Iterable[Node], words: Mapping[str, str]
) -> dict[str, str]:
    """Return the placeholders of the page; `nodes` is a Markdown list, one line each."""
    # Sorted, the ones that fit come first.
    lines = sorted(_fit_line(passport, node, words) for node in nodes)
    more = [f"- … + {len(lines) - NODES_SHOWN}"] if len(lines) > NODES_SHOWN else []
    return {
        "file": plain(filename),
        "firmware": " ".join(filter(None, (passport.node_type, passport.version))) or NOT_SAID,
        "kind": words.get(f"kind.{passport.kind}", passport.kind),
        "chip": passport.chip.upper() if passport.chip else passport.hardware,
        "runtime": words.get(f"runtime.{passport.runtime}", NOT_SAID),
        "size": f"{passport.size / 1024:.1f} KiB",
        "digest": " ".join(re.findall(".{8}", passport.sha256)),
        "nodes": "\n".join(lines[:NODES_SHOWN] + more),
    }


def plain(text: str) -> str:
    """Return a text that others chose, without what Markdown or HTML would make of it."""
    return re.sub(r"[^\w .,:;+@()-]", "", text)


def _fit_line(passport: Passport, node: Node, words: Mapping[str, str]) -> str:
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
    if unfit is None:
        return f"- ✅ {name} ({node.node_id})"
    why = words.get(f"unfit.{unfit.key}", unfit.key)
    for placeholder, value in unfit.placeholders.items():
        why = why.replace("{" + placeholder + "}", plain(value))
    return f"- ❌ {name} ({node.node_id}): {why}"
