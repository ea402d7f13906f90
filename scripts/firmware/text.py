"""Changes of a module's text in their places, so that every line stays where it is."""

from collections.abc import Iterable

Edit = tuple[int, int, str, str]  # line from 1, column in bytes, what stands there, what shall


def rewritten(source: bytes, edits: Iterable[Edit]) -> bytes:
    """Raises ValueError where something else stands. Of two that overlap the outer one counts."""
    lines = source.splitlines(keepends=True)
    end: tuple[int, int] = (0, 0)  # line and column before which all is changed already
    chosen: list[Edit] = []
    for edit in sorted(set(edits), key=lambda edit: (edit[0], edit[1], -len(edit[2]))):
        if (edit[0], edit[1]) >= end or edit[0] > end[0]:
            chosen.append(edit)
            end = (edit[0], edit[1] + len(edit[2].encode()))
    for number, column, old, new in reversed(chosen):
        line = lines[number - 1]
        after = column + len(old.encode())
        if line[column:after] != old.encode():
            raise ValueError(f"line {number}: {old} does not stand at {column}")
        lines[number - 1] = line[:column] + new.encode() + line[after:]
    return b"".join(lines)
