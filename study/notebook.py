"""The study's own figures, as they stand in docs/reference."""

from pathlib import Path

import pandas as pd

from cxr.errors import UserError

FOLDER = Path("docs/reference")


def read_runs() -> pd.DataFrame:
    """One row per run: run, layers, learning_rate, parameters, test_loss, test_accuracy, fit_seconds, epochs."""
    return _read("notebook_runs.csv")


def read_history() -> pd.DataFrame:
    """One row per run and epoch: run, epoch, loss, accuracy, val_loss, val_accuracy, seconds."""
    return _read("notebook_history.csv")


def _read(name: str) -> pd.DataFrame:
    try:
        return pd.read_csv(FOLDER / name)
    except FileNotFoundError:
        raise UserError(f"{FOLDER / name} is missing; run this from the top of the project") from None
