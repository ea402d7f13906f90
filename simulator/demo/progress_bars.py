"""One progress bar per node: redrawn in place on a terminal, plain lines of what changed anywhere else."""

import sys
from dataclasses import dataclass

_WIDTH = 24
_ROUGHLY = 25
"""per cent between two plain lines of one node"""


@dataclass
class Row:
    name: str
    node_type: str
    status: str = "pending"
    percentage: int | None = None

    def bar(self) -> str:
        filled = _WIDTH * (self.percentage or 0) // 100
        share = "" if self.percentage is None else f"{self.percentage:3d} %"
        return f"{self.name:<10} {self.node_type:<8} [{'#' * filled}{'.' * (_WIDTH - filled)}] {share:<6} {self.status}"


class ProgressBars:
    def __init__(self, rows: list[Row]) -> None:
        self._rows = {row.name: row for row in rows}
        self._in_place = sys.stdout.isatty()
        self._shown: dict[str, tuple[str, int]] = {}
        if self._in_place:
            print("\n" * (len(rows) - 1))
            self._redraw()

    def show(self, name: str, status: str, percentage: int | None) -> None:
        row = self._rows[name]
        row.status, row.percentage = status, percentage
        if self._in_place:
            self._redraw()
            return
        step = (status, (percentage or 0) // _ROUGHLY)
        if self._shown.get(name) != step:
            self._shown[name] = step
            print(row.bar(), flush=True)

    def _redraw(self) -> None:
        print(f"\033[{len(self._rows)}A", end="")
        for row in self._rows.values():
            print(f"\033[K{row.bar()}")
