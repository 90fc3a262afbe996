"""Experiments of earlier commits: which hold, which do not; none is dropped in silence or before it is replaced.

The repositories are real; their experiments are what DVC leaves of one, a commit under refs/exps.
"""

import pytest

from cxr.errors import UserError
from study import experiments
from study.commands import git
from study.run import baseline, grid
from tests.study.conftest import STAGES, Repository


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
    with pytest.raises(UserError, match=r"no finished experiment is called two; there are: one$"):
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


def test_an_experiment_tells_the_commit_that_made_it_and_whether_its_code_was_another(repository: Repository) -> None:
    head = git("rev-parse", "HEAD").strip()
    committed = repository.finish("committed")
    folder = repository.project.folder
    (folder / "README.md").write_text("other\n")
    described = repository.finish("described")
    (folder / "cxr/statistics/metrics.py").write_text("# other\n")
    measured = repository.finish("measured")
    (folder / "dvc.yaml").write_text(STAGES.replace("cmd: train", "cmd: other"))
    run_otherwise = repository.finish("run-otherwise")
    repository.commit()
    for ref, is_changed in ((committed, False), (described, False), (measured, True), (run_otherwise, True)):
        assert experiments.origin(ref) == {"commit": head, "is_changed": is_changed}


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
    assert [experiments.images_of(ref) for ref in (new, other)] == ["0d", "0a"]
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
