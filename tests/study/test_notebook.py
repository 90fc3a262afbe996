import pandas as pd

from study import notebook


def test_the_notebooks_figures_are_complete() -> None:
    runs, history = notebook.read_runs(), notebook.read_history()
    assert set(history["run"]) == set(runs["run"])
    assert (history.groupby("run")["epoch"].max() == 30).all()
    assert isinstance(runs, pd.DataFrame)
