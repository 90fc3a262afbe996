import math
from typing import Any

import pandas as pd
import pytest

from cxr.statistics.comparison import holm
from study import notebook
from study.families import families
from study.report.conclusions import FAILS, HOLDS, UNKNOWN, conclusions, not_run
from tests.study.results_made import result

RUNS = notebook.read_runs()


def study(changes: dict[str, dict[str, Any]] | None = None, without: tuple[str, ...] = (), **common: Any) -> list[Any]:
    """All eight runs, alike but for `changes` by name."""
    return [
        result(run.run, run.layers, run.learning_rate, **{**common, **(changes or {}).get(run.run, {})})
        for run in RUNS.itertuples()
        if run.run not in without
    ]


def verdicts(*arguments: Any, **common: Any) -> list[list[str]]:
    [family] = families(study(*arguments, **common))
    return [[part.verdict for part in each.parts] for each in conclusions(family, RUNS)]


@pytest.mark.parametrize(("accuracy", "expected"), [(0.97, HOLDS), (0.9, UNKNOWN), (0.8, FAILS)])
def test_good_accuracy_is_decided_by_the_interval(accuracy: float, expected: str) -> None:
    assert verdicts({"layers-2": {"accuracy": accuracy}})[0][0] == expected


@pytest.mark.parametrize(("speed", "expected"), [(80.0, HOLDS), (52.0, UNKNOWN), (30.0, FAILS)])
def test_least_time_needs_a_margin(speed: float, expected: str) -> None:
    assert verdicts({"layers-2": {"images_per_second": speed}})[0][1] == expected


@pytest.mark.parametrize(
    ("ones", "threes", "expected"),
    [
        ([0.70, 0.71], [0.90, 0.91], HOLDS),
        ([0.70], [0.90], UNKNOWN),
        ([0.70, 0.71], [0.90], UNKNOWN),
        ([0.70, 0.89], [0.90, 0.91], UNKNOWN),
        ([0.90, 0.91], [0.90, 0.91], UNKNOWN),
    ],
    ids=["images and seeds", "a seed each", "a seed of one", "seeds disagree", "no difference"],
)
def test_order_matters_where_a_difference_is_more_than_the_images_and_the_seeds(
    ones: list[float], threes: list[float], expected: str
) -> None:
    accuracies = {"layers-1": ones, "layers-3": threes}
    results = study(without=tuple(accuracies)) + [
        result(f"{run.run}-{seed}", run.layers, run.learning_rate, accuracy=accuracy, seed=seed)
        for run in RUNS.itertuples()
        for seed, accuracy in enumerate(accuracies.get(run.run, []))
    ]
    [family] = families(results)
    part = conclusions(family, RUNS)[1].parts[0]
    assert part.verdict == expected
    assert ("a single seed" in part.evidence.split(";")[0]) == (len(ones) == 1 or len(threes) == 1)


@pytest.mark.parametrize(("speed", "expected"), [(20.0, HOLDS), (50.0, UNKNOWN), (90.0, FAILS)])
def test_consecutive_convolutions_cost_more(speed: float, expected: str) -> None:
    changes = {name: {"images_per_second": speed} for name in ("layers-1", "layers-4")}
    assert verdicts(changes)[1][1] == expected


@pytest.mark.parametrize(
    ("gaps", "expected"),
    [((0.9, 0.5, 0.2, 0.1), HOLDS), ((0.9, 0.5, 0.6, 0.1), UNKNOWN), ((0.1, 0.2, 0.3, 0.4), FAILS)],
)
def test_the_gap_closes_with_the_rate(gaps: tuple[float, ...], expected: str) -> None:
    names = ("rate-1", "layers-5", "rate-2", "rate-3")
    assert verdicts({name: {"loss_gap": gap} for name, gap in zip(names, gaps, strict=True)})[2][0] == expected


def test_a_rising_validation_loss_is_no_cure() -> None:
    assert verdicts({"rate-3": {"val_loss_rise": 0.2}})[2][1] == FAILS
    assert verdicts()[2][1] == HOLDS


def test_the_worst_part_decides_and_missing_runs_are_named() -> None:
    [family] = families(study(without=("layers-2", "rate-3")))
    first, _, last = conclusions(family, RUNS)
    assert first.verdict == last.verdict == UNKNOWN
    assert "Not run: layers-2." in [part.evidence for part in first.parts]
    assert "Not run: rate-3." in [part.evidence for part in last.parts]
    [family] = families(study({"layers-2": {"accuracy": 0.6, "images_per_second": 80.0}}))
    assert conclusions(family, RUNS)[0].verdict == FAILS


def test_what_was_not_run_is_told() -> None:
    told = "; ".join(not_run(families(study(without=("rate-2",), size=112)), RUNS, ["official", "pooled"]))
    assert "official: rate-2" in told
    assert "pooled: none of the eight runs" in told
    assert "7 of 7 configurations have a single one" in told
    assert "these runs are at 112" in told
    seeds = [
        result(f"{run.run}-{s}", run.layers, run.learning_rate, seed=s) for run in RUNS.itertuples() for s in (0, 1)
    ]
    assert not_run(families(seeds), RUNS, ["official"]) == []


def test_p_values_are_adjusted_over_those_that_are_known() -> None:
    seeds = [("a", 0.70), ("a", 0.71), ("b", 0.9), ("b", 0.91), ("c", 0.8), ("c", 0.815), ("d", 0.75)]
    layers = {"a": "C-F", "b": "C-F-D", "c": "C-P-F-D", "d": "P-F-D"}
    results = [result(f"{name}-{i}", layers[name], accuracy=value, seed=i) for i, (name, value) in enumerate(seeds)]
    [family] = families(results)
    known = [pair for pair in family.pairs if "d" not in pair.one.name + pair.two.name]
    assert holm([pair.figures["p_seeds"] for pair in known]) == [pair.p_seeds for pair in known]
    assert holm([pair.figures["p_mcnemar"] for pair in family.pairs]) == [pair.p_images for pair in family.pairs]
    assert all(math.isnan(pair.p_seeds) and not pair.is_real for pair in family.pairs if pair not in known)


def test_families_are_test_parts_and_seeds_are_one_configuration() -> None:
    made = [result("b", protocol="pooled"), result("a-1", seed=1), result("a"), result("c", learning_rate=1e-5)]
    official, pooled = families(made)
    assert [each.name for each in official.configurations] == ["a", "c"]
    assert [each.name for each in official.configurations[0].results] == ["a", "a-1"]
    assert [each.name for each in pooled.configurations] == ["b"]
    assert len(official.pairs) == 1
    assert not pooled.pairs
    figures = official.configurations[0].measured.figures
    assert figures["n_seeds"] == 2
    assert figures["accuracy"] == pytest.approx(0.9, abs=0.01)


def test_different_sizes_are_never_one_family() -> None:
    assert len(families([result("a"), result("b", size=112)])) == 2


def test_the_notebooks_figures_are_complete() -> None:
    history = notebook.read_history()
    assert set(history["run"]) == set(RUNS["run"])
    assert (history.groupby("run")["epoch"].max() == 30).all()
    assert isinstance(RUNS, pd.DataFrame)
