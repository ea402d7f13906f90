"""Home Assistant's own detector of blocking calls, switched on in every test of the integration.

What lives here: the detector with all that it leaves out in tests, and beside its list what reaches the disk by another
name. What counts is a call on the running event loop with a file of the integration anywhere on its stack, also below
a component of Home Assistant that it called.
"""

from __future__ import annotations

import asyncio
import io
import linecache
import logging
import os
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import Any, override
from unittest.mock import patch

from homeassistant import block_async_io
from homeassistant.block_async_io import BlockingCall
from homeassistant.util import loop as loop_util

INTEGRATION = "custom_components/mesh_ota/"
# What pathlib, shutil and tarfile end in. The detector does not know these; on a busy SD card a stat takes as long as
# a read.
DISK = (
    "fsync",
    "link",
    "lstat",
    "mkdir",
    "open",
    "remove",
    "rename",
    "replace",
    "rmdir",
    "stat",
    "statvfs",
    "unlink",
)
BESIDE: tuple[tuple[Any, str], ...] = (
    *((os, name) for name in DISK),
    (io, "open"),
    (tarfile, "open"),
)
# _of_the_detector <- allowed <- raise_for_blocking_call <- protected_loop_func <- who called.
OFFENDER = 4


class Ear(logging.Filter):
    """Keeps what the detector says of the integration, and lets nothing of it into the test's log.

    What a test itself reads on the loop is its own business.
    """

    def __init__(self) -> None:
        """Nothing is heard yet."""
        super().__init__()
        self.heard: list[str] = []

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        """Take the sentence; it is said by whoever blocks, so that the stack is still there."""
        if _ours_is_on_the_stack():
            self.heard.append(record.getMessage())
        return False


@contextmanager
def detected() -> Iterator[list[str]]:
    """Detect on this thread; gives what the integration did on the loop, one text each."""
    ear = Ear()
    log = logging.getLogger(loop_util.__name__)
    log.addFilter(ear)
    try:
        with (
            # It leaves most of its list out where `unittest` is loaded …
            patch.object(block_async_io, "_IN_TESTS", False),
            patch.object(block_async_io, "_BLOCKING_CALLS", _all_calls()),
            # … and says each line of code only once.
            patch.object(loop_util, "_PREVIOUSLY_REPORTED", set()),
        ):
            block_async_io.enable()
            yield ear.heard
    finally:
        _disable()
        log.removeFilter(ear)


def _all_calls() -> tuple[BlockingCall, ...]:
    more = (
        BlockingCall(
            original_func=getattr(where, name),
            object=where,
            function=name,
            check_allowed=_of_the_detector,
            strict=False,
            strict_core=False,
            skip_for_tests=False,
        )
        for where, name in BESIDE
    )
    return tuple(_while_a_loop_runs(call) for call in (*block_async_io._BLOCKING_CALLS, *more))


def _while_a_loop_runs(call: BlockingCall) -> BlockingCall:
    """A test that is no coroutine has the loop's thread to itself."""

    def allowed(said: dict[str, Any]) -> bool:
        if asyncio._get_running_loop() is None:
            return True
        return call.check_allowed is not None and call.check_allowed(said)

    return replace(call, check_allowed=allowed)


def _of_the_detector(_: dict[str, Any]) -> bool:
    """To name a line of code, the detector itself looks at the file that holds it."""
    return sys._getframe(OFFENDER).f_code.co_filename == linecache.__file__


def _ours_is_on_the_stack() -> bool:
    """Nearer than a tool that measures how much of it is covered: that looks at files on its own account."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if INTEGRATION in frame.f_code.co_filename:
            return True
        if str(frame.f_globals.get("__name__")).startswith("coverage."):
            return False
        frame = frame.f_back
    return False


def _disable() -> None:
    calls = block_async_io._BLOCKED_CALLS.calls
    for call in calls:
        setattr(call.object, call.function, call.original_func)
    calls.clear()
