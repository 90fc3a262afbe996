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


def test_two_spellings_of_a_patient_are_refused(project: Project, kaggle_folder: Path) -> None:
    """As two patients they could stand in training and test."""
    folder = use_folder(project, kaggle_folder)
    project.set(data__patient="(.+)_.+")
    names = {}
    for number, path in enumerate(sorted(folder.rglob("*.jpeg"))):
        names[number] = path.with_name(f"Pat{number // 2}_{number}.jpeg" if number else "PAT0_0.jpeg")
        path.rename(names[number])
    ok(project, "download")
    told = error_of(project.stage("manifest"))
    first, second = (names[number].relative_to(folder) for number in (0, 1))
    assert f"1 patients are spelled in more than one way: {first} and {second}; rename the files" in told
    assert not (project.folder / "data" / "manifest.csv").exists()
    names[0].rename(names[0].with_name("Pat0_0.jpeg"))
    ok(project, "download", "manifest")


def test_what_is_hidden_in_data_raw_is_left_out_and_what_is_foreign_there_is_named(project: Project) -> None:
    ok(project, "download", "manifest")
    table = (project.folder / "data" / "manifest.csv").read_text()
    raw = project.folder / "data" / "raw"
    for folder in (raw, raw / "train", raw / "train" / "NORMAL"):
        (folder / ".DS_Store").touch()
    ok(project, "manifest")
    assert (project.folder / "data" / "manifest.csv").read_text() == table
    (raw / "notes.txt").touch()
    assert error_of(project.stage("manifest")) == (
        "error: data/raw holds 1 files that download did not bring: notes.txt; move them elsewhere"
    )


def test_of_a_table_every_image_is_in_the_manifest_and_no_other_file(project: Project, kaggle_folder: Path) -> None:
    folder = use_folder(project, kaggle_folder)
    names = [".1.jpeg", *(f"{i}.jpeg" for i in range(2, 7))]
    for name, path in zip(names, folder.rglob("*.jpeg"), strict=False):
        path.rename(folder / name)
    rows = [f"{name},{'well' if i % 2 else 'covid'},{i}" for i, name in enumerate(names)]
    (folder / "images.csv").write_text("\n".join(["path,label,patient", *rows]))
    project.set(data__source="table", data__directory=None, data__table="mine/images.csv", data__positive="covid")
    ok(project, "download")
    raw = project.folder / "data" / "raw"
    (raw / ".DS_Store").touch()
    ok(project, "manifest")
    assert (project.folder / "data" / "manifest.csv").read_text().count("\n") == 7
    (raw / "9.jpeg").touch()
    assert "data/raw holds 1 files that download did not bring: 9.jpeg;" in error_of(project.stage("manifest"))
    (raw / "9.jpeg").unlink()
    (raw / "3.jpeg").unlink()
    assert error_of(project.stage("manifest")) == (
        "error: data/raw lacks 1 of the table's images: 3.jpeg; run `dvc repro -f download`"
    )
