import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cxr.errors import UserError
from study import ranking, results

KEPT = Path("docs/results/112px/runs")
NAMES = ["layers-1", "layers-2", "layers-3", "layers-4", "layers-5", "rate-1"]


def shifted(names: list[str], accuracies: list[float]) -> pd.DataFrame:
    """What study.shifts writes where the images as they are say nothing and corrupted ones these accuracies."""
    rows = []
    for name, accuracy in zip(names, accuracies, strict=True):
        rows.append((name, "none", 0, 0.9, 0.99, 0.1))
        rows.append((name, "middle", 88, accuracy, accuracy, 1 - accuracy))
        rows += [
            (name, "jpeg_compression", 5, accuracy - 0.2, 0.9, 0.2),
            (name, "gaussian_blur", 5, accuracy + 0.2, 0.9, 0.2),
        ]
    return pd.DataFrame(rows, columns=["run", "shift", "strength", "accuracy", "auroc", "loss"])


def test_corruptions_are_one_validation_and_the_middle_another() -> None:
    table = ranking.validations(shifted(["a"], [0.7])).set_index("validation")
    assert list(table.index) == ["as evaluated", "middle 88%", "corrupted"]
    assert table.loc["corrupted", "accuracy"] == pytest.approx(0.7)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 50), min_size=5, max_size=9, unique=True), st.randoms(use_true_random=False))
def test_only_the_order_matters_and_a_loss_counts_down(values: list[int], random: "np.random.Generator") -> None:
    names = [str(i) for i in range(len(values))]
    accuracies = [0.5 + value / 200 for value in values]
    tested = pd.DataFrame({"accuracy": np.exp(accuracies), "auroc": [-x for x in accuracies]}, index=names)
    order = random.sample(names, len(names))
    validated = ranking.validations(shifted(names, accuracies))
    table = ranking.ranking(validated, tested.loc[order]).set_index(["validation", "figure", "test"])
    for figure in ("accuracy", "auroc", "loss"):
        assert table.loc[("middle 88%", figure, "accuracy"), "correlation"] == pytest.approx(1)
        assert table.loc[("middle 88%", figure, "auroc"), "correlation"] == pytest.approx(-1)


def test_a_run_that_lacks_a_validation_counts_for_the_others() -> None:
    names, accuracies = list("abcdef"), [0.5, 0.6, 0.7, 0.8, 0.9, 0.4]
    rows = shifted(names, accuracies)
    lacking = rows[~((rows["run"] == "f") & (rows["shift"] == "middle"))]
    tested = pd.DataFrame({"accuracy": accuracies}, index=names)
    table = ranking.ranking(ranking.validations(lacking), tested).set_index(["validation", "figure"])
    assert table.loc[("middle 88%", "accuracy"), ["runs", "correlation"]].tolist() == [5, pytest.approx(1)]
    assert table.loc[("corrupted", "accuracy"), ["runs", "correlation"]].tolist() == [6, pytest.approx(1)]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=5, max_size=8))
def test_it_is_spearmans(pairs: list[tuple[int, int]]) -> None:
    """Scipy's, ties included; where all runs are equal there is no order."""
    names = [str(i) for i in range(len(pairs))]
    one, two = (np.array(column, float) for column in zip(*pairs, strict=True))
    tested = pd.DataFrame({"accuracy": two}, index=names)
    table = ranking.ranking(ranking.validations(shifted(names, list(one))), tested).set_index(["validation", "figure"])
    found = table.loc[("middle 88%", "accuracy"), "correlation"]
    if len(set(one)) == 1 or len(set(two)) == 1:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(stats.spearmanr(one, two).statistic)


def test_of_fewer_than_five_runs_that_have_a_figure_nothing_is_told() -> None:
    names = list("abcdef")
    rows = shifted(names, [0.5, 0.6, 0.7, 0.8, 0.9, 0.4])
    lacking = rows[~(rows["run"].isin(["e", "f"]) & (rows["shift"] == "middle"))]
    tested = pd.DataFrame({"accuracy": [0.5, 0.6, 0.7, 0.8, 0.9, 0.4]}, index=names)
    table = ranking.ranking(ranking.validations(lacking), tested).set_index(["validation", "figure"])
    assert table.loc[("middle 88%", "accuracy"), "runs"] == 4
    assert table.loc[("middle 88%", "accuracy"), ["correlation", "low", "high"]].isna().all()


def test_its_interval_is_that_of_95_of_100_draws_of_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "N_DRAWS", 200)
    rng = np.random.default_rng(1)
    value = rng.normal(size=12)
    runs = pd.DataFrame({"value": value, "goal": value + rng.normal(size=12)})
    drawn = [runs.iloc[rows] for rows in np.random.default_rng(ranking.SEED).integers(0, 12, (200, 12))]
    expected = [stats.spearmanr(draw["value"], draw["goal"]).statistic for draw in drawn]
    _, low, high = ranking._correlation(runs)
    assert (low, high) == pytest.approx(np.percentile(expected, [2.5, 97.5]))


def test_a_correlation_and_what_is_more_stand_in_their_own_columns() -> None:
    figures = {"correlation": 0.9, "low": 0.8, "high": 0.95, "more": 0.3, "more_low": -0.1, "more_high": 0.6}
    table = pd.DataFrame([{"validation": "corrupted", "figure": "loss", "runs": 7, "test": "auroc", **figures}])
    [row] = ranking._in_words(table).to_dict("records")
    assert row == {
        **{"validation": "corrupted", "figure": "loss", "runs": 7, "auroc": "0.90 (0.80 to 0.95)"},
        "auroc: more than whole image": "+0.30 (-0.10 to +0.60)",
    }


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> None:
    monkeypatch.setattr(sys, "argv", ["study.ranking", *map(str, arguments)])
    ranking.main()


