"""How well each validation ranks runs as the test part does: `python -m study.ranking [SHIFTS.csv] --kept FOLDER`.

SHIFTS.csv is what `python -m study.shifts` wrote of the runs; their test figures come from the kept runs, or without
--kept from the experiments. Without SHIFTS.csv the validation is that of all trainings' last epochs. Spearman's
correlation over the runs, with an interval from draws of runs. Where it is low, the run that a validation ranks first
need not be better on the test part than any other.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from tabulate import tabulate

from cxr import files
from cxr.errors import UserError
from stages import project
from study import results, shifts

FEWEST_RUNS = 5
SIGNS = {"accuracy": 1, "auroc": 1, "loss": -1}
N_DRAWS = 2000
SEED = 0


def main() -> None:
    arguments = _arguments()
    shifted = _read(arguments.shifts) if arguments.shifts else None
    names = [] if shifted is None else list(shifted["run"].unique())
    found = _kept(arguments.kept, names) if arguments.kept else results.from_experiments(names)
    if unknown := set(arguments.without) - {run.name for run in found}:
        raise UserError(f"not among the runs, to be left out: {', '.join(sorted(unknown))}")
    runs = [run for run in found if run.name not in arguments.without]
    if len(runs) < FEWEST_RUNS:
        raise UserError(f"a rank correlation wants {FEWEST_RUNS} runs or more; these are {len(runs)}")
    if len(parts := {run.test_part for run in runs}) > 1:
        raise UserError(f"these runs were tested on different images: {'; '.join(sorted(parts))}")
    tested = pd.DataFrame({run.name: {key: run.test[key] for key in ("accuracy", "auroc")} for run in runs}).T
    table = ranking(last_epochs(runs) if shifted is None else validations(shifted), tested)
    if arguments.out:
        files.write_csv(arguments.out, table)
    print(f"{len(runs)} runs. Spearman's correlation with the test part (95%, draws of runs):\n")
    print(tabulate(_in_words(table).to_dict("list"), headers="keys", tablefmt="github"))


def _kept(folders: list[Path], names: list[str]) -> list[results.Result]:
    """The kept runs of these names, all without, from whichever folder has them. Raises UserError where none has."""
    homes = {name: folder for folder in folders for name in results.kept(folder)}
    names = names or list(homes)
    if missing := [name for name in names if name not in homes]:
        raise UserError(f"not kept in {', '.join(map(str, folders))}: {', '.join(missing)}")
    return [run for name in names for run in results.from_folder(homes[name], [name])]


def validations(shifted: pd.DataFrame) -> pd.DataFrame:
    """METRICS by run and validation: the middle of the images by its percentage, and the mean of all corruptions."""
    is_corrupted = ~shifted["shift"].isin([shifts.AS_IT_IS, shifts.MIDDLE])
    is_middle = shifted["shift"] == shifts.MIDDLE
    validation = shifted["shift"].where(~is_corrupted, "corrupted")
    validation = validation.where(~is_middle, "middle " + shifted["strength"].astype(str) + "%")
    validation = validation.replace({shifts.AS_IT_IS: "as evaluated", "middle 100%": "whole image"})
    grouped = shifted.assign(validation=validation).groupby(["run", "validation"], sort=False)
    return grouped[shifts.METRICS].mean().reset_index()


def last_epochs(runs: list[results.Result]) -> pd.DataFrame:
    """Validation accuracy and loss as the trainings ended, by run.

    A loss of other classes or of smoothed labels is another quantity: runs whose loss is not that of most have none.
    """
    losses = [(run.params["train"]["target"], run.params["train"]["label_smoothing"]) for run in runs]
    common = max(losses, key=losses.count)
    rows = [
        (run.name, "last epoch", run.train["val_accuracy"], run.train["val_loss"] if loss == common else np.nan)
        for run, loss in zip(runs, losses, strict=True)
    ]
    return pd.DataFrame(rows, columns=["run", "validation", "accuracy", "loss"])


def ranking(validated: pd.DataFrame, tested: pd.DataFrame) -> pd.DataFrame:
    """Spearman's correlation of each validation's figures with the test figures, and its interval.

    Parameters
    ----------
    validated
        Columns run, validation and some of `shifts.METRICS`; a run that has no value counts for no correlation.
    tested
        Index run, columns accuracy and auroc.
    """
    rows = []
    for validation, rows_of_runs in validated.groupby("validation", sort=False):
        by_run = rows_of_runs.set_index("run").reindex(tested.index)
        for figure in by_run.columns.intersection(list(SIGNS), sort=False):
            known = by_run[figure].dropna()
            for goal in tested.columns:
                values, goals = SIGNS[figure] * known.to_numpy(), tested.loc[known.index, goal].to_numpy()
                found = float(_spearman(values, goals)), *_interval(values, goals)
                rows.append((validation, figure, len(known), goal, *found))
    return pd.DataFrame(rows, columns=["validation", "figure", "runs", "test", "correlation", "low", "high"])


def _spearman(one: NDArray[np.float64], two: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spearman's correlation along the last axis; NaN where all of one side are equal."""
    ranks = (stats.rankdata(values, axis=-1) for values in (one, two))
    one, two = (values - values.mean(axis=-1, keepdims=True) for values in ranks)
    with np.errstate(invalid="ignore"):
        return np.asarray((one * two).sum(axis=-1) / np.sqrt((one**2).sum(axis=-1) * (two**2).sum(axis=-1)))


def _interval(one: NDArray[np.float64], two: NDArray[np.float64]) -> tuple[float, float]:
    """Percentiles over draws of runs; a draw in which all runs are equal says nothing and is left out."""
    draws = np.random.default_rng(SEED).integers(0, len(one), (N_DRAWS, len(one)))
    values = _spearman(one[draws], two[draws])
    values = values[~np.isnan(values)]
    low, high = np.percentile(values, [2.5, 97.5]) if len(values) else (np.nan, np.nan)
    return float(low), float(high)


def _in_words(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each validation and figure, a column for each test figure."""
    limits = zip(table["correlation"], table["low"], table["high"], strict=True)
    cells = [f"{value:.2f} ({low:.2f} to {high:.2f})" for value, low, high in limits]
    keys = ["validation", "figure", "runs"]
    wide = table.assign(cell=cells).pivot(index=keys, columns="test", values="cell")
    order = pd.MultiIndex.from_frame(table[keys].drop_duplicates())
    return wide.loc[order].reset_index().rename_axis(columns=None)


def _read(path: str) -> pd.DataFrame:
    columns = ["run", "shift", "strength", *shifts.METRICS]
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    if list(table.columns) != columns:
        raise UserError(f"{path} is not what study.shifts writes: columns {', '.join(columns)}")
    return table


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m study.ranking", description="Rank correlation with the test.")
    parser.add_argument("shifts", nargs="?", help="what `python -m study.shifts` wrote; without it, the last epochs")
    parser.add_argument("--kept", type=Path, nargs="+", help="folders of kept runs instead of experiments")
    parser.add_argument("--without", nargs="+", default=[], metavar="NAME", help="runs to leave out")
    parser.add_argument("--out", help="write the table as CSV")
    return parser.parse_args()


if __name__ == "__main__":
    project.run(main)
