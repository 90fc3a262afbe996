"""What a study starts from: the commit, whatever the work tree holds, and by whom."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cxr.errors import UserError
from study.commands import git
from study.run import baseline
from tests.conftest import ROOT, TINY, Project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A tiny project under Git, and this process in it."""
    made = Project.new(tmp_path / "project")
    made.set_all(TINY)
    made.ok("git", "init", "-q", "-b", "main")
    made.commit("start")
    monkeypatch.chdir(made.folder)
    for key, value in made.environment().items():
        monkeypatch.setenv(key, value)
    return made


def change_params(project: Project) -> None:
    project.set(train__epochs=7, data__directory="a folder")


def change_code(project: Project) -> None:
    with (project.folder / "cxr" / "errors.py").open("a") as file:
        file.write("# more\n")


def add_code(project: Project) -> None:
    (project.folder / "cxr" / "networks" / "more.py").write_text("")


def stage_params(project: Project) -> None:
    change_params(project)
    project.ok("git", "add", "params.yaml")


def drop_a_section(project: Project) -> None:
    text = (project.folder / "params.yaml").read_text()
    (project.folder / "params.yaml").write_text(text[: text.index("phantom:")])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            change_params,
            r"params\.yaml data\.directory: None committed, a folder here; params\.yaml train\.epochs: 1 committed,"
            r" 7 here\. .*--uncommitted",
        ),
        (stage_params, r"params\.yaml train\.epochs: 1 committed, 7 here"),
        (drop_a_section, r"params\.yaml phantom\.n_images: 80 committed, absent here"),
        (change_code, r"differs from it in cxr/errors\.py\."),
        (add_code, r"Git does not know cxr/networks/more\.py"),
    ],
)
def test_what_differs_from_the_commit_is_named(project: Project, change: Callable[[Project], None], told: str) -> None:
    change(project)
    with pytest.raises(UserError, match=told):
        baseline.read(is_uncommitted=False)


def test_other_changes_do_not_matter(project: Project) -> None:
    (project.folder / "notes.txt").write_text("mine")
    with (project.folder / "params.yaml").open("a") as file:
        file.write("# a comment\n")
    head = git("rev-parse", "HEAD").strip()
    assert baseline.read(is_uncommitted=False) == baseline.Baseline(head, head)


def test_on_demand_the_work_tree_is_what_runs_see_and_stays_as_it_is(project: Project) -> None:
    change_params(project)
    change_code(project)
    before = project.ok("git", "status", "--short")
    found = baseline.read(is_uncommitted=True)
    assert found.head == git("rev-parse", "HEAD").strip()
    assert found.params["train"]["epochs"] == 7
    assert git("show", f"{found.files}:cxr/errors.py").endswith("# more\n")
    assert project.ok("git", "status", "--short") == before
    assert project.ok("git", "stash", "list") == ""


def test_a_stashed_run_has_its_parameters_and_comments_and_touches_nothing(project: Project) -> None:
    found = baseline.read(is_uncommitted=False)
    text = found.params_with({"train.learning_rate": 1e-05, "data.directory": 'it\'s: a "b"', "model.filters": [4, 8]})
    commit = found.stash({"params.yaml": text.encode(), ".dvc/tmp/repro.dat": b"\x00\xff"}, "one")
    run = baseline.Baseline(found.head, commit)
    assert run.params["train"] == {**found.params["train"], "learning_rate": 1e-05}
    assert run.params["data"]["directory"] == 'it\'s: a "b"'
    assert run.params["model"]["filters"] == [4, 8]
    assert "# official | grouped | pooled" in text
    assert git("diff", "--name-only", "HEAD", commit).split() == [".dvc/tmp/repro.dat", "params.yaml"]
    assert project.ok("git", "status", "--short") == ""


def test_an_unknown_identity_is_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    baseline.check_identity()
    for key in ("GIT_COMMITTER_EMAIL", "GIT_COMMITTER_NAME"):
        monkeypatch.delenv(key)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    with pytest.raises(UserError, match=r"does not know as whom.*git config --global user\.name"):
        baseline.check_identity()


def test_make_tells_it_before_it_installs_anything(tmp_path: Path) -> None:
    nobody = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "EMAIL"))}
    nobody |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for target in ("demo", "study"):
        command = ["make", "-f", str(ROOT / "Makefile"), f"VENV={tmp_path / 'new'}", "PYTHON=false", target]
        done = subprocess.run(command, cwd=tmp_path, env=nobody, capture_output=True, text=True)
        assert done.returncode == 2
        assert done.stderr.startswith("error: Git does not know as whom to commit"), done.stderr
        assert not any(tmp_path.iterdir())
