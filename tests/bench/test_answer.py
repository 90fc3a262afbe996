from pathlib import Path

import pandas as pd
import pytest

from bench import answer
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


def test_a_step_of_the_recipe_is_timed_with_and_without_augmentation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer.floor, "measure", lambda: answer.floor.Machine("float32", 1e12, 1e10, 4))
    values = pd.DataFrame(answer._steps(n_steps=2, n_rounds=1)).set_index("what")["value"]
    assert (values.drop("augmentation's share of it") > 0).all()
    assert values["augmentation's share of it"] < 1
