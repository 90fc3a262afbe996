"""A study of three runs, to be stopped or killed: how it begins, how far it is, and what it has left."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Project, Study
from tests.processes import at_work, wait_until, words

RUNS = ("one", "two", "three")
STUDY = "params: {train.epochs: 40}\nruns:\n" + "".join(
    f"  {name}: {{train.learning_rate: {rate}}}\n" for name, rate in zip(RUNS, (1e-3, 2e-3, 3e-3), strict=True)
)
COMMAND = [sys.executable, "-m", "study.run", "three.yaml"]
WORK_TREE = "?? three.yaml\n"
HOLD_THE_LOCK = """
import sys, time
from dvc.repo import Repo
from dvc.repo.experiments.utils import get_exp_rwlock
with Repo() as repo, get_exp_rwlock(repo, writes=[repo.experiments.celery_queue.ref]):
    print("held", flush=True)
    time.sleep(float(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def three(study: Study) -> Project:
    """A project with this study; all stages before the training are in its run cache."""
    (study.project.folder / "three.yaml").write_text(STUDY)
    return study.project


def begin(project: Project) -> "subprocess.Popen[str]":
    """The study in a process group of its own, as a terminal starts it."""
    return project.begin(*COMMAND, stderr=subprocess.PIPE, text=True, start_new_session=True)


@contextmanager
def holding_the_lock(project: Project, seconds: float) -> "Iterator[subprocess.Popen[bytes]]":
    """A process that has DVC's lock of the queue, as a worker has it when it takes up a run, and gives it back."""
    command = [sys.executable, "-c", HOLD_THE_LOCK, str(seconds)]
    with project.begin(*command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        yield holder


def queue(project: Project) -> str:
    return project.ok("dvc", "queue", "status")


def copies(project: Project) -> list[Path]:
    return list((project.folder / ".dvc" / "tmp" / "exps").glob("tmp*"))


def is_queued(project: Project) -> bool:
    return any((project.folder / ".git" / "refs" / "exps").glob("celery/stash"))


def is_set_up(project: Project) -> bool:
    return bool(copies(project))


def is_begun(project: Project) -> bool:
    return any("stages.train" in words(process) for process in at_work(project.folder))


def is_trained(project: Project) -> bool:
    return any((project.folder / ".dvc" / "tmp" / "cxr" / "checkpoints").glob("[!.]*"))


def finished(project: Project) -> set[str]:
    return {path.name for path in (project.folder / ".git" / "refs" / "exps").glob("[0-9a-f][0-9a-f]/*/*")}


def stopped_when(project: Project, moment: Callable[[Project], bool]) -> str:
    """What the study said, stopped by Ctrl-C once `moment` has come."""
    with begin(project) as study:
        wait_until(lambda: moment(project))
        os.killpg(study.pid, signal.SIGINT)
        told = study.communicate(timeout=120)[1]
    assert study.returncode == 1
    assert told.strip().splitlines()[-2:] == [
        "stopping; what is finished stays",
        "error: interrupted; run it again to go on",
    ]
    return told


def read_until(study: "subprocess.Popen[str]", text: str) -> str:
    """What the study says up to `text`."""
    told = ""
    while text not in told:
        told += study.stderr.read(1)
        assert study.poll() is None, told
    return told


def check_no_work_is_left(project: Project) -> str:
    """What the queue tells, of which nothing waits or runs."""
    assert not at_work(project.folder)
    assert copies(project) == []
    told = queue(project)
    assert not re.search("Queued|Running", told)
    return told


def check_nothing_is_left(project: Project) -> None:
    told = check_no_work_is_left(project)
    assert not any(name in told for name in RUNS)
    assert project.ok("git", "status", "--short") == WORK_TREE
    assert project.ok("git", "stash", "list") == ""
