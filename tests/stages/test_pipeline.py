"""The whole pipeline through real DVC: what runs again, and what does not."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import Project, Study

pytestmark = pytest.mark.slow


def test_a_wrong_layer_stops_an_experiment_before_anything_is_downloaded(
    make_dvc_project: Callable[[], Project],
) -> None:
    project = make_dvc_project()
    done = project.run("dvc", "exp", "run", "-S", "model.layers=C-P-X-F-D")
    assert done.returncode != 0
    assert "error: model.layers 'C-P-X-F-D': 'X' is no layer" in done.stderr
    assert stages_run(done.stdout) == ["check"]
    assert not (project.folder / "data" / "raw").exists()


@pytest.fixture(scope="module")
def project(study: Study) -> Project:
    """A tiny project that has been reproduced once, each stage from the run cache: layers-1 has its parameters."""
    assert stages_run(study.project.ok("dvc", "repro")) == []
    study.project.commit("first run")
    return study.project


def stages_run(output: str) -> list[str]:
    return re.findall(r"^Running stage '(\w+)':", output, re.MULTILINE)


def read(project: Project, name: str) -> dict:
    return json.loads((project.folder / name).read_text())


def test_every_promised_file_is_there(project: Project) -> None:
    columns = {
        "data/manifest.csv": "path,official_split,label,etiology,patient_group,width,height,mode,bytes,jpeg_quality,"
        "sha256,duplicate_of",
        "plots/history.csv": "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds",
        "data/predictions/val.csv": "path,patient_group,label,probability",
        "data/predictions/test.csv": "path,patient_group,label,probability",
    }
    for name, header in columns.items():
        assert (project.folder / name).read_text().splitlines()[0] == header
    train = read(project, "data/details/train.json")
    assert {"parameters", "epochs", "seconds", "images_per_second", "loss", "val_loss", "loss_gap"} <= set(train)
    assert {"precision", "device", "backend", "accuracy", "val_accuracy"} <= set(train)
    assert set(train["versions"]) == {"keras", "tensorflow", "numpy"}
    assert read(project, "data/details/data.json")["images"] == "synthetic"
    test = read(project, "data/details/test.json")
    assert test["protocol"] == "official"
    assert test["n_images"] == len(pd.read_csv(project.folder / "data/predictions/test.csv"))
    audit = {
        name: found["accuracy"]
        for name, found in read(project, "data/details/shortcuts.json").items()
        if isinstance(found, dict)
    }
    assert {"majority", "thumbnail"} < set(audit)
    assert read(project, "metrics/audit.json") == {"best_without_lungs": max(audit.values())}
    for name in ("test", "train"):
        assert read(project, f"metrics/{name}.json").items() <= read(project, f"data/details/{name}.json").items()
    assert project.ok("git", "status", "--short") == ""


def test_nothing_changed_nothing_runs(project: Project) -> None:
    assert stages_run(project.ok("dvc", "repro")) == []


def test_a_learning_rate_runs_training_and_later_and_going_back_trains_nothing(project: Project) -> None:
    before = read(project, "metrics/test.json")
    ran = project.run("dvc", "exp", "run", "-n", "rate", "-S", "train.learning_rate=0.00001")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    there = ran.stdout
    assert "WARNING" not in there + ran.stderr
    assert "GLIBC_TUNABLES" not in there + ran.stderr
    assert stages_run(there) == ["check", "train", "evaluate"]
    assert read(project, "metrics/test.json") != before
    back = project.ok("dvc", "exp", "run", "-n", "back", "-S", "train.learning_rate=0.0001")
    assert stages_run(back) == []
    assert read(project, "metrics/test.json") == before


def test_the_bootstrap_runs_evaluate_alone(project: Project) -> None:
    model = (project.folder / "models/model.keras").read_bytes()
    assert stages_run(project.ok("dvc", "exp", "run", "-n", "seed", "-S", "evaluate.seed=1")) == ["check", "evaluate"]
    assert (project.folder / "models/model.keras").read_bytes() == model


def test_the_size_is_part_of_what_the_run_cache_remembers(project: Project) -> None:
    there = project.ok("dvc", "exp", "run", "images", "-n", "size", "-S", "images.size=20", "-S", "evaluate.seed=0")
    assert stages_run(there) == ["check", "images"]
    assert stages_run(project.ok("dvc", "exp", "run", "-n", "size-back", "-S", "images.size=16")) == []


def test_a_missing_key_and_a_failed_stage_keep_what_was_there(project: Project) -> None:
    done = project.run("dvc", "exp", "run", "-n", "bad", "-S", "model.layers=C-X", "-S", "evaluate.seed=0")
    assert done.returncode != 0
    assert "error: model.layers 'C-X': 'X' is no layer" in done.stdout + done.stderr
    after = project.ok("dvc", "exp", "run", "-n", "good", "-S", "model.layers=C-P-F-D")
    assert stages_run(after) == []
    assert read(project, "data/details/test.json")["n_images"] > 0


def test_a_changed_folder_is_taken_in_by_its_revision(
    make_dvc_project: Callable[[], Project], kaggle_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(kaggle_folder, folder)
    project = make_dvc_project()
    project.set(data__source="directory", data__directory=str(folder))
    assert stages_run(project.ok("dvc", "repro", "manifest")) == ["check", "download", "manifest"]
    next((folder / "train" / "NORMAL").iterdir()).unlink()
    assert stages_run(project.ok("dvc", "repro", "manifest")) == []
    project.set(data__revision=1)
    assert stages_run(project.ok("dvc", "repro", "manifest")) == ["check", "download", "manifest"]
    assert read(project, "data/details/data.json")["n_images"] == 79
    assert read(project, "data/details/data.json")["images"] == "real"
