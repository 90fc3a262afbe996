"""Several at work in one clone, Ctrl-C at any moment: all end, the refused is told in a line, a later call goes on."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from functools import cache
from typing import Any

import numpy as np

from tests.conftest import Project
from tests.processes import at_work
from tests.torture import stored
from tests.torture.case import Ending, Fault, LossError
from tests.torture.killing import begin, kill, nothing_left
from tests.torture.pipeline import SMALL, copied, folder, nothing_half

Generator = np.random.Generator

STUDY = [sys.executable, "-m", "study.run", "two.yaml"]
REPRO = ["dvc", "repro", "-q"]
RUNS = "runs:\n  one: {train.learning_rate: 1e-3}\n  two: {train.learning_rate: 2e-3}\n"
# Seconds in which whatever was told to end has ended; a stage has 30 to end in order. Where the machine is so busy that
# the undisturbed study takes longer, as long as that takes.
BOUND = 90.0
# So many times as long as undisturbed a study may take beside another command.
SLOWER = 6.0


@cache
def original() -> Project:
    """A project under Git and DVC, with a study of two runs, in which nothing has run."""
    made = Project.new(folder() / "project")
    made.set_all(SMALL)
    made.leave_out("explain")
    (made.folder / "two.yaml").write_text(RUNS)
    made.start_dvc()
    return made


@cache
def undisturbed() -> tuple[float, str]:
    """Seconds and table of the study where nothing else happens."""
    with copied(original()) as project:
        start = time.monotonic()
        project.ok(*STUDY)
        return time.monotonic() - start, table(project)


def table(project: Project) -> str:
    return project.ok(sys.executable, "-m", "study.table")


def at_once(generator: Generator) -> Ending:
    """A study and, at a random moment, a second one or `dvc repro`; in most cases Ctrl-C for either or both."""
    seconds, expected = undisturbed()
    second = [STUDY, REPRO][generator.integers(2)]
    begun, stopped = sorted(generator.uniform(0, 1.2, 2) * seconds)
    is_stopped = generator.random(2) < 0.6
    with copied(original()) as project, tempfile.TemporaryFile("w+") as one, tempfile.TemporaryFile("w+") as two:
        studies = [begin(project, STUDY, one)]
        time.sleep(begun)
        studies.append(begin(project, second, two))
        time.sleep(stopped - begun)
        for started, is_to_end in zip(studies, is_stopped, strict=True):
            if is_to_end and started.poll() is None:
                os.killpg(started.pid, signal.SIGINT)
        told = []
        for started, is_to_end, said in zip(studies, is_stopped, (one, two), strict=True):
            code = ended(project, started, max(BOUND, seconds) if is_to_end else SLOWER * seconds)
            told.append(judged(code, is_to_end, said))
        nothing_left(project.folder)
        stored.check(project)
        again(project, expected)
        stored.check(project)
    return "told" if any(told) else "whole"


def ended(project: Project, started: "subprocess.Popen[Any]", seconds: float) -> int:
    """Its exit code. Raises LossError where it is not over in so many seconds, and ends all that is at work."""
    try:
        return started.wait(seconds)
    except subprocess.TimeoutExpired:
        kill(at_work(project.folder))
        started.kill()
        started.wait()
        raise LossError(f"{started.args} was at work after {seconds:.0f} s") from None


def judged(code: int, is_to_end: bool, said: Any) -> str:
    """The line in which a command ended, empty where it ended well. Raises LossError where it is none."""
    said.seek(0)
    text = said.read()
    if code == 0:
        return ""
    lines = [line for line in text.splitlines() if line.strip()]
    # Ctrl-C while it, or a stage of `dvc repro -q`, loads ends that at once and says nothing.
    if is_to_end and "Traceback" not in text:
        return lines[-1] if lines else "interrupted"
    if "Traceback" in text or not lines or not re.match("error:|ERROR:", lines[-1], re.IGNORECASE):
        raise LossError(f"exit code {code} and {(lines or ['nothing'])[-1][:200]!r}")
    return lines[-1]


def again(project: Project, expected: str) -> None:
    """Raises LossError where the study, called again, does not end with the undisturbed one's results."""
    project.ok(sys.executable, "-m", "study.mend")
    done = project.run(*STUDY)
    if done.returncode:
        raise LossError(f"the study then failed: {done.stderr.strip().splitlines()[-1][:200]}")
    if (found := table(project)) != expected:
        raise LossError(f"other results: {found}")
    nothing_half(project)


FAULTS = {
    "at-once": Fault("two studies, or a study and `dvc repro`, in one clone; Ctrl-C at random moments", 12, at_once),
}
