"""What a killed DVC leaves half-written blocks nothing."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Project

pytestmark = pytest.mark.slow

WHOLE = "schema: '2.0'\nstages:\n  download:\n    cmd: python -m stages.download\n"


@pytest.fixture(scope="module")
def project(make_dvc_project: Callable[[], Project]) -> Project:
    return make_dvc_project()


def mend(project: Project) -> str:
    done = project.run(sys.executable, "-m", "study.mend")
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_whole_project_is_left_alone(project: Project) -> None:
    (project.folder / "dvc.lock").write_text(WHOLE)
    (project.folder / ".dvc" / "tmp" / "rwlock").write_text("{}")
    assert mend(project) == ""
    assert (project.folder / "dvc.lock").read_text() == WHOLE
    (project.folder / "dvc.lock").unlink()


@pytest.mark.parametrize("cut_short", [".dvc/tmp/rwlock", ".dvc/tmp/exps/rwlock", "dvc.lock"])
def test_an_empty_file_blocks_dvc_until_it_is_mended(project: Project, cut_short: str) -> None:
    path = project.folder / cut_short
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    blocked = (
        ["dvc", "exp", "run", "--queue", "--name", "mine"] if "exps" in cut_short else ["dvc", "repro", "download"]
    )
    assert project.run(*blocked).returncode != 0
    assert mend(project) == f"{cut_short} was cut short when DVC was killed; removed\n"
    project.ok(*blocked)
    assert mend(project) == ""


def test_a_committed_dvc_lock_is_restored_and_a_conflict_is_the_users(project: Project) -> None:
    path = project.folder / "dvc.lock"
    path.write_text(WHOLE)
    project.commit("lock")
    path.write_text(WHOLE[: len(WHOLE) // 2])
    assert mend(project) == "dvc.lock was cut short when DVC was killed; restored from the commit\n"
    assert path.read_text() == WHOLE
    conflict = WHOLE + "<<<<<<< HEAD\n"
    path.write_text(conflict)
    assert mend(project) == ""
    assert path.read_text() == conflict


def test_no_project_no_trouble(tmp_path: Path) -> None:
    made = Project.new(tmp_path / "bare")
    shutil.rmtree(made.folder / ".dvc", ignore_errors=True)
    assert mend(made) == ""
