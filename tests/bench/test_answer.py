import pandas as pd
import pytest

from bench import answer
from study import results


def test_hours_of_the_study_and_the_way_of_each_kept_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "_steps", list)
    table = answer.measure()
    hours = table.query("unit == 'hours of training'").groupby("from")["value"].apply(list)
    assert len(hours) >= 1
    assert all(ours < notebook for notebook, ours in hours)
    epochs = table.query("unit == 'epochs'")
    assert len(epochs) == len(results.kept(answer.KEPT))
    assert epochs["value"].between(1, 100).all()


def test_a_step_of_the_recipe_is_timed_with_and_without_augmentation(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"N_STEPS": 2, "N_ROUNDS": 1}.items():
        monkeypatch.setattr(answer, name, value)
    monkeypatch.setattr(answer.floor, "measure", lambda: answer.floor.Machine("float32", 1e12, 1e10, 4))
    values = pd.DataFrame(answer._steps()).set_index("what")["value"]
    assert (values.drop("augmentation's share of it") > 0).all()
    assert values["augmentation's share of it"] < 1
