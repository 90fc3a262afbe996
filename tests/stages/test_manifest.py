"""Files that are no good images are named, all at once."""

from pathlib import Path

import pytest

from tests.conftest import Project
from tests.stages.conftest import error_of, leftovers, ok, use_folder

pytestmark = pytest.mark.slow


def test_all_bad_files_are_listed_at_once(project: Project, kaggle_folder: Path) -> None:
    folder = use_folder(project, kaggle_folder)
    normal = sorted((folder / "train" / "NORMAL").iterdir())
    normal[0].write_bytes(b"")
    normal[1].write_bytes(normal[1].read_bytes()[:-100])
    normal[2].write_text("no image")
    normal[3].rename(folder / "train" / "PNEUMONIA" / normal[3].name)
    ok(project, "download")
    told = error_of(project.stage("manifest"))
    assert "4 of 80 files" in told
    for path, reason in zip(normal[:4], ("empty file", "truncated", "not an image", "mislabelled"), strict=True):
        assert path.name in told
        assert reason in told
    assert not (project.folder / "data" / "manifest.csv").exists()
    assert leftovers(project) == []


def test_of_many_bad_files_ten_are_shown_and_all_are_in_a_file(project: Project, kaggle_folder: Path) -> None:
    folder = use_folder(project, kaggle_folder)
    bad = sorted((folder / "train").rglob("*.jpeg"))[:30]
    for path in bad:
        path.write_bytes(b"")
    ok(project, "download")
    told = error_of(project.stage("manifest"))
    assert told.count("empty file") == 10
    listed = project.folder / ".dvc" / "tmp" / "cxr" / "problems" / "manifest.txt"
    assert told.endswith(f"; and 20 more, all in {listed}")
    assert listed.read_text() == "".join(f"{path.relative_to(folder)} (empty file)\n" for path in bad)


def test_missing_images_are_noticed(project: Project) -> None:
    ok(project, "download")
    next((project.folder / "data" / "raw" / "train" / "NORMAL").iterdir()).unlink()
    assert "phantom should give" in error_of(project.stage("manifest"))
