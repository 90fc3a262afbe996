"""Experiments of earlier commits: which hold, which do not; none is dropped in silence or before it is replaced.

The repositories are real; their experiments are what DVC leaves of one, a commit under refs/exps.
"""

import os
from pathlib import Path

import pytest

from cxr.errors import UserError
from study import experiments
from study.commands import git
from study.run import baseline, grid
from tests.conftest import Project

STAGES = """
stages:
  check: {cmd: check, deps: [cxr/sections.py], outs: [checked.txt]}
  download: {cmd: download, deps: [checked.txt, cxr/sources], outs: [data/raw]}
  images: {cmd: images, deps: [data/raw, cxr/data], outs: [data/images.npy]}
  split: {cmd: split, deps: [cxr/data], outs: [data/train.csv]}
  train: {cmd: train, deps: [data/images.npy, data/train.csv, cxr/networks], outs: [model], plots: [{h.csv: {x: y}}]}
  evaluate: {cmd: evaluate, deps: [model, cxr/statistics], outs: [predictions.csv]}
"""
LOCK = """
stages:
  download: {{params: {{params.yaml: {{data: {data}}}}}}}
  images: {{outs: [{{path: data/images.npy, md5: {images}}}]}}
  split: {{outs: [{{path: data/train.csv, md5: 0b}}]}}
"""
PARAMS = "data: {source: phantom}\n"


class Repository:
    """A project whose experiments are finished by hand, each a second after the one before."""

    def __init__(self, folder: Path) -> None:
        self.project = Project.new(folder)
        self.seconds = 1_800_000_000
        (folder / "dvc.yaml").write_text(STAGES)
        (folder / "params.yaml").write_text(PARAMS)
        self.project.ok("git", "init", "-q", "-b", "main")
        self.project.commit("start")

    def commit(self, path: str = "README.md") -> str:
        """Change a file in the next commit; the commit before in seven letters."""
        before = git("rev-parse", "HEAD").strip()[:7]
        file = self.project.folder / path
        file.write_text(f"{file.read_text() if file.exists() else ''}# changed\n")
        self.project.commit(f"change {path}")
        return before

    def finish(self, name: str, data: str = "here", images: str = "0a", params: str = PARAMS) -> str:
        """Leave an experiment on the present commit; its ref."""
        self.seconds += 1
        head = git("rev-parse", "HEAD").strip()
        self.project.folder.joinpath("dvc.lock").write_text(LOCK.format(data=data, images=images))
        self.project.folder.joinpath("params.yaml").write_text(params)
        git("add", "-A")
        date = f"{self.seconds} +0000"
        commit = git("commit-tree", git("write-tree").strip(), "-p", head, "-m", name, GIT_COMMITTER_DATE=date).strip()
        git("reset", "-q", "--hard")
        ref = f"refs/exps/{head[:2]}/{head[2:]}/{name}"
        git("update-ref", ref, commit)
        return ref


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    folder = tmp_path / "project"
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "tester")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
    made = Repository(folder)
    monkeypatch.chdir(folder)
    return made


