"""A table of the user's, with classes and file names of its own, from the images to the report and to use."""

import csv
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import Project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(make_dvc_project: Callable[[], Project], kaggle_folder: Path) -> Project:
    """A tiny project whose images a table names, with one finished experiment."""
    made = make_dvc_project()
    rows = []
    for number, path in enumerate(sorted(kaggle_folder.rglob("*.jpeg"))):
        part, class_name, _ = path.relative_to(kaggle_folder).parts
        name = f"scan {number % 7}/{number * 37 % 101}.jpg"
        (made.folder / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, made.folder / "mine" / name)
        label = "0" if class_name == "NORMAL" else "TB, active"
        rows.append([name, label, f"{number // 2:03d}", part, "fixed" if number % 3 else "NA"])
    with (made.folder / "mine" / "images.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "label", "patient", "part", "acquisition"], *rows])
    with (made.folder / ".gitignore").open("a") as ignored:
        ignored.write("/mine\n")
    made.set(data__source="table", data__table=str(made.folder / "mine/images.csv"), data__positive="TB, active")
    made.set(split__protocol="grouped")
    made.commit("our own images")
    made.ok("dvc", "exp", "run", "-n", "mine")
    return made


def test_the_report_names_the_tables_classes_and_no_path_of_this_machine(project: Project) -> None:
    project.ok("python", "-m", "study.keep", "kept", "mine")
    kept = (project.folder / "kept/mine/params.yaml").read_text()
    assert "table: images.csv" in kept
    assert str(project.folder) not in kept
    project.ok("python", "-m", "study.report", "--kept", "kept")
    text = (project.folder / "report/report.md").read_text()
    assert "TB, active called 0" in text
    assert "Observed frequency of TB, active by predicted probability" in text
    assert "Patients are those of the table" in text
    assert "acquisition, as the table names it" in text
    assert "PNEUMONIA" not in text
    assert "Tested on grouped, " in project.ok("python", "-m", "study.table")


def test_patients_of_the_table_stay_together_and_007_is_not_7(project: Project) -> None:
    parts = [pd.read_csv(project.folder / f"data/split/{name}.csv") for name in ("train", "val", "test")]
    groups = [set(part["patient_group"]) for part in parts]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 40
    assert "patient 007" in set.union(*groups)


def test_it_predicts_the_tables_images_under_its_own_names(project: Project) -> None:
    project.ok("python", "-m", "study.bundle", "mine", "--out", "mine.keras")
    stored = pd.read_csv(project.folder / "data/predictions/test.csv")
    names = [f"mine/{path}" for path in stored["path"]]
    labels = pd.DataFrame({"path": names, "label": stored["label"].map({0: "0", 1: "TB, active"})})
    labels.to_csv(project.folder / "labels.csv", index=False)
    words = ["python", "-m", "cxr.predict", "mine.keras", *names, "--csv", "out.csv", "--labels", "labels.csv"]
    done = project.run(*words)
    assert done.returncode == 0, done.stderr
    assert not re.search(r"[IWEF]\d{4} ", done.stderr), "no line of TensorFlow's log"
    found = pd.read_csv(project.folder / "out.csv")
    assert list(found["calibrated"]) == list(stored["probability"])
    assert set(found["decision"].astype(str)) <= {"0", "TB, active"}
    assert f"{len(stored)} images, each counted as a patient of its own: accuracy " in done.stderr


def test_a_wrong_row_stops_a_study_before_anything_is_queued(project: Project) -> None:
    table = project.folder / "mine/images.csv"
    text = table.read_text()
    try:
        table.write_text(text + "gone.png,0,1,train,fixed\n")
        done = project.run("python", "-m", "study.run", "study.yaml")
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].endswith("line 82: gone.png is no file")
        assert "1 things cannot be used" in done.stderr
    finally:
        table.write_text(text)
