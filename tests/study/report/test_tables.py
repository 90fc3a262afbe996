import math
from typing import Any

import pytest
from scipy.stats import spearmanr

from cxr.statistics.estimate import Estimate
from study import notebook
from study.families import families
from study.report import records, tables
from study.report.cells import Cell, Row, Table, markdown
from study.results import Result
from tests.study import results_made
from tests.study.results_made import of_the_study

OFFICIAL, POOLED = (f"{protocol}, 600 real images at 224 px" for protocol in ("official", "pooled"))


def result(*arguments: Any, **figures: Any) -> Result:
    return of_the_study(results_made.result(*arguments, **figures))


def by_first(table: Table) -> dict[Cell, Row]:
    """The rows of a table by their first cell."""
    return {row.cells[table.titles[0]]: row for row in table.rows}


def ranked(images: str = "real", **accuracies: list[float]) -> dict[Cell, Row]:
    """The agreement of runs of the notebook's first settings with these accuracies by protocol."""
    runs = notebook.read_runs()
    results = [
        result(f"{run.run}-{protocol}", run.layers, run.learning_rate, accuracy=value, protocol=protocol, images=images)
        for protocol, values in accuracies.items()
        for run, value in zip(runs.itertuples(), values, strict=False)
    ]
    return by_first(tables.agreement(families(results), runs))


def test_the_order_of_accuracies_is_compared_by_rank() -> None:
    rows = ranked(official=[0.6, 0.7, 0.9], pooled=[0.96, 0.95, 0.94])
    assert rows[OFFICIAL].cells[OFFICIAL] == pytest.approx(1)
    assert rows[OFFICIAL].cells[POOLED] == rows[POOLED].cells[OFFICIAL] == pytest.approx(-1)
    theirs = notebook.read_runs()["test_accuracy"][:3]
    expected = spearmanr(theirs, [0.96, 0.95, 0.94]).statistic
    assert rows[tables.NOTEBOOK].cells[POOLED] == pytest.approx(expected)


def test_phantoms_have_no_rank_beside_the_notebook() -> None:
    rows = ranked("synthetic", official=[0.6, 0.7, 0.9], pooled=[0.96, 0.95, 0.94])
    assert tables.NOTEBOOK not in rows
    assert all(tables.NOTEBOOK not in row.cells for row in rows.values())


@pytest.mark.parametrize("official", [[0.6, 0.7], [0.8, 0.8, 0.8]], ids=["two settings", "no order"])
def test_no_rank_is_made_up(official: list[float]) -> None:
    rows = ranked(official=official, pooled=[0.96, 0.95, 0.94])
    assert list(rows) == [POOLED, tables.NOTEBOOK]
    assert all(OFFICIAL not in row.cells for row in rows.values())


def test_where_no_two_parts_have_an_order_there_is_no_table() -> None:
    assert ranked(official=[0.6, 0.7], pooled=[0.96, 0.95]) == {}


def test_the_notebooks_figure_stands_beside_its_own_network_on_its_own_images_alone() -> None:
    runs = notebook.read_runs()
    layers, rate, accuracy = runs.iloc[0][["layers", "learning_rate", "test_accuracy"]]
    same, narrow, drawn = (result(name, layers, rate) for name in ("a", "b", "c"))
    narrow.params["model"]["filters"] = [16, 32]
    drawn.data["images"] = "synthetic"
    (family,) = families([same, narrow])
    shown = {
        row.cells["run"]: row.cells.get("notebook's accuracy") for row in tables.performance(family, runs).rows[:2]
    }
    assert shown == {"a": accuracy, "b": None}
    for other in (drawn, results_made.result("c", layers, rate)):
        (family,) = families([other])
        assert "notebook's accuracy" not in tables.performance(family, runs).titles


def test_runs_of_the_same_layers_and_rate_keep_a_row_each() -> None:
    results = [result(name, accuracy=accuracy, protocol="official") for name, accuracy in (("a", 0.8), ("b", 0.9))]
    results[1].params["train"]["batch_size"] = 64
    results.append(result("c", accuracy=0.7, protocol="pooled"))
    rows = by_first(tables.protocols(families(results)))
    alike = rows["C-P-F-D, 1e-4 (a)"].cells
    assert alike[OFFICIAL].value == pytest.approx(0.8, abs=0.001)
    assert alike[POOLED].value == pytest.approx(0.7, abs=0.001)
    assert rows["b"].cells[OFFICIAL].value == pytest.approx(0.9, abs=0.001)
    assert POOLED not in rows["b"].cells
    *networks, _, _, _, thumbnail = rows.values()
    assert thumbnail.is_aside
    assert not any(row.is_aside for row in networks)


def test_in_how_many_trainings_the_validation_loss_rises_is_told() -> None:
    """One in which it does not is no reason to leave out when it does in the others."""
    of_each = {"C-F": (20, 23), "P-F": (20, None, 24), "F": (None, None)}
    runs = [
        result(f"{layers}-{seed}", layers, seed=seed, val_loss_rises_from=epoch)
        for layers, epochs in of_each.items()
        for seed, epoch in enumerate(epochs)
    ]
    [family] = families(runs)
    told = [row.cells["val loss rises from epoch"] for row in tables.fitting(family).rows]
    assert told == ["21.5", "22 (2 of 3)", "-"]
    numbers = records.configurations([family], notebook.read_runs()).head(3)
    assert numbers["n_seeds_val_loss_rises"].tolist() == [2, 2, 0]
    assert numbers["train_val_loss_rises_from"].tolist() == pytest.approx([21.5, 22, math.nan], nan_ok=True)


