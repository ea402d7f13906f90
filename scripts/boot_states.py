"""Draws what each boot does into docs/boot.md, from the tables in the code: `python3 scripts/boot_states.py`."""

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "boot.md"
BEGIN, END = "<!-- boot: drawn by scripts/boot_states.py -->\n", "<!-- boot end -->\n"

# What a step of the table leads to: (state, what happens on the way).
_STEPS = {
    "try": ("running", "boot the new slot"),
    "refuse": ("refused", "boot the old slot"),
    "wait": ("parked", "boot the old slot"),
}


def diagram() -> str:
    """Return the diagram as Mermaid text in a fenced block."""
    sys.path.insert(0, str(ROOT))
    slot_trial = importlib.import_module("device.slot_trial")
    trial = importlib.import_module("device.trial")
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> armed: commit, or go back"]
    for (stage, by_watchdog), step in slot_trial.ON_BOOT.items():
        after, does = _STEPS[step]
        cause = "after the watchdog" if by_watchdog else "after any other reset"
        lines.append(f"    {stage} --> {after}: {cause}, {does}")
    lines.append(f"    running --> refused: restart {slot_trial.MORE_BOOTS + 1} without a verdict")
    lines.append("    running --> refused: it raised an exception")
    for need, verdict, _reason in trial.NODE_NEEDS:
        after = "parked" if verdict == trial.RETRY else "refused"
        lines.append(f"    running --> {after}: no '{need}' in {trial.DEADLINE // 1_000_000} s")
    lines += [
        "    running --> confirmed: all of these seen",
        "    parked --> armed: the gateway answers the old firmware",
        f"    running --> refused: no mesh or gateway in trial {slot_trial.MORE_TRIALS + 1} either",
        "    confirmed --> [*]: the new slot is the active one",
        "    refused --> [*]: the old slot stays",
    ]
    return "\n".join([*lines, "```", ""])


def drawn(page: str) -> str:
    """Return the page with the diagram as the tables have it now."""
    head, rest = page.split(BEGIN)
    return head + BEGIN + diagram() + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
