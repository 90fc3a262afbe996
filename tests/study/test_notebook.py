import pandas as pd

from stages.project import read_yaml
from study import notebook
from study.results import SETTINGS
from study.run import grid
from tests.conftest import ROOT


def test_the_notebooks_figures_are_complete() -> None:
    runs, history = notebook.read_runs(), notebook.read_history()
    assert set(history["run"]) == set(runs["run"])
    assert (history.groupby("run")["epoch"].max() == 30).all()
    assert isinstance(runs, pd.DataFrame)


def test_study_yaml_is_the_notebooks_study_whatever_params_yaml_begins_with() -> None:
    """A default that changes in params.yaml is pinned in `params` of study.yaml: the study stays what it is."""
    runs = grid.load(ROOT / "study.yaml", read_yaml(ROOT / "params.yaml"), {})
    changed = {
        f"{section}.{key}: {run.params[section][key]}, in the study {value}"
        for run in runs
        for section, values in SETTINGS.items()
        for key, value in values.items()
        if run.params[section][key] != value
    }
    assert not changed
    theirs = notebook.read_runs().set_index("run")
    ours = {run.name: (run.params["model"]["layers"], run.params["train"]["learning_rate"]) for run in runs}
    assert ours == {name: (row["layers"], row["learning_rate"]) for name, row in theirs.iterrows()}
