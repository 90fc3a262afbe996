"""Many real trainings in one clone: what they leave, what they take, and how that grows."""

import json
import re
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from tests.conftest import TINY, Project
from tests.processes import at_work
from tests.torture import stored
from tests.torture.case import Fault, LossError, Measured
from tests.torture.killing import begin, nothing_left
from tests.torture.many import COMMANDS, measured, mebibytes

# The first of these numbers of runs can be tried in minutes, the last takes hours.
SIZES = (10, 50, 200)
N_JOBS = 2
# Seconds between two looks at the processes of a study.
PAUSE = 1.0
# How a run fails once it trains, and what is then said of it.
FAILURES: tuple[tuple[dict[str, Any], str], ...] = (
    ({"train.learning_rate": 1e30, "train.epochs": 40}, r"the training loss is nan in epoch \d+"),
    ({"model.layers": "C-P-F" + 6 * "-D65536"}, "to train this network takes at least"),
)
GC = ("dvc", "gc", "-w", "--all-experiments", "-f")
REPORT = ("report.md", "results.csv", "pairs.csv")


def long(n_runs: int, _: np.random.Generator) -> Measured:
    """So many runs, every fifth of which fails, as studies of one clone, one after another."""
    with tempfile.TemporaryDirectory(prefix="torture-", ignore_cleanup_errors=True) as name:
        project = Project.new(Path(name) / "project")
        project.set_all(TINY)
        project.leave_out("explain")
        project.start_dvc()
        rows = []
        n_before = 0
        for n in sorted({n_runs // 4 // 5 * 5, n_runs // 2, n_runs} - {0}):
            study = studied(project, range(n_before, n))
            judge(project, study.pop("said"), range(n_before, n), n)
            size = {"clone": mebibytes(project.folder), "cache": mebibytes(project.folder / ".dvc" / "cache")}
            rows.append({"runs": n, "failed": n // 5, **study, **size, **timed(project)})
            n_before = n
        rows[-1]["cache_after_gc"] = collected(project)
        return Measured("told", rows)


def overrides(number: int) -> dict[str, Any]:
    if number % 5 == 4:
        return FAILURES[number // 5 % len(FAILURES)][0]
    return {"train.learning_rate": 1e-4 * (1 + number), "train.seed": number}


def run_name(number: int) -> str:
    return f"run-{number:03d}"


def studied(project: Project, numbers: range) -> dict[str, Any]:
    """A study of these runs: what it said, its seconds, and the most processes and memory (MiB) of it at a time."""
    path = project.folder / "part.yaml"
    path.write_text(json.dumps({"runs": {run_name(number): overrides(number) for number in numbers}}))
    most = {"processes": 0, "mebibytes": 0.0}
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        command = [sys.executable, "-m", "study.run", path.name, "--jobs", str(N_JOBS)]
        with begin(project, command, said) as started:
            while started.poll() is None:
                look(project, most)
                time.sleep(PAUSE)
        seconds = time.monotonic() - start
        said.seek(0)
        text = said.read()
    if started.returncode != 1:
        raise LossError(f"exit code {started.returncode}: {text[-300:]}")
    path.unlink()
    nothing_left(project.folder)
    return {"said": text, "seconds": seconds, **most}


def look(project: Project, most: dict[str, Any]) -> None:
    """How many processes work in the clone now, and their memory; shared pages count once, where Linux tells it."""
    n_processes, n_bytes = 0, 0
    for process in at_work(project.folder):
        try:
            n_bytes += process.memory_full_info().pss
        except (psutil.Error, AttributeError):
            continue
        n_processes += 1
    most["processes"] = max(most["processes"], n_processes)
    most["mebibytes"] = max(most["mebibytes"], n_bytes / 2**20)


def judge(project: Project, said: str, numbers: range, n_so_far: int) -> None:
    """Raises LossError where a failed run is not named with its reason, or a good one is not in the table."""
    last = said.strip().splitlines()[-1]
    failed = [number for number in numbers if number % 5 == 4]
    if f"error: {len(failed)} of {len(numbers)} runs failed: " not in last:
        raise LossError(f"said {last[:200]}")
    reasons = {}
    for names, reason in re.findall(r"((?:run-\d+, )*run-\d+): (.*?)(?=; run-\d|$)", last):
        reasons |= dict.fromkeys(names.split(", "), reason)
    for number in failed:
        told = reasons.pop(run_name(number), "")
        if not re.match(FAILURES[number // 5 % len(FAILURES)][1], told):
            raise LossError(f"of {run_name(number)} it says {told!r}")
    if reasons:
        raise LossError(f"also named as failed: {', '.join(reasons)}")
    shown = set(re.findall(r"^\s*(run-\d+)", project.ok(sys.executable, "-m", "study.table"), re.MULTILINE))
    if shown != {run_name(number) for number in range(n_so_far) if number % 5 != 4}:
        raise LossError(f"the table shows {len(shown)} runs")
    stored.check(project)


def timed(project: Project) -> dict[str, str]:
    """Seconds and peak MiB of the commands that read all runs."""
    return {command: measured(project, command) for command in COMMANDS}


def collected(project: Project) -> float:
    """MiB of DVC's cache after the documented `dvc gc`. Raises LossError where the report is not the same then."""
    folder = project.folder / "report"
    before = {name: (folder / name).read_bytes() for name in REPORT}
    project.ok(*GC)
    stored.check(project)
    project.ok(sys.executable, "-m", "study.report")
    if changed := [name for name in REPORT if (folder / name).read_bytes() != before[name]]:
        raise LossError(f"after dvc gc other content in {', '.join(changed)}")
    return mebibytes(project.folder / ".dvc" / "cache")


FAULTS = {
    f"long-{n}": Fault(f"{n} trainings in one clone, two at a time; a fifth of them fails", 1, partial(long, n))
    for n in SIZES
}
