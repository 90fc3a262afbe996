"""Processes that tests start: waiting for what they do, and which of them are at work."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T")


def wait_until(condition: Callable[[], T], seconds: float = 300) -> T:
    """What `condition` gives once that is true. Raises AssertionError where it is not within so many seconds."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found


def at_work(top: Path) -> dict[psutil.Process, Path]:
    """The processes whose folder is `top` or below it, also where it has been removed since, and their folders."""
    found = {}
    for process in psutil.process_iter():
        # It may go meanwhile, or be another user's.
        with suppress(psutil.Error, OSError):
            folder = Path(process.cwd().removesuffix(" (deleted)"))
            if folder.is_relative_to(top):
                found[process] = folder
    return found


def words(process: psutil.Process) -> list[str]:
    """The words of its command line; none once it has gone."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []
