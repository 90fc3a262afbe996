"""A study that is stopped or killed, at whatever moment: nothing stays at work, and the next call goes on."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Project, Study
from tests.processes import at_work, wait_until, words

pytestmark = pytest.mark.slow

RUNS = ("one", "two", "three")
STUDY = "params: {train.epochs: 40}\nruns:\n" + "".join(
    f"  {name}: {{train.learning_rate: {rate}}}\n" for name, rate in zip(RUNS, (1e-3, 2e-3, 3e-3), strict=True)
)
COMMAND = [sys.executable, "-m", "study.run", "three.yaml"]
WORK_TREE = "?? three.yaml\n"


@pytest.fixture(scope="module")
def project(study: Study) -> Project:
    """All stages before the training are in its run cache."""
    (study.project.folder / "three.yaml").write_text(STUDY)
    return study.project


def begin(project: Project) -> "subprocess.Popen[str]":
    """The study in a process group of its own, as a terminal starts it."""
    return project.begin(*COMMAND, stderr=subprocess.PIPE, text=True, start_new_session=True)


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


@pytest.mark.parametrize("moment", [is_queued, is_begun])
def test_ctrl_c_leaves_nothing_at_work(project: Project, moment: Callable[[Project], bool]) -> None:
    shutil.rmtree(project.folder / ".dvc" / "tmp" / "cxr" / "checkpoints", ignore_errors=True)
    stopped_when(project, moment)
    check_nothing_is_left(project)


@pytest.mark.parametrize("moment", [is_queued, is_trained])
def test_after_a_kill_the_next_call_goes_on(project: Project, moment: Callable[[Project], bool]) -> None:
    shutil.rmtree(project.folder / ".dvc" / "tmp" / "cxr" / "checkpoints", ignore_errors=True)
    with begin(project) as study:
        wait_until(lambda: moment(project))
        study.kill()
    assert project.ok("git", "status", "--short") == WORK_TREE
    with begin(project) as again:
        told = read_until(again, ": begun\n")
        os.killpg(again.pid, signal.SIGTERM)
        told += again.communicate(timeout=120)[1]
    if moment is is_trained:
        # The worker goes on without its study: its first runs may have ended by now.
        assert re.search("^stopped what an earlier study had left at work: .*three", told, re.MULTILINE)
    assert told.strip().splitlines()[-1] == "error: interrupted; run it again to go on"
    # A worker that the killed study was just starting may come up after the stop; it finds nothing and goes.
    wait_until(lambda: not at_work(project.folder), seconds=60)
    check_nothing_is_left(project)


def test_a_dead_worker_is_told_and_its_run_goes_on_later(project: Project) -> None:
    shutil.rmtree(project.folder / ".dvc" / "tmp" / "cxr" / "checkpoints", ignore_errors=True)
    with begin(project) as study:
        wait_until(lambda: is_trained(project))
        (worker,) = [process for process in at_work(project.folder) if "queue-worker" in words(process)]
        worker.kill()
        told = study.communicate(timeout=120)[1].strip().splitlines()[-1]
    assert told == "error: DVC's queue worker died at one; run it again to go on"
    check_nothing_is_left(project)


def test_a_second_study_says_who_is_at_work_and_stops(project: Project) -> None:
    # As a worker leaves it that is killed while it writes: the first is not kept from its work.
    (project.folder / ".dvc" / "tmp" / "exps" / "rwlock").write_text("")
    with begin(project) as study:
        wait_until(lambda: is_set_up(project))
        second = project.run(*COMMAND)
        assert study.poll() is None
        os.killpg(study.pid, signal.SIGINT)
        study.communicate(timeout=120)
    assert second.returncode == 1
    assert re.search(
        rf"^error: three\.yaml is at work in this folder \(process {study.pid}, since 2\d\d\d-[\d :-]+\);",
        second.stderr.splitlines()[-1],
    )
    check_nothing_is_left(project)


def test_somebody_elses_run_in_the_queue_goes_on(project: Project) -> None:
    project.ok("dvc", "exp", "run", "--queue", "-q", "-n", "mine", "-S", "train.learning_rate=0.004")
    stopped_when(project, is_set_up)
    told = queue(project)
    assert not any(name in told for name in RUNS)
    wait_until(lambda: "mine" in finished(project))
    # The worker ends when it has found nothing to do for a while.
    wait_until(lambda: not at_work(project.folder))


def test_the_next_call_goes_on_at_the_last_epoch_and_repeats_no_finished_run(project: Project) -> None:
    shutil.rmtree(project.folder / ".dvc" / "tmp" / "cxr" / "checkpoints", ignore_errors=True)
    assert "3 runs, 0 finished before\n" in stopped_when(project, is_trained)
    check_nothing_is_left(project)

    with begin(project) as study:
        read_until(study, "one: done in ")
        os.killpg(study.pid, signal.SIGINT)
        study.communicate(timeout=120)
    check_no_work_is_left(project)
    log = project.ok("dvc", "queue", "logs", "one")
    assert "epoch 40/40" in log
    assert "epoch 1/40" not in log
    assert "one" in finished(project)
