"""An application that was compiled is found again for the same bytes, and for no others."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from scripts.firmware.kept import kept

SOURCES = {"node/app.py": b"A = 1\n", "manifest.json": b"{}"}
MADE = {"node/app.mpy": b"M\x06\x00\xff", "manifest.json": b"{}"}


class Maker:
    """Counts how often something is made."""

    def __init__(self) -> None:
        """None so far."""
        self.times = 0

    def __call__(self, sources: Mapping[str, bytes]) -> dict[str, bytes]:
        """Always the same."""
        self.times += 1
        return dict(MADE)


def test_what_was_made_once_is_not_made_again(tmp_path: Path) -> None:
    """In whatever order its sources were found."""
    make = Maker()
    assert kept(SOURCES, make, tmp_path) == MADE
    assert kept(dict(reversed(SOURCES.items())), make, tmp_path) == MADE
    assert make.times == 1


@pytest.mark.parametrize(
    "other",
    [
        SOURCES | {"node/app.py": b"A = 2\n"},
        {"node/app.py": b"A = 1\n"},
        {"node/app.pyA": b" = 1\n", "manifest.json": b"{}"},
    ],
    ids=["another line", "a file less", "the same bytes cut elsewhere"],
)
def test_other_sources_are_made_anew(tmp_path: Path, other: dict[str, bytes]) -> None:
    """However alike they are."""
    make = Maker()
    kept(SOURCES, make, tmp_path)
    kept(other, make, tmp_path)
    assert make.times == 2


def test_another_compiler_makes_anew(tmp_path: Path) -> None:
    """Its bytes are part of what the result is made from."""
    make = Maker()
    for version in (b"1", b"2"):
        tools = tmp_path / version.decode()
        (tools / "bin").mkdir(parents=True)
        (tools / "bin" / "mpy-cross").write_bytes(version)
        (tools / "compiled").symlink_to(tmp_path)
        kept(SOURCES, make, tools)
    assert make.times == 2


def test_a_torn_file_is_made_anew_and_a_missing_folder_is_no_trouble(tmp_path: Path) -> None:
    """Where nothing can be kept, everything is made each time."""
    make = Maker()
    kept(SOURCES, make, tmp_path)
    (found,) = (tmp_path / "compiled").iterdir()
    found.write_bytes(found.read_bytes()[:20])
    assert kept(SOURCES, make, tmp_path) == MADE
    for _ in range(2):
        assert kept(SOURCES, make, tmp_path / "nowhere") == MADE
    assert make.times == 4
