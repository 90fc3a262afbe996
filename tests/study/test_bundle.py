"""A finished experiment put to use: bundled, and predicting files as the pipeline predicted its test part."""

import json
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxr.statistics import metrics
from study.shifts import METRICS
from tests.conftest import Project

pytestmark = pytest.mark.slow

# Whatever prepares images or makes probabilities of what a network says, otherwise than by default; and a network
# that tells images apart.
OPTIONS = {
    "images.is_square": "true",
    "images.is_equalised": "true",
    "model.architecture": "residual",
    "model.filters": "[4,8]",
    "train.epochs": "5",
    "train.learning_rate": "1e-2",
    "train.target": "etiology",
    "train.averaging": "0.5",
    "evaluate.crop": "0.88",
    "evaluate.flip": "true",
    "evaluate.temperature": "validation",
    "evaluate.threshold": "youden",
}


@pytest.fixture(scope="module")
def project(applied: Project) -> Project:
    """A tiny project with a finished experiment in its work tree, bundled."""
    applied.ok("python", "-m", "study.bundle", "layers-1", "--out", "plain.keras")
    return applied


@dataclass(frozen=True)
class Predict:
    """`python -m cxr.predict` in a project, in this process, where Keras is loaded already."""

    project: Project

    def told(self, *words: str) -> str:
        """What it says on stderr, its error included."""
        return self.project.here("cxr.predict", *words).stderr

    def table(self, *words: str) -> pd.DataFrame:
        assert "error: " not in self.told(*words, "--csv", "out.csv")
        return pd.read_csv(self.project.folder / "out.csv", keep_default_na=False)


@pytest.fixture
def predict(project: Project) -> Predict:
    return Predict(project)


def test_the_test_images_get_the_stored_probabilities_to_the_last_digit(predict: Predict) -> None:
    agree_with_the_pipeline(predict)


def test_so_they_do_with_every_option_that_changes_them(project: Project, tmp_path: Path) -> None:
    other = project.copy(tmp_path / "other")
    changes = [word for key, value in OPTIONS.items() for word in ("-S", f"{key}={value}")]
    other.ok("dvc", "exp", "run", "-n", "other", *changes)
    assert other.here("study.bundle", "other", "--out", "plain.keras").returncode == 0
    agree_with_the_pipeline(Predict(other))
    assert other.here("study.shifts", "other", "--strengths", "1").returncode == 0
    shifts = pd.read_csv(other.folder / "shifts.csv").set_index("shift")
    val = pd.read_csv(other.folder / "data/predictions/val.csv")
    labels, probabilities = val["label"].to_numpy(), val["probability"].to_numpy()
    expected = metrics.of_probabilities(labels, probabilities) | metrics.at_threshold(labels, probabilities, 0.5)
    as_it_is = shifts.loc["none"]
    assert [as_it_is[key] for key in METRICS] == pytest.approx([expected[key] for key in METRICS])
    assert as_it_is["loss"] != pytest.approx(shifts.loc["gaussian_noise", "loss"])


def agree_with_the_pipeline(predict: Predict) -> None:
    project = predict.project
    stored = pd.read_csv(project.folder / "data/predictions/test.csv")
    assert stored["probability"].nunique() > len(stored) / 2, "the network tells images apart"
    # Another order and number of images than the pipeline's.
    some = stored.sample(frac=0.6, random_state=0)
    found = predict.table("plain.keras", *(f"data/raw/{path}" for path in some["path"]))
    assert list(found["calibrated"]) == list(some["probability"])
    threshold = json.loads((project.folder / "data/details/test.json").read_text())["threshold"]
    assert list(found["decision"] == "PNEUMONIA") == list(some["probability"] >= threshold)


def test_a_folder_in_kaggles_layout_is_measured_too(project: Project, predict: Predict) -> None:
    told = predict.told("plain.keras", "data/raw/test", "--json", "out.json")
    assert told.startswith("plain.keras: trained on synthetic phantoms, it says nothing of real radiographs\n")
    assert "error: " not in told
    rows = json.loads((project.folder / "out.json").read_text())
    figures = json.loads((project.folder / "data/details/test.json").read_text())
    assert len(rows) == figures["n_images"]
    assert f"accuracy {figures['accuracy']:.3f} (" in told