def told(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.strip()


@pytest.mark.parametrize("path", ["README.md", "params.yaml", "cxr/sections.py", "cxr/statistics/metrics.py"])
def test_experiments_stay_when_the_next_commit_changes_no_training(
    path: str, repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = repository.finish("one"), repository.finish("two", data="there", images="0c")
    repository.commit(path)
    three = repository.finish("three")
    assert experiments.chosen([]) == {"one": one, "two": two, "three": three}
    assert experiments.chosen(["two"]) == {"two": two}
    assert told(capsys) == ""


@pytest.mark.parametrize(
    "path", ["cxr/sources/phantoms.py", "cxr/data/split.py", "cxr/networks/training.py", "cxr/networks/fast/layers.py"]
)
def test_experiments_of_other_code_are_named_with_their_commit_and_can_be_asked_for(
    path: str, repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    old, two = repository.finish("one"), repository.finish("two")
    commit = repository.commit(path)
    with pytest.raises(UserError, match="no finished experiment that holds"):
        experiments.chosen([])
    expected = f"two, one of {commit} (other code of images, split or training). Ask for one as two@{commit}"
    assert told(capsys) == f"left out: {expected}"
    new = repository.finish("one")
    assert experiments.chosen([]) == {"one": new}
    assert told(capsys) == f"left out: {expected}"
    assert experiments.chosen([f"one@{commit}", "one"]) == {f"one@{commit}": old, "one": new}
    assert told(capsys) == ""
    with pytest.raises(UserError, match=r"no finished experiment is called two$"):
        experiments.chosen(["two"])
    assert f"left out: two of {commit}" in told(capsys)
    assert experiments.chosen([f"two@{commit}"]) == {f"two@{commit}": two}


def test_code_that_is_not_committed_is_told_and_has_a_key_of_its_own(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such an experiment counts, as DVC's users expect, but is no seed of those of the committed code."""
    committed = repository.finish("committed")
    (repository.project.folder / "cxr/networks/network.py").write_text("# other\n")
    changed = repository.finish("changed")
    (repository.project.folder / "README.md").write_text("other\n")
    described = repository.finish("described")
    assert sorted(experiments.chosen([])) == ["changed", "committed", "described"]
    assert capsys.readouterr().err.startswith("run with code that is not committed: changed; ")
    assert experiments.code_of(committed) == experiments.code_of(described) != experiments.code_of(changed)
    experiments.chosen(["committed"])
    assert capsys.readouterr().err == ""


def test_of_one_name_in_two_commits_the_newest_counts(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.finish("one")
    first = repository.commit()
    newer = repository.finish("one")
    second = repository.commit()
    assert experiments.chosen([]) == {"one": newer}
    assert told(capsys) == f"left out: one of {first} (the newer one of {second} counts). Ask for one as one@{first}"


def test_experiments_of_other_images_do_not_hold_together(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """The content of a folder has changed, its name and the revision have not."""
    repository.finish("old", images="0a")
    commit = repository.commit()
    new = repository.finish("new", images="0d")
    other = repository.finish("other", data="there", images="0a")
    assert experiments.chosen([]) == {"new": new, "other": other}
    assert told(capsys).startswith(f"left out: old of {commit} (other images or split)")


def test_an_older_run_is_repeated_where_any_stage_would_be(repository: Repository) -> None:
    repository.finish("one")
    run = grid.Run("one", {}, {"data": {"source": "phantom"}})

    def is_finished(run: grid.Run) -> bool:
        base = baseline.read(is_uncommitted=False)
        return experiments.is_finished(run.name, run.params, base.files, experiments.finished())

    assert is_finished(run)
    repository.commit()
    assert is_finished(run)
    assert not is_finished(grid.Run("one", {}, {"data": {"source": "kaggle"}}))
    assert not is_finished(grid.Run("two", {}, run.params))
    repository.commit("cxr/sections.py")
    assert is_finished(run)
    repository.commit("cxr/statistics/metrics.py")
    assert experiments.finished()
    assert not is_finished(run)


def test_dvc_is_given_a_ref_where_a_name_alone_would_be_another_experiment(repository: Repository) -> None:
    old, only = repository.finish("one"), repository.finish("only")
    repository.commit()
    newer = repository.finish("one")
    assert experiments.revisions(["one", "only"]) == ["one", "only"]
    repository.commit()
    assert experiments.finished() == {"one": newer, "only": only}
    assert experiments.revisions(["one", "only"]) == [newer, "only"]
    assert old != newer


def test_dvc_is_told_the_ref_of_an_experiment_that_is_called_as_a_branch_is(repository: Repository) -> None:
    """It would show the branch under the run's name, or the work tree."""
    names = ["recipe", "HEAD", "workspace", "one"]
    refs = [repository.finish(name) for name in names]
    git("branch", "recipe")
    assert experiments.revisions(names) == [*refs[:3], "one"]


def commits(refs: dict[str, str]) -> dict[str, str]:
    return {name: git("rev-parse", ref).strip() for name, ref in refs.items()}


def test_what_no_new_run_replaces_comes_back(repository: Repository) -> None:
    for name in ("one", "two"):
        repository.finish(name)
    before = commits(experiments.finished())
    experiments.set_aside({"one", "unknown"})
    assert set(experiments.finished()) == {"two"}
    experiments.put_back()
    assert commits(experiments.finished()) == before


def test_a_finished_run_takes_the_place_of_the_old_one(repository: Repository) -> None:
    for name in ("one", "two"):
        repository.finish(name)
    before = commits(experiments.finished())
    experiments.set_aside({"one"})
    new = git("rev-parse", repository.finish("one")).strip()
    experiments.put_back()
    assert commits(experiments.finished()) == {**before, "one": new}
    assert new != before["one"]
    assert git("for-each-ref", experiments.SET_ASIDE) == ""
