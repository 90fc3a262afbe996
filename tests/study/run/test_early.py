"""What would fail in every run fails once, before any has begun, and leaves all as it was."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Project

pytestmark = pytest.mark.slow

STUDY = "runs:\n  one: {train.learning_rate: 1e-3}\n  two: {train.learning_rate: 1e-4}\n"
GOOD_PAGE = "the curves of the last study"


@pytest.fixture
def project(make_dvc_project: Callable[[], Project]) -> Project:
    """A study of two runs, and the page of an earlier one."""
    made = make_dvc_project()
    (made.folder / "two.yaml").write_text(STUDY)
    made.commit("study")
    (made.folder / "dvc_plots").mkdir()
    (made.folder / "dvc_plots" / "index.html").write_text(GOOD_PAGE)
    return made


def study(project: Project, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "study.run", "two.yaml", "--plots", "dvc_plots", "--jobs", "2", "--set", *words]
    return project.run(*command)


def error_of(project: Project, done: "subprocess.CompletedProcess[str]") -> str:
    """The last line of a study that began no run, and has left nothing of the attempt."""
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("error: ") == 1, done.stderr
    assert done.stdout == ""
    assert (project.folder / "dvc_plots" / "index.html").read_text() == GOOD_PAGE
    assert project.ok("dvc", "queue", "status").splitlines()[0] == "No experiment tasks in the queue."
    assert project.ok("dvc", "exp", "list", "--all-commits") == ""
    assert "!" not in project.ok("dvc", "exp", "show", "--csv")
    assert project.ok("git", "status", "--short") == ""
    return done.stderr.splitlines()[-1]


def test_a_folder_that_is_not_there_is_told_before_anything_is_queued(project: Project) -> None:
    done = study(project, "data.source=directory", "data.directory=nowhere")
    told = error_of(project, done)
    assert told.startswith("error: one, two: data.directory 'nowhere' is no folder")
    assert "0%" not in done.stderr, "no run was waited for"


def test_what_the_runs_share_is_made_once_and_fails_once(project: Project, kaggle_folder: Path) -> None:
    folder = project.folder.parent / "mine"
    shutil.copytree(kaggle_folder, folder)
    aside = folder.parent / "aside"
    shutil.move(folder / "test" / "NORMAL", aside)
    words = ["data.source=directory", "data.directory=../mine"]
    told = error_of(project, study(project, *words))
    assert told.startswith("error: no run was begun. one, two: ")
    assert "test/NORMAL" in told

    shutil.move(aside, folder / "test" / "NORMAL")
    done = study(project, *words)
    assert done.returncode == 0, done.stderr
    assert set(project.ok("dvc", "exp", "list", "--name-only").split()) == {"one", "two"}
    for name in ("one", "two"):
        log = project.ok("dvc", "queue", "logs", name)
        assert "Running stage 'train'" in log
        assert "Running stage 'download'" not in log
        assert "Running stage 'audit'" not in log
    assert "one" in (project.folder / "dvc_plots" / "index.html").read_text()
