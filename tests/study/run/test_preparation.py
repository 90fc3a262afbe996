"""What runs share is made before any begins; where that fails it fails once, and leaves all as it was.

That it is made once where it does not fail is seen in test_run.py, on a study of several runs.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.project import read_yaml
from study.run import grid, preparation
from tests.conftest import ROOT, Project

STUDY = "runs:\n  one: {train.learning_rate: 1e-3}\n  two: {train.learning_rate: 1e-4}\n"
GOOD_PAGE = "the curves of the last study"


def load(folder: Path, text: str, label: str = "") -> list[grid.Run]:
    (folder / "runs.yaml").write_text(text)
    return grid.load(folder / "runs.yaml", read_yaml(ROOT / "params.yaml"), {}, label)


def test_a_preparation_is_of_runs_that_start_alike(tmp_path: Path) -> None:
    runs = load(
        tmp_path,
        "runs: {a: {train.epochs: 3}, b: {model.layers: C-F},"
        " c: {split.seed: 1}, d: {split.seed: 2}, e: {split.seed: 2}}",
    )
    found = preparation.preparations(runs)
    assert [(first.name, [run.name for run in members]) for first, members in found] == [
        ("a+images", ["a", "b"]),
        ("d+images", ["d", "e"]),
    ]
    assert all(first.targets for first, _ in found)
    assert {first.name for first, _ in found} <= preparation.names(runs)


def test_no_run_is_taken_for_a_preparation_and_forgotten_with_it(tmp_path: Path) -> None:
    runs = load(tmp_path, "runs: {a: {}, b: {}}")
    labelled = load(tmp_path, "runs: {a: {}, b: {}}", label="images")
    assert not preparation.names(runs) & {run.name for run in labelled}
    assert not any(grid.NAME.fullmatch(name) for name in preparation.names(runs))


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


@pytest.mark.slow
def test_a_folder_that_is_not_there_is_told_before_anything_is_queued(project: Project) -> None:
    done = study(project, "data.source=directory", "data.directory=nowhere")
    told = error_of(project, done)
    assert told.startswith("error: one, two: data.directory 'nowhere' is no folder")
    assert ": begun" not in done.stderr, "no run was waited for"


@pytest.mark.slow
def test_what_the_runs_share_fails_once(project: Project, kaggle_folder: Path) -> None:
    folder = project.folder.parent / "mine"
    shutil.copytree(kaggle_folder, folder)
    shutil.rmtree(folder / "test" / "NORMAL")
    told = error_of(project, study(project, "data.source=directory", "data.directory=../mine"))
    assert told.startswith("error: no run was begun. one, two: ")
    assert "test/NORMAL" in told
