"""Draws the states of a node's row into docs/jobs.md, from the table in the code: `python3 scripts/job_states.py`."""

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "jobs.md"
TABLE = ROOT / "custom_components" / "mesh_ota" / "jobs" / "states.py"
BEGIN, END = "<!-- states: drawn by scripts/job_states.py -->\n", "<!-- states end -->\n"


def read_table() -> ModuleType:
    """Load the table alone, without Home Assistant."""
    spec = importlib.util.spec_from_file_location("job_states_table", TABLE)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(TABLE)
    table = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(table)
    return table


def diagram() -> str:
    """Return the diagram as Mermaid text in a fenced block."""
    table = read_table()
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> pending"]
    for before, following in table.TRANSITIONS.items():
        lines += [f"    {before} --> {after}" for after in following]
        if not following:
            lines.append(f"    {before} --> [*]")
    return "\n".join([*lines, "```", ""])


def drawn(page: str) -> str:
    """Return the page with the diagram as the table has it now."""
    head, rest = page.split(BEGIN)
    return head + BEGIN + diagram() + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