def test_a_column_is_what_its_title_says() -> None:
    train = {"seconds": 11.0, "images_per_second": 22.0, "peak_memory_mib": 33.0, "loss": 0.44, "val_loss": 0.55}
    [family] = families([result("a", accuracy=0.8, **train), result("b", "P-F")])
    estimates = family.configurations[0].estimates
    performance = tables.performance(family, notebook.read_runs()).rows[0].cells
    for name in ("accuracy", "auroc", "sensitivity", "specificity"):
        assert performance[name] == estimates[name]
    balanced = tables.balanced(family).rows[0].cells
    assert balanced["balanced accuracy"] == estimates["balanced_accuracy"]
    assert balanced["Matthews' coefficient"] == estimates["mcc"]
    assert len({one.value for one in estimates.values()}) == len(estimates), "no two of them are the same"
    cost, fitting = tables.cost(family).rows[0].cells, tables.fitting(family).rows[0].cells
    assert [cost[title] for title in ("seconds", "images per second", "peak memory, MiB")] == [11, 22, 33]
    assert [fitting[title] for title in ("training loss", "validation loss", "test loss")] == [0.44, 0.55, 0.4]
    [pair], [record] = family.pairs, records.pairs([family]).to_dict("records")
    compared = pair.comparison
    assert (record["first"], record["second"]) == ("a", "b")
    assert record["only_first_right"] == compared.n_only_first_right != compared.n_only_second_right
    assert record["only_second_right"] == compared.n_only_second_right
    assert (record["accuracy"], record["auroc"]) == (compared.accuracy.estimate.value, compared.auroc.estimate.value)
    assert (record["accuracy_p"], record["auroc_p"]) == (compared.accuracy.p, compared.auroc.p)


def test_the_numbers_have_each_parameter_that_differs() -> None:
    """One of a user's own had no column anywhere but in DVC's table."""
    runs = [result("old"), result("new", seed=3), result("pooled", protocol="pooled"), result("more", learning_rate=1)]
    for run, directory in zip(runs, ("/home/me/images", "images", "images", "images"), strict=True):
        run.params["data"]["directory"] = directory
        run.params["model"]["dropout"] = 0 if run.name == "more" else 0.0
    runs[1].params["train"]["clipnorm"] = 1.5
    numbers = records.configurations(families(runs), notebook.read_runs()).set_index("run")
    assert [name for name in numbers if "." in name] == ["split.protocol", "train.clipnorm"]
    assert numbers.loc["new", "train.clipnorm"] == 1.5
    assert numbers.loc[["old", "pooled", "majority"], "train.clipnorm"].isna().all()
    assert numbers.loc["pooled", "split.protocol"] == "pooled"


@pytest.mark.parametrize(
    ("flops", "told"),
    [(2_351_600_000, "2,352"), (12_300_000, "12"), (2_000_000, "2"), (1_260, "0.0013"), (math.nan, "-")],
)
def test_the_cost_of_a_tiny_network_is_not_0(flops: float, told: str) -> None:
    [family] = families([result("a", flops_per_image=flops)])
    table = tables.cost(family)
    assert table.texts(table.rows[0])[table.titles.index("MFLOPs per image")] == told


def test_several_seeds_show_their_spread_and_one_shows_none() -> None:
    results = [
        result("a", accuracy=0.8),
        result("a-1", accuracy=0.9, seed=1),
        result("b", accuracy=0.7, layers="P-F-D"),
    ]
    (family,) = families(results)
    table = tables.performance(family, notebook.read_runs())
    two, one = (dict(zip(table.titles, table.texts(row), strict=True)) for row in table.rows[:2])
    assert (two["seeds"], one["seeds"]) == ("2", "1")
    assert two["accuracy"].startswith("0.850 (")
    assert two["accuracy"].endswith("), sd 0.071")
    assert one["accuracy"].endswith(")")
    assert tables.protocols([family]).rows[0].cells[family.test_part] == table.rows[0].cells["accuracy"]


def test_numbers_become_text_when_a_table_is_drawn() -> None:
    forms = {"what": "", "number": ".2f", "estimate": "+.1f", "count": ",d"}
    first = Row({"what": "a|b", "number": 0.123, "estimate": Estimate(0.5, -1, 1, 0.2), "count": 1234})
    second = Row({"what": "nothing", "number": math.nan, "count": None}, is_aside=True)
    heading, line, *rows = markdown(Table(forms, [first, second])).splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in (heading, *rows)]
    assert cells == [
        list(forms),
        ["a\\|b", "0.12", "+0.5 (-1.0 to +1.0), sd +0.2", "1,234"],
        ["*nothing*", "-", "-", "-"],
    ]
    assert set(line) == {"|", "-"}
