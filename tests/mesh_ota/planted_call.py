"""A test that must fail: it is the detector's own, and run by `test_blocking_calls.py` in a process of its own."""

from pathlib import Path

from .test_blocking_calls import planted


async def test_that_blocks_the_loop(tmp_path: Path):
    path = tmp_path / "file"
    path.write_text("text")
    planted("open(path).close()", path)()
