"""docs/boot.md shows what the loader does: its diagram is drawn from the loader's own tables."""

from device import slot_trial
from scripts import boot_states


def test_the_drawing_in_the_docs_is_that_of_the_tables() -> None:
    page = boot_states.PAGE.read_text(encoding="utf-8")
    assert boot_states.drawn(page) == page, "run python3 scripts/boot_states.py"
    assert "running --> refused: after the watchdog" in page


def test_each_row_of_the_table_is_an_arrow() -> None:
    drawing = boot_states.diagram()
    for stage, _by_watchdog in slot_trial.ON_BOOT:
        assert drawing.count(f"    {stage} --> ") >= 2
