from typing import Any

import pytest

from study import notebook
from study.families import families
from study.report import records
from study.report.conclusions import BY_RATE, FAILS, HOLDS, OF_TRAININGS, UNKNOWN, conclusions, not_run
from study.results import Result
from tests.study import results_made
from tests.study.results_made import of_the_study

RUNS = notebook.read_runs()


def result(*arguments: Any, **figures: Any) -> Result:
    return of_the_study(results_made.result(*arguments, **figures))


def study(changes: dict[str, dict[str, Any]] | None = None, without: tuple[str, ...] = (), **common: Any) -> list[Any]:
    """All eight runs, alike but for `changes` by name."""
    return [
        result(run.run, run.layers, run.learning_rate, **{**common, **(changes or {}).get(run.run, {})})
        for run in RUNS.itertuples()
        if run.run not in without
    ]


def verdicts(*arguments: Any, **common: Any) -> list[list[str]]:
    [family] = families(study(*arguments, **common))
    return [[claim.verdict for claim in conclusion.claims] for conclusion in conclusions(family, RUNS)]


@pytest.mark.parametrize(("accuracy", "expected"), [(0.97, HOLDS), (0.9, UNKNOWN), (0.7, FAILS)])
def test_good_accuracy_is_decided_by_the_interval(accuracy: float, expected: str) -> None:
    once = study({"layers-2": {"accuracy": accuracy}})
    assert first_verdict(once) == OF_TRAININGS.get(expected, expected), "other seeds may turn it round"
    winner = next(run for run in once if run.name == "layers-2")
    again = result("again", winner.layers, accuracy=accuracy, seed=1)
    assert first_verdict([*once, again]) == expected


def first_verdict(runs: list[Any]) -> str:
    [family] = families(runs)
    return conclusions(family, RUNS)[0].claims[0].verdict


def timed(speeds: dict[str, float], spread: float) -> list[str]:
    """The verdicts on time where the runs of equal networks, a rate each, are `spread` apart; 50 images per second."""
    rates = {name: 50 * ratio for name, ratio in zip(BY_RATE, (1, 1 + spread, 1, 1 + spread), strict=True)}
    found = verdicts({name: {"images_per_second": speed} for name, speed in (rates | speeds).items()})
    return [found[0][1], found[1][1]]


@pytest.mark.parametrize(
    ("speed", "spread", "expected"),
    [(80.0, 0.05, HOLDS), (52.0, 0.05, UNKNOWN), (30.0, 0.05, FAILS), (80.0, 0.4, UNKNOWN)],
    ids=["faster", "as fast", "slower", "faster by less than equal networks lie apart"],
)
def test_least_time_is_more_than_the_spread_of_equal_networks(speed: float, spread: float, expected: str) -> None:
    assert timed({"layers-2": speed}, spread)[0] == expected


@pytest.mark.parametrize(
    ("speed", "spread", "expected"),
    [(20.0, 0.05, HOLDS), (50.0, 0.05, UNKNOWN), (90.0, 0.05, FAILS), (35.0, 0.4, UNKNOWN)],
)
def test_consecutive_convolutions_cost_more(speed: float, spread: float, expected: str) -> None:
    assert timed({"layers-1": speed, "layers-4": speed}, spread)[1] == expected


def test_times_of_networks_that_were_trained_once_each_tell_nothing() -> None:
    [family] = families(study({"layers-2": {"images_per_second": 500.0}}, without=("rate-1", "rate-2", "rate-3")))
    claim = conclusions(family, RUNS)[0].claims[1]
    assert claim.verdict == UNKNOWN
    assert "No two runs of equal networks" in claim.evidence


def test_times_on_different_machines_tell_nothing() -> None:
    [family] = families(study({"layers-2": {"images_per_second": 500.0, "device": "a GPU"}}))
    claim = conclusions(family, RUNS)[0].claims[1]
    assert claim.verdict == UNKNOWN
    assert "different machines: a GPU, float32; cpu (test), float32" in claim.evidence


def test_times_are_of_the_machine_that_trained_most_of_the_runs() -> None:
    here = study({"layers-2": {"images_per_second": 500.0}})
    elsewhere = {"seed": 1, "device": "a GPU", "images_per_second": 5000.0}
    again = [result(f"{run.name}-gpu", run.layers, 1e-4, **elsewhere) for run in here[:2]]
    [family] = families([*here, *again])
    claim = conclusions(family, RUNS)[0].claims[1]
    assert claim.evidence.startswith("Training images per second on cpu (test), float32: layers-2 / layers-1 10.00")
    several = records.configurations([family], RUNS).query("n_seeds == 2")
    assert set(several["device"]) == {"cpu (test)"}


