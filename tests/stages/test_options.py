"""A stage does what each of its options says, alone with files made by hand: no option is the neutral one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.special import expit

from cxr.data.images import decode
from cxr.inference.explain import blanked, lung_field
from cxr.inference.predict import logits
from cxr.networks import network, training
from cxr.networks.model_file import save
from cxr.statistics import temperature
from cxr.vocabulary import ETIOLOGIES
from stages import evaluate, explain, train
from tests.conftest import Project
from tests.cxr.networks.conftest import model_params

N, SIZE = 60, 16
OPTIONS = {"is_square": True, "is_equalised": True, "shows": "frame"}


def test_images_are_square_equalised_and_show_what_they_are_told_to(project: Project) -> None:
    """One image wider than high, whose array differs where any of the three is left out."""
    raw = project.folder / "data" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 90, (40, 80), dtype=np.uint8)).save(raw / "one.png")
    (raw.parent / "manifest.csv").write_text("path\none.png\n")
    project.set_all({f"images.{key}": value for key, value in OPTIONS.items()})
    done = project.stage("images")
    assert done.returncode == 0, done.stderr
    (image,) = np.load(raw.parent / "images.npy")
    content = (raw / "one.png").read_bytes()
    np.testing.assert_array_equal(image, decode(content, SIZE, **OPTIONS))
    for left_out in OPTIONS:
        others = {key: value for key, value in OPTIONS.items() if key != left_out}
        assert not np.array_equal(image, decode(content, SIZE, **others)), left_out


@pytest.fixture
def split(project: Project, monkeypatch: pytest.MonkeyPatch) -> dict[str, pd.DataFrame]:
    """Images and the lists of three parts."""
    monkeypatch.chdir(project.folder)
    Path("data/split").mkdir(parents=True)
    rng = np.random.default_rng(0)
    np.save("data/images.npy", rng.integers(0, 256, (N, SIZE, SIZE)).astype(np.uint8))
    parts = {}
    for name, rows in zip(("train", "val", "test"), np.split(np.arange(N), 3), strict=True):
        # Half of them, and not as their row is even or odd.
        called = rng.permutation(rows % 2)
        etiology = np.where(called == 1, np.where(rows % 3, "virus", "bacteria"), "normal")
        table = {"row": rows, "path": rows, "patient_group": rows, "label": called, "etiology": etiology}
        parts[name] = pd.DataFrame(table)
        parts[name].to_csv(f"data/split/{name}.csv", index=False)
    Path("data/details").mkdir()
    Path("data/details/split.json").write_text(json.dumps({"protocol": "official"}))
    Path("data/details/data.json").write_text(json.dumps({"classes": ["NORMAL", "PNEUMONIA"]}))
    return parts


def test_evaluation_crops_flips_and_fits_its_temperature_on_validation(
    project: Project, split: dict[str, pd.DataFrame]
) -> None:
    params = model_params(dropout=0.0)
    model = network.build(params, SIZE, precision="float32", seed=0)
    images = np.load("data/images.npy")

    def seen(name: str, **options: Any) -> Any:
        return logits(model, images, split[name]["row"].to_numpy(), **options)

    # On both sides of 0, so that there is a temperature; validation is called more rightly than test.
    last = model.get_layer("logit")
    last.kernel.assign(last.kernel / np.std(seen("val")))
    last.bias.assign([-np.median(seen("val"))])
    for name, wrong in (("val", 4), ("test", 8)):
        order = np.argsort(seen(name, crop=0.7, flip=True))
        split[name]["label"] = (seen(name, crop=0.7, flip=True) > 0).astype(int)
        split[name].loc[order[::2][:wrong], "label"] ^= 1
        split[name].to_csv(f"data/split/{name}.csv", index=False)
    Path("models").mkdir()
    save(model, model, Path("models/model.keras"))
    project.set(evaluate__crop=0.7, evaluate__flip=True, evaluate__temperature="validation")
    evaluate.main()
    fitted = temperature.fit(split["val"]["label"], seen("val", crop=0.7, flip=True))
    assert json.loads(Path("data/details/test.json").read_text())["temperature"] == fitted
    assert fitted != pytest.approx(temperature.fit(split["test"]["label"], seen("test", crop=0.7, flip=True)))
    for name in ("val", "test"):
        stored = pd.read_csv(f"data/predictions/{name}.csv")["probability"]
        np.testing.assert_allclose(stored, expit(seen(name, crop=0.7, flip=True) / fitted), rtol=1e-12)
        for one_left_out in ({"crop": 0.7}, {"flip": True}):
            assert not np.allclose(stored, expit(seen(name, **one_left_out) / fitted), rtol=1e-6, atol=0)


@pytest.mark.slow
def test_pictures_are_explained_by_the_probabilities_of_the_evaluation(
    project: Project, split: dict[str, pd.DataFrame]
) -> None:
    model = network.build(
        model_params(layers="C-P-F-D", dense_units=16, dropout=0.0), SIZE, precision="float32", seed=0
    )
    images, table = np.load("data/images.npy"), split["test"]

    def predicted(some: Any, temperature: float = 2.0, **options: Any) -> Any:
        return expit(logits(model, some, np.arange(len(some)), **options) / temperature)

    probabilities = predicted(images[table["row"]], crop=0.7, flip=True)
    for name in ("models", "plots", "data/predictions"):
        Path(name).mkdir(exist_ok=True)
    save(model, model, Path("models/model.keras"))
    table.assign(probability=probabilities).to_csv("data/predictions/test.csv", index=False)
    pd.DataFrame({"path": range(N), "width": 30, "height": 20}).to_csv("data/manifest.csv", index=False)
    measured = {"threshold": float(np.median(probabilities)), "temperature": 2.0}
    Path("data/details/test.json").write_text(json.dumps(measured))
    Path("data/details/data.json").write_text(json.dumps({"classes": ["NORMAL", "PNEUMONIA"], "images": "real"}))
    project.set(evaluate__crop=0.7, evaluate__flip=True, explain__n_columns=2)
    explain.main()
    found = json.loads(Path("data/details/explain.json").read_text())
    called = images[table["row"]][probabilities >= measured["threshold"]]
    assert found["n_called_pneumonia"] == len(called) == 10
    whole, blank = called, blanked(called, lung_field(SIZE))

    def drop(**options: Any) -> float:
        return float((predicted(whole, **options) - predicted(blank, **options)).mean())

    assert found["probability_drop"]["lungs"] == pytest.approx(drop(crop=0.7, flip=True), rel=1e-4)
    for one_left_out in ({"crop": 0.7}, {"flip": True}, {"crop": 0.7, "flip": True, "temperature": 1.0}):
        assert drop(**one_left_out) != pytest.approx(drop(crop=0.7, flip=True), rel=1e-2)


class _TakenError(Exception):
    """Training was called, and need go no further."""


@pytest.mark.parametrize("target", ["pneumonia", "etiology"])
def test_training_is_given_the_labels_of_its_target_and_all_of_its_options(
    target: str, project: Project, split: dict[str, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    def take(*arguments: Any) -> Callable[[], None]:
        given.extend(arguments)
        raise _TakenError

    monkeypatch.setattr(training, "train", take)
    project.set(train__target=target, train__balance=True, train__label_smoothing=0.1, augment__flip=True)
    with pytest.raises(_TakenError):
        train.main()
    model, _, train_part, val_part, params, _, augment = given
    for name, part in (("train", train_part), ("val", val_part)):
        np.testing.assert_array_equal(part.rows, split[name]["row"])
        if target == "etiology":
            assert [ETIOLOGIES[label] for label in part.labels] == list(split[name]["etiology"])
        else:
            assert list(part.labels) == list(split[name]["label"])
    assert model.output_shape[-1] == (3 if target == "etiology" else 1)
    assert (params.target, params.balance, params.label_smoothing, augment.flip) == (target, True, 0.1, True)
