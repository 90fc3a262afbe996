"""A command as it runs: how long, how much work, how much memory it and its children take, and who else is at work."""

import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from cxr.errors import UserError

POLL = 0.1
MIB = 2**20


class TooMuchError(UserError):
    """A command took more time or memory than it may."""


@dataclass(frozen=True)
class Cost:
    """What a command took with all its children.

    `seconds` of the clock, `cpu_seconds` of all cores. `peak_mib`: the largest sum of resident memory, with the pages
    of files that are mapped, which the kernel drops when others need the memory. `own_mib`: the largest sum without
    them, what must be there. Pages that parent and child share count twice in both. `others`: cores that were busy with
    anything else meanwhile.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: float
    own_mib: float
    others: float


class Others:
    """How many cores other programs keep busy, from the making of this on."""

    def __init__(self) -> None:
        self.started, self.busy, self.ours = time.monotonic(), _busy(), _ours()

    def cores(self) -> float:
        """The mean number of cores so far that neither this process nor its finished children used."""
        others = _busy() - self.busy - (_ours() - self.ours)
        return max(0.0, others / (time.monotonic() - self.started))


def watch(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], limit_s: float, limit_mib: float
) -> Cost:
    """Run a command in `folder` and watch it.

    Raises UserError where it fails, TooMuchError where it takes more seconds or MiB of its own than its limits; it is
    then stopped, and its children with it, as those of `cxr.workers` end with their parent.
    """
    others, before = Others(), _children()
    peak = own = 0.0
    with (
        (folder / "output.txt").open("w+") as output,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output) as started,
    ):
        try:
            while started.poll() is None:
                resident, alone = _memory(started.pid)
                peak, own = max(peak, resident), max(own, alone)
                if own > limit_mib:
                    raise TooMuchError(f"{' '.join(command[1:])} takes more than {limit_mib:,.0f} MiB")
                if time.monotonic() - others.started > limit_s:
                    raise TooMuchError(f"{' '.join(command[1:])} takes longer than {limit_s:,.0f} s")
                time.sleep(POLL)
        finally:
            started.kill()
        seconds = time.monotonic() - others.started
        if started.returncode:
            output.seek(0)
            raise UserError(f"{' '.join(command[1:])} failed: {output.read()[-2000:]}")
    return Cost(seconds, _children() - before, peak, own, others.cores())


def _memory(pid: int) -> tuple[float, float]:
    """Resident memory of a process and its children now, in MiB, with mapped files and without."""
    resident = own = 0
    try:
        parent = psutil.Process(pid)
        processes = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0, 0.0
    for process in processes:
        try:
            memory = process.memory_info()
        except psutil.NoSuchProcess:
            continue
        resident += memory.rss
        # Only Linux tells; elsewhere both are the same.
        own += memory.rss - getattr(memory, "shared", 0)
    return resident / MIB, own / MIB


def _children() -> float:
    """CPU seconds of the children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _ours() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime + _children()


def _busy() -> float:
    """CPU seconds that the machine's cores have worked since it started."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # Linux counts what guests take in the user's time too.
    return float(sum(times) - idle - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0))


def machine(others: float) -> str:
    """A sentence on what other programs did to a measurement."""
    if others < 0.1:
        return "The machine did nothing else meanwhile."
    return (
        f"Other programs kept {others:.1f} of the machine's {psutil.cpu_count()} cores busy meanwhile: the seconds are "
        "upper bounds."
    )