@pytest.mark.parametrize(
    ("ones", "threes", "expected"),
    [
        ([0.70, 0.71, 0.72], [0.90, 0.91, 0.92], HOLDS),
        ([0.70], [0.90], UNKNOWN),
        ([0.70, 0.71], [0.90], UNKNOWN),
        ([0.70, 0.89], [0.90, 0.91], UNKNOWN),
        ([0.90, 0.91], [0.90, 0.91], UNKNOWN),
    ],
    ids=["patients and seeds", "a seed each", "a seed of one", "seeds disagree", "no difference"],
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
    claim = conclusions(family, RUNS)[1].claims[0]
    assert claim.verdict == expected
    assert ("a single seed" in claim.evidence.split(". ")[0]) == (len(ones) == 1 or len(threes) == 1)


def test_order_does_not_matter_where_all_pairs_are_practically_equal() -> None:
    names = ("layers-1", "layers-3", "layers-4", "layers-5")
    results = study(without=names) + [
        result(f"{run.run}-{seed}", run.layers, run.learning_rate, accuracy=0.99, seed=seed)
        for run in RUNS.itertuples()
        if run.run in names
        for seed in (0, 1)
    ]
    [family] = families(results, margin=0.05)
    claim = conclusions(family, RUNS)[1].claims[0]
    assert claim.verdict == FAILS
    assert claim.evidence.count("practically equal") == 2
    [family] = families([run for run in results if run.name != "layers-5-1"], margin=0.05)
    claim = conclusions(family, RUNS)[1].claims[0]
    assert (claim.verdict, claim.evidence.count(": practically equal")) == (UNKNOWN, 1), "of one pair it is not known"


@pytest.mark.parametrize(
    ("gaps", "expected"),
    [((0.9, 0.5, 0.2, 0.1), HOLDS), ((0.9, 0.5, 0.6, 0.1), FAILS), ((0.1,) * 4, FAILS), ((0.1, 0.2, 0.3, 0.4), FAILS)],
)
def test_the_gap_closes_with_the_rate(gaps: tuple[float, ...], expected: str) -> None:
    found = verdicts({name: {"loss_gap": gap} for name, gap in zip(BY_RATE, gaps, strict=True)})[2][0]
    assert found == OF_TRAININGS.get(expected, expected)


@pytest.mark.parametrize(("spread", "expected"), [(0.01, HOLDS), (0.3, UNKNOWN)])
def test_a_gap_narrows_by_more_than_trainings_lie_apart(spread: float, expected: str) -> None:
    gaps = dict(zip(BY_RATE, (0.9, 0.5, 0.2, 0.1), strict=True))
    runs = [
        result(f"{run.run}-{seed}", run.layers, run.learning_rate, seed=seed, loss_gap=gaps[run.run] + seed * spread)
        for run in RUNS.itertuples()
        if run.run in gaps
        for seed in (0, 1)
    ]
    [family] = families(runs)
    assert conclusions(family, RUNS)[2].claims[0].verdict == expected


def test_a_gap_of_networks_some_of_which_were_trained_once_is_of_these_trainings() -> None:
    gaps = dict(zip(BY_RATE, (0.9, 0.5, 0.2, 0.1), strict=True))
    runs = study({name: {"loss_gap": gap} for name, gap in gaps.items()})
    [first] = RUNS[RUNS["run"] == BY_RATE[0]].itertuples()
    again = result("again", first.layers, first.learning_rate, loss_gap=0.9, seed=1)
    [family] = families([*runs, again])
    claim = conclusions(family, RUNS)[2].claims[0]
    assert claim.verdict == OF_TRAININGS[HOLDS]
    assert claim.evidence.endswith(f". {', '.join(BY_RATE[1:])} trained once: other seeds may turn it round.")


@pytest.mark.parametrize(("rise", "expected"), [(0.0, HOLDS), (0.009, HOLDS), (0.011, FAILS), (0.2, FAILS)])
def test_a_validation_loss_that_rises_by_more_than_its_jitter_is_no_cure(rise: float, expected: str) -> None:
    changes = {"rate-3": {"val_loss_rise": rise, "val_loss_jitter": 0.01}}
    assert verdicts(changes)[2][1] == OF_TRAININGS[expected]


def test_of_fewer_than_three_epochs_nobody_knows_how_uneven_the_loss_runs() -> None:
    changes = {"rate-3": {"val_loss_rise": 0.0, "val_loss_jitter": None}}
    assert verdicts(changes)[2][1] == UNKNOWN


@pytest.mark.parametrize("is_first", [True, False])
def test_the_run_as_long_as_the_studys_speaks_for_it(is_first: bool) -> None:
    """A longer one beside it, of the same layers and rate, is another."""
    study_run, longer = (result(name, "C-P-C-P-C-P-C-P-F-D-D", accuracy=at) for name, at in (("a", 0.97), ("b", 0.7)))
    study_run.params["train"]["epochs"] = 30
    assert first_verdict([study_run, longer] if is_first else [longer, study_run]) == OF_TRAININGS[HOLDS]


def test_the_worst_part_decides_and_missing_runs_are_named() -> None:
    [family] = families(study(without=("layers-2", "rate-3")))
    first, _, last = conclusions(family, RUNS)
    assert first.verdict == last.verdict == UNKNOWN
    assert "Not run: layers-2." in [claim.evidence for claim in first.claims]
    assert "Not run: rate-3." in [claim.evidence for claim in last.claims]
    [family] = families(study({"layers-2": {"accuracy": 0.6, "images_per_second": 80.0}}))
    assert conclusions(family, RUNS)[0].verdict == OF_TRAININGS[FAILS]


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
