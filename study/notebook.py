"""The study's own figures, as they stand in docs/reference."""

from pathlib import Path

import pandas as pd

from cxr.errors import UserError
from study.facts import is_kermany
from study.results import SETTINGS, Result

FOLDER = Path("docs/reference")


def read_runs() -> pd.DataFrame:
    """One row per run: run, layers, learning_rate, parameters, test_loss, test_accuracy, fit_seconds, epochs."""
    return _read("notebook_runs.csv")


def read_history() -> pd.DataFrame:
    """One row per run and epoch: run, epoch, loss, accuracy, val_loss, val_accuracy, seconds."""
    return _read("notebook_history.csv")


def notebook_run(result: Result, runs: pd.DataFrame) -> pd.Series | None:
    """The study's own run of a result's network and learning rate; None for any other setting, or other images."""
    model, rate = result.params["model"], result.params["train"]["learning_rate"]
    is_as_the_study = all(result.params[section].items() >= values.items() for section, values in SETTINGS.items())
    if not is_kermany(result) or not is_as_the_study:
        return None
    alike = runs[(runs["layers"] == model["layers"]) & (runs["learning_rate"] == rate)]
    return None if alike.empty else alike.iloc[0]


def _read(name: str) -> pd.DataFrame:
    try:
        return pd.read_csv(FOLDER / name)
    except FileNotFoundError:
        raise UserError(f"{FOLDER / name} is missing; run this from the top of the project") from None
