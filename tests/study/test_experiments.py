"""Experiments that are replaced: kept until the new run is finished."""

from pathlib import Path

import pytest

from study import experiments
from study.commands import git
from tests.conftest import Project


@pytest.fixture(autouse=True)
def _two_experiments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process in a project with two finished experiments, which are Git refs."""
    project = Project(tmp_path / "project")
    project.ok("git", "init", "-q", "-b", "main")
    project.commit("start")
    monkeypatch.chdir(project.folder)
    for key, value in project.environment().items():
        monkeypatch.setenv(key, value)
    for name in ("one", "two"):
        finish(name)


def finish(name: str) -> str:
    """Leave an experiment as DVC does; its commit."""
    head = git("rev-parse", "HEAD").strip()
    commit = git("commit-tree", "HEAD^{tree}", "-p", head, "-m", f"{name}, run {len(commits())}").strip()
    git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/{name}", commit)
    return commit


def commits() -> dict[str, str]:
    return {name: git("rev-parse", ref).strip() for name, ref in experiments.finished().items()}


def test_what_no_new_run_replaces_comes_back() -> None:
    before = commits()
    experiments.set_aside({"one", "unknown"})
    assert set(experiments.finished()) == {"two"}
    experiments.put_back()
    assert commits() == before


def test_a_finished_run_takes_the_place_of_the_old_one() -> None:
    before = commits()
    experiments.set_aside({"one"})
    new = finish("one")
    experiments.put_back()
    assert commits() == {**before, "one": new}
    assert new != before["one"]
    assert git("for-each-ref", experiments.SET_ASIDE) == ""
