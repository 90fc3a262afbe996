"""How well each validation ranks runs as the test part does: `python -m study.ranking [SHIFTS.csv] --kept FOLDER`.

SHIFTS.csv is what `python -m study.shifts` wrote of the runs; their test figures come from the kept runs, or without
--kept from the experiments. Without SHIFTS.csv the validation is that of all trainings' last epochs. Spearman's
correlation over the runs, with an interval from draws of runs. Where it is low, the run that a validation ranks first
need not be better on the test part than any other. How much better a validation ranks than whole images do has an
interval of its own, from the same draws.
"""

import argparse
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from tabulate import tabulate

from cxr import files
from cxr.arguments import file_to_write
from cxr.errors import UserError
from stages import project
from study import results, shifts

FEWEST_RUNS = 5
# What other validations are to rank better than.
PLAIN = "whole image"
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
    """The kept runs of these names, all without, from the one folder that has each. Raises UserError otherwise."""
    kept = {folder: results.kept(folder) for folder in folders}
    names = names or list(dict.fromkeys(chain(*kept.values())))
    homes = {name: [folder for folder in kept if name in kept[folder]] for name in names}
    if missing := [name for name in names if not homes[name]]:
        raise UserError(f"not kept in {', '.join(map(str, folders))}: {', '.join(missing)}")
    if twice := [name for name in names if len(homes[name]) > 1]:
        raise UserError(f"kept in {' and in '.join(map(str, homes[twice[0]]))}: {', '.join(twice)}; name one folder")
    return [run for name in names for run in results.from_folder(homes[name][0], [name])]


def validations(shifted: pd.DataFrame) -> pd.DataFrame:
    """METRICS by run and validation: the middle of the images by its percentage, and the mean of all corruptions."""
    is_corrupted = ~shifted["shift"].isin([shifts.AS_IT_IS, shifts.MIDDLE])
    is_middle = shifted["shift"] == shifts.MIDDLE
    validation = shifted["shift"].where(~is_corrupted, "corrupted")
    validation = validation.where(~is_middle, "middle " + shifted["strength"].astype(str) + "%")
    validation = validation.replace({shifts.AS_IT_IS: "as evaluated", "middle 100%": PLAIN})
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
    """Spearman's correlation of each validation's figures with the test figures; how much more than that of PLAIN.

    Parameters
    ----------
    validated
        Columns run, validation and some of `shifts.METRICS`; a run that has no value counts for no correlation.
    tested
        Index run, columns accuracy and auroc.
    """
    by_validation = {
        str(validation): rows.set_index("run").reindex(tested.index)
        for validation, rows in validated.groupby("validation", sort=False)
    }
    rows = []
    for validation, by_run in by_validation.items():
        for figure in by_run.columns.intersection(list(SIGNS), sort=False):
            for goal in tested.columns:
                table = pd.DataFrame({"value": SIGNS[figure] * by_run[figure], "goal": tested[goal]}).dropna()
                found = {"validation": validation, "figure": figure, "runs": len(table), "test": goal}
                found |= zip(("correlation", "low", "high"), _correlation(table), strict=True)
                if PLAIN in by_validation and validation != PLAIN:
                    both = table.assign(plain=SIGNS[figure] * by_validation[PLAIN][figure]).dropna()
                    found |= zip(("more", "more_low", "more_high"), _correlation(both), strict=True)
                rows.append(found)
    return pd.DataFrame(rows)


def _spearman(one: NDArray[np.float64], two: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spearman's correlation along the last axis; NaN where all of one side are equal."""
    ranks = (stats.rankdata(values, axis=-1) for values in (one, two))
    one, two = (values - values.mean(axis=-1, keepdims=True) for values in ranks)
    with np.errstate(invalid="ignore"):
        return np.asarray((one * two).sum(axis=-1) / np.sqrt((one**2).sum(axis=-1) * (two**2).sum(axis=-1)))


def _correlation(runs: pd.DataFrame) -> tuple[float, float, float]:
    """Spearman's correlation of `value` with `goal`, less that of `plain` where there is one; 95% over draws of runs.

    A draw in which all runs are equal says nothing and is left out. NaN of fewer than FEWEST_RUNS.
    """
    if len(runs) < FEWEST_RUNS:
        return np.nan, np.nan, np.nan

    def told(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        value, goal, *plain = (runs[name].to_numpy()[rows] for name in runs)
        less = sum((_spearman(one, goal) for one in plain), start=np.float64(0))
        return np.asarray(_spearman(value, goal) - less)

    drawn = told(np.random.default_rng(SEED).integers(0, len(runs), (N_DRAWS, len(runs))))
    drawn = drawn[~np.isnan(drawn)]
    low, high = np.percentile(drawn, [2.5, 97.5]) if len(drawn) else (np.nan, np.nan)
    return float(told(np.arange(len(runs)))), float(low), float(high)


def _in_words(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each validation and figure, a column for each test figure, and for what it has more than PLAIN."""
    told = table.assign(cell=[_told(values) for values in table[["correlation", "low", "high"]].to_numpy()])
    if "more" in told:
        told["more"] = [_told(values, "+.2f") for values in told[["more", "more_low", "more_high"]].to_numpy()]
    keys = ["validation", "figure", "runs"]
    columns = {"cell": "{}", "more": f"{{}}: more than {PLAIN}"}
    wide = [
        told.pivot(index=keys, columns="test", values=name).rename(columns=title.format)
        for name, title in columns.items()
        if name in told
    ]
    order = pd.MultiIndex.from_frame(table[keys].drop_duplicates())
    return pd.concat(wide, axis=1).loc[order].reset_index().rename_axis(columns=None)


def _told(correlation: NDArray[np.float64], form: str = ".2f") -> str:
    value, low, high = correlation
    return "" if np.isnan(value) else f"{value:{form}} ({low:{form}} to {high:{form}})"


def _read(path: str) -> pd.DataFrame:
    columns = ["run", "shift", "strength", *shifts.METRICS]
    # A run may be called 1, or nan.
    words, nothing = dict.fromkeys(("run", "shift"), str), {metric: [""] for metric in shifts.METRICS}
    try:
        table = pd.read_csv(path, dtype=words, keep_default_na=False, na_values=nothing)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    if list(table.columns) != columns or table.empty:
        raise UserError(f"{path} is not what study.shifts writes: rows with columns {', '.join(columns)}")
    return table


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m study.ranking",
        description="How well validation figures rank runs as the test part does: Spearman's correlation with 95% "
        "intervals.",
    )
    parser.add_argument(
        "shifts",
        nargs="?",
        metavar="SHIFTS.csv",
        help="what `python -m study.shifts` wrote; without it, validation at the end of each training",
    )
    parser.add_argument(
        "--kept",
        type=Path,
        action="extend",
        nargs="+",
        metavar="FOLDER",
        help="take runs that `python -m study.keep FOLDER` wrote, not experiments",
    )
    parser.add_argument("--without", action="extend", nargs="+", default=[], metavar="NAME", help="runs to leave out")
    parser.add_argument("--out", type=file_to_write, metavar="FILE", help="write the table as CSV too")
    return parser.parse_args()


if __name__ == "__main__":
    project.run(main)
