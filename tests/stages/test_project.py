from pathlib import Path

import pytest

from stages import project


def test_whole_replaces_only_when_the_block_ends_well(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "file.txt"
    with project.whole(target) as partial:
        partial.write_text("first")

    def fail_half_way() -> None:
        with project.whole(target) as partial:
            partial.write_text("second")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert target.read_text() == "first"
    assert list(target.parent.iterdir()) == [target]


def test_whole_replaces_a_folder(tmp_path: Path) -> None:
    for name in ("old", "new"):
        with project.whole(tmp_path / "tree") as partial:
            partial.mkdir()
            (partial / name).touch()
    assert [path.name for path in (tmp_path / "tree").iterdir()] == ["new"]


def test_home_is_the_project_also_from_a_queued_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queued = tmp_path / "mine" / ".dvc" / "tmp" / "exps" / "tmpabc"
    queued.mkdir(parents=True)
    monkeypatch.chdir(queued)
    assert project.home() == tmp_path / "mine"
    assert project.scratch("x").is_relative_to(tmp_path / "mine" / ".dvc" / "tmp")
    monkeypatch.chdir(tmp_path / "mine")
    assert project.home() == tmp_path / "mine"