def test_kept_runs_are_ranked(tmp_path: Path) -> None:
    shifted(NAMES, [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]).to_csv(tmp_path / "shifts.csv", index=False)
    command = [sys.executable, "-m", "study.ranking", tmp_path / "shifts.csv", "--kept", KEPT]
    done = subprocess.run([*command, "--out", tmp_path / "ranking.csv"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("6 runs.")
    assert "| corrupted" in done.stdout
    table = pd.read_csv(tmp_path / "ranking.csv")
    assert set(table["validation"]) == {"as evaluated", "middle 88%", "corrupted"}
    said = table.dropna()
    assert (said["low"] <= said["correlation"]).all()
    assert (said["correlation"] <= said["high"]).all()


@pytest.mark.parametrize(
    ("names", "reason"),
    [(["layers-1"], "wants 5 runs"), (["nobody", *NAMES], "nobody"), ([*NAMES, "layers-1-pooled"], "different images")],
)
def test_what_cannot_be_ranked_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], reason: str
) -> None:
    shifted(names, [0.5] * len(names)).to_csv(tmp_path / "shifts.csv", index=False)
    with pytest.raises(UserError, match=reason):
        call(monkeypatch, tmp_path / "shifts.csv", "--kept", KEPT)


def test_of_two_runs_of_one_name_none_is_taken_for_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(KEPT / "layers-1", tmp_path / "layers-1")
    with pytest.raises(UserError, match=f"kept in {KEPT} and in {tmp_path}: layers-1; name one folder"):
        call(monkeypatch, "--kept", KEPT, tmp_path)


def test_a_name_that_reads_as_a_number_or_as_nothing_is_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They were numbers, which are no runs' names, and a traceback."""
    names = ["1", "02", "3e4", "nan", "None", "true"]
    for name, kept in zip(names, NAMES, strict=True):
        shutil.copytree(KEPT / kept, tmp_path / name)
    shifted(names, [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]).to_csv(tmp_path / "shifts.csv", index=False)
    call(monkeypatch, tmp_path / "shifts.csv", "--kept", tmp_path)
    assert capsys.readouterr().out.startswith("6 runs.")


def test_another_table_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for content in ("run,accuracy\na,1\n", shifted([], []).to_csv(index=False)):
        (tmp_path / "shifts.csv").write_text(content)
        with pytest.raises(UserError, match="not what study"):
            call(monkeypatch, tmp_path / "shifts.csv", "--kept", KEPT)


def test_without_shifts_the_last_epochs_are_the_validation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    others = [name for name in results.kept(KEPT) if {"grouped", "pooled"} & set(name.split("-"))]
    call(monkeypatch, "--kept", KEPT, "--without", *others)
    assert f"{len(results.kept(KEPT)) - len(others)} runs." in capsys.readouterr().out
    runs = results.from_folder(KEPT, NAMES)
    table = ranking.last_epochs(runs).set_index("run")
    assert table.loc["layers-2", "accuracy"] == pytest.approx(runs[1].history["val_accuracy"].iloc[-1])
    found = ranking.ranking(table.reset_index(), pd.DataFrame({"auroc": table["loss"]})).set_index("figure")
    assert found.loc["loss", "correlation"] == pytest.approx(-1)


def test_a_loss_of_other_labels_is_not_ranked() -> None:
    runs = results.from_folder(KEPT, NAMES)
    smoothed = runs[0].params["train"] | {"label_smoothing": 0.1}
    runs[0] = replace(runs[0], params=runs[0].params | {"train": smoothed})
    table = ranking.last_epochs(runs).set_index("run")
    assert list(table.index[table["loss"].isna()]) == ["layers-1"]
    assert table["accuracy"].notna().all()
    tested = pd.DataFrame({"accuracy": table["loss"].fillna(-9)})
    found = ranking.ranking(table.reset_index(), tested).set_index("figure")
    assert found.loc["loss", "correlation"] == pytest.approx(-1)


def test_a_run_to_leave_out_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="nobody"):
        call(monkeypatch, "--kept", KEPT, "--without", "nobody")


def test_how_much_better_than_whole_images_has_an_interval_of_its_own() -> None:
    names, values = list("abcdefgh"), [0.5, 0.6, 0.7, 0.8, 0.9, 0.4, 0.3, 0.2]
    plain = pd.DataFrame({"run": names, "validation": ranking.PLAIN, "accuracy": values[::-1]})
    better = pd.DataFrame({"run": names, "validation": "corrupted", "accuracy": values})
    tested = pd.DataFrame({"accuracy": values}, index=names)
    table = ranking.ranking(pd.concat([plain, better]), tested).set_index("validation")
    assert table["more"].isna().tolist() == [True, False]
    expected = 1 - table.loc[ranking.PLAIN, "correlation"]
    assert table.loc["corrupted", "more"] == pytest.approx(expected)
    assert 0 < table.loc["corrupted", "more_low"] <= expected <= table.loc["corrupted", "more_high"] <= 2
    same = ranking.ranking(pd.concat([plain, plain.assign(validation="again")]), tested).set_index("validation")
    assert same.loc["again", ["more", "more_low", "more_high"]].tolist() == [0, 0, 0]