def test_labels_from_a_file_a_wrong_one_named_by_its_line(project: Project, predict: Predict) -> None:
    paths = [f"data/raw/{path}" for path in pd.read_csv(project.folder / "data/predictions/test.csv")["path"]][:10]
    labels = pd.DataFrame({"path": paths, "label": [i % 2 for i in range(10)], "patient_group": ["one"] * 10})
    labels.to_csv(project.folder / "labels.csv", index=False)
    words = ("plain.keras", *paths, "--labels", "labels.csv")
    assert "error: all labelled images of one class are of one patient" in predict.told(*words)
    labels.assign(patient_group=[f"{i // 5}" for i in range(10)]).to_csv(project.folder / "labels.csv", index=False)
    assert "10 images of 2 patients: accuracy " in predict.told(*words)
    labels.assign(label=["NORMAL", "maybe", *["PNEUMONIA"] * 8]).to_csv(project.folder / "labels.csv", index=False)
    last = predict.told(*words).splitlines()[-1]
    assert last.startswith("error: labels.csv, line 3: label 'maybe' is none of NORMAL")


def test_bad_files_are_named_and_the_others_are_done(project: Project) -> None:
    folder = project.folder / "mixed"
    folder.mkdir()
    good = sorted((project.folder / "data/raw/test/NORMAL").iterdir())[0]
    shutil.copy(good, folder / "good.jpeg")
    (folder / "cut.jpeg").write_bytes(good.read_bytes()[:200])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.dcm").write_text("no radiograph")
    done = project.run("python", "-m", "cxr.predict", "plain.keras", "mixed", "--csv", "out.csv")
    assert done.returncode == 1
    assert list(pd.read_csv(project.folder / "out.csv")["path"]) == ["mixed/good.jpeg"]
    told = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert [line.split(":")[1].strip() for line in told[:-1]] == ["mixed/cut.jpeg", "mixed/empty.png", "mixed/text.dcm"]
    assert told[-1] == "error: 3 of 4 files could not be read; the others are done"
    assert "Traceback" not in done.stderr


def test_pictures_of_another_kind_are_warned_of(project: Project, predict: Predict) -> None:
    folder = project.folder / "foreign"
    folder.mkdir()
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (60, 60), dtype=np.uint8)).save(folder / "noise.png")
    Image.fromarray(np.full((60, 60), 255, np.uint8)).save(folder / "white.png")
    with Image.open(sorted((project.folder / "data/raw/test/NORMAL").iterdir())[0]) as image:
        Image.fromarray(255 - np.asarray(image.convert("L"))).save(folder / "inverted.png")
    assert predict.table("plain.keras", "foreign")["warnings"].str.startswith("unlike the training images").all()
    # Its limits are those of so few validation images that they are near the farthest of them.
    assert (predict.table("plain.keras", "data/raw/train")["warnings"] == "").mean() > 0.8


def test_saliency_is_drawn_for_each_image(project: Project, predict: Predict) -> None:
    predict.table("plain.keras", "data/raw/val", "--saliency", "maps")
    n_images = sum(path.is_file() for path in (project.folder / "data/raw/val").rglob("*"))
    assert len(list((project.folder / "maps").glob("*.png"))) == n_images


def test_a_bundle_is_whole_and_says_what_it_is(project: Project) -> None:
    with zipfile.ZipFile(project.folder / "plain.keras") as archive:
        description = json.loads(archive.read("cxr/bundle.json"))
    assert description["metrics"]["accuracy_low"] <= description["metrics"]["accuracy"]
    assert description["params"]["images"]["size"] == 16
    first = (project.folder / "plain.keras").read_bytes()
    assert project.here("study.bundle", "layers-1", "--out", "again.keras").returncode == 0
    assert (project.folder / "again.keras").read_bytes() == first


@pytest.mark.parametrize("kind", ["cut", "text", "model", "missing"])
def test_what_is_no_bundle_is_refused_in_one_line(kind: str, project: Project, predict: Predict) -> None:
    path = project.folder / f"{kind}.keras"
    match kind:
        case "cut":
            path.write_bytes((project.folder / "plain.keras").read_bytes()[:-2000])
        case "text":
            path.write_text("no bundle")
        case "model":
            shutil.copy(project.folder / "models/model.keras", path)
    told = predict.told(path.name, "data/raw/val")
    assert told.splitlines()[-1].startswith(f"error: {path.name} ")
    assert "Traceback" not in told
