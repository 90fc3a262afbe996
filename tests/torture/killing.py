"""Commands of a case, begun as a terminal starts them, and killed at a moment."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import psutil

from tests.conftest import Project
from tests.processes import at_work, wait_until, words
from tests.torture.case import LossError

# In the folder of a case, beside its project: what the commands wrote to standard error that were killed.
SAID = "said.txt"


def said(project: Project) -> IO[str]:
    """The file to which the commands of a case add their standard error."""
    return (project.folder.parent / SAID).open("a")


def begin(project: Project, command: list[str], said: Any) -> "subprocess.Popen[Any]":
    """A command in a process group of its own, as a terminal starts it."""
    return project.begin(*command, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True)


def after(seconds: float) -> Callable[[], bool]:
    """That so many seconds from now are over."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def killed_when(
    is_due: Callable[[], bool], project: Project, command: list[str], *, is_power_cut: bool, top: Path | None = None
) -> bool:
    """Start a command and kill it when that is due; whether it was still at work.

    Its first process alone (as `kill -9 PID` would), or all that works in `top`, which is the project's folder, as a
    power cut would. Raises LossError where something works on there a minute later.
    """
    top = top or project.folder
    with said(project) as stderr, begin(project, command, stderr) as started:
        while started.poll() is None and not is_due():
            time.sleep(0.001)
        if started.returncode is not None:
            return False
        (os.killpg if is_power_cut else os.kill)(started.pid, signal.SIGKILL)
        started.wait()
    # What it has started in sessions of their own.
    if is_power_cut:
        kill(at_work(top))
    nothing_left(top)
    return started.returncode == -signal.SIGKILL


def nothing_left(top: Path) -> None:
    """Raises LossError where a process is still at work in a folder a minute later, and ends it."""
    with suppress(AssertionError):
        wait_until(lambda: not at_work(top), seconds=60)
    if left := at_work(top):
        names = [" ".join(words(process)[1:5]) for process in left]
        kill(left)
        raise LossError(f"left at work: {names}")


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kill those that are still there."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
