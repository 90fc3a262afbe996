import pandas as pd
import pytest
from scipy.stats import spearmanr

from study import notebook
from study.families import families
from study.report import tables
from tests.study.results_made import result

OFFICIAL, POOLED = (f"{protocol}, 600 real images at 224 px" for protocol in ("official", "pooled"))


def ranked(images: str = "real", **accuracies: list[float]) -> tables.Rows:
    """The agreement of runs of the notebook's first settings with these accuracies by protocol."""
    runs = notebook.read_runs()
    results = [
        result(f"{run.run}-{protocol}", run.layers, run.learning_rate, accuracy=value, protocol=protocol, images=images)
        for protocol, values in accuracies.items()
        for run, value in zip(runs.itertuples(), values, strict=False)
    ]
    return tables.agreement(families(results), runs)


def test_the_order_of_accuracies_is_compared_by_rank() -> None:
    rows = {row["order of accuracies"]: row for row in ranked(official=[0.6, 0.7, 0.9], pooled=[0.96, 0.95, 0.94])}
    assert rows[OFFICIAL][OFFICIAL] == "+1.00"
    assert rows[OFFICIAL][POOLED] == rows[POOLED][OFFICIAL] == "-1.00"
    own = notebook.read_runs()["test_accuracy"][:3]
    expected = spearmanr(own, [0.96, 0.95, 0.94]).statistic
    assert float(rows["the study's notebook"][POOLED]) == pytest.approx(expected, abs=0.005)


def test_phantoms_have_no_rank_beside_the_notebook() -> None:
    *_, last = ranked("synthetic", official=[0.6, 0.7, 0.9], pooled=[0.96, 0.95, 0.94])
    assert set(last.values()) == {"the study's notebook", "-"}


@pytest.mark.parametrize("official", [[0.6, 0.7], [0.8, 0.8, 0.8]], ids=["two settings", "no order"])
def test_no_rank_is_made_up(official: list[float]) -> None:
    rows = {row["order of accuracies"]: row for row in ranked(official=official, pooled=[0.96, 0.95, 0.94])}
    assert rows[OFFICIAL][POOLED] == "-"


def test_the_notebooks_figure_stands_beside_its_own_network_on_radiographs_alone() -> None:
    runs = notebook.read_runs()
    layers, rate, accuracy = runs.iloc[0][["layers", "learning_rate", "test_accuracy"]]
    same, narrow, drawn = (result(name, layers, rate) for name in ("a", "b", "c"))
    narrow.params["model"]["filters"] = [16, 32]
    drawn.data["images"] = "synthetic"
    shown = [tables.performance(families([each])[0], runs)[0]["notebook's accuracy"] for each in (same, narrow, drawn)]
    assert shown == [f"{accuracy:.3f}", "-", "-"]


def test_runs_of_the_same_layers_and_rate_keep_a_row_each() -> None:
    results = [result(name, accuracy=accuracy, protocol="official") for name, accuracy in (("a", 0.8), ("b", 0.9))]
    results[1].params["train"]["batch_size"] = 64
    results.append(result("c", accuracy=0.7, protocol="pooled"))
    rows = pd.DataFrame(tables.protocols(families(results))).set_index("accuracy of")
    assert rows.loc["C-P-F-D, 0.0001 (a)", OFFICIAL].startswith("0.800")
    assert rows.loc["C-P-F-D, 0.0001 (b)", OFFICIAL].startswith("0.900")
    assert rows.loc["C-P-F-D, 0.0001", POOLED].startswith("0.700")


def test_several_seeds_show_their_spread_and_one_shows_none() -> None:
    results = [
        result("a", accuracy=0.8),
        result("a-1", accuracy=0.9, seed=1),
        result("b", accuracy=0.7, layers="P-F-D"),
    ]
    (family,) = families(results)
    two, one = tables.performance(family, notebook.read_runs())[:2]
    assert (two["seeds"], one["seeds"]) == ("2", "1")
    assert two["accuracy"].startswith("0.850 (")
    assert two["accuracy"].endswith("), sd 0.071")
    assert one["accuracy"].endswith(")")
    assert tables.protocols([family])[0][family.test_part] == two["accuracy"]
