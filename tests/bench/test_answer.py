from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench import answer, networks
from cxr.networks.residual import NormalisedConvolution
from study import results
from study.notebook import read_runs


def test_hours_of_the_study_and_the_way_of_each_kept_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "_steps", list)
    table = answer.measure()
    hours = table.query("unit == 'hours of training'").groupby("from")
    assert len(hours) >= 1
    for _, machine in hours:
        of_way = machine.set_index(machine["what"].str.split(", ").str[-1])["value"]
        assert 0 < of_way["ours"] < of_way["notebook"]
    epochs = table.query("unit == 'epochs'")
    assert len(epochs) == len(results.kept(answer.KEPT))
    assert epochs["value"].between(1, 100).all()


def test_hours_of_a_machine_without_the_notebooks_way_and_none_where_a_stack_is_missing(tmp_path: Path) -> None:
    layers = read_runs()["layers"].unique()
    speeds = {"layers": [*layers, "residual-2", *layers[1:]], "images_per_second": 1000.0}
    ways = {"way": ["ours"] * (len(layers) + 1) + ["torch_float32"] * (len(layers) - 1)}
    pd.DataFrame(speeds | ways).to_csv(tmp_path / "training.csv")
    ours, missing = answer._studies(tmp_path)
    assert ours["what"] == "the study's 8 runs at 224 pixels, ours"
    assert ours["value"] == pytest.approx(8 * 30 * answer.N_TRAINING_IMAGES / 1000 / 3600)
    assert pd.isna(missing["value"])


def test_a_step_of_the_recipe_is_timed_with_and_without_augmentation_and_normalisation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = networks.reference()
    small["model"]["filters"], small["images"]["size"] = [4, 8], 32
    monkeypatch.setattr(networks, "reference", lambda: small)
    monkeypatch.setattr(answer.floor, "measure", lambda: answer.floor.Machine("float32", 1e12, 1e10, 4))
    table = pd.DataFrame(answer._steps(n_steps=2, n_rounds=1))
    shares = table.query("unit == 'share'").set_index("what")["value"]
    assert (table.query("unit == 'milliseconds'")["value"] > 0).all()
    assert len(shares) == 4
    assert (shares < 1).all()


def test_the_network_with_batch_normalisation_has_it_after_every_convolution() -> None:
    network = "residual-4-8"
    model = networks.compiled(network, 32)
    normalised = answer._with(answer._batch_normalised, model, network)
    bare = answer._with(answer._convolution, model, network)
    image = np.zeros((1, 32, 32, 1), np.uint8)
    assert normalised(image).shape == bare(image).shape == model(image).shape
    n_convolutions = sum(isinstance(layer, NormalisedConvolution) for layer in model.layers)
    # Of each convolution: a kernel and a bias; a kernel, scale, shift and two running statistics; kernel, gain, bias.
    n_others = len(model.weights) - 3 * n_convolutions
    assert len(bare.weights) == n_others + 2 * n_convolutions
    assert len(normalised.weights) == n_others + 5 * n_convolutions
