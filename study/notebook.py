"""The study's own figures, as they stand in docs/reference."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from cxr.errors import UserError

if TYPE_CHECKING:
    from study.results import Result

FOLDER = Path("docs/reference")
# What the study's networks have in common, as section `model` of params.yaml has it.
NETWORK = {"filters": [64, 128], "dense_units": 128, "dropout": 0.3}


def read_runs() -> pd.DataFrame:
    """One row per run: run, layers, learning_rate, parameters, test_loss, test_accuracy, fit_seconds, epochs."""
    return _read("notebook_runs.csv")


def read_history() -> pd.DataFrame:
    """One row per run and epoch: run, epoch, loss, accuracy, val_loss, val_accuracy, seconds."""
    return _read("notebook_history.csv")


def own_run(result: "Result", runs: pd.DataFrame) -> pd.Series | None:
    """The study's own run of a result's network and learning rate; None for another network, and for phantoms."""
    model, rate = result.params["model"], result.params["train"]["learning_rate"]
    if result.data["images"] != "real" or any(model[key] != value for key, value in NETWORK.items()):
        return None
    own = runs[(runs["layers"] == model["layers"]) & (runs["learning_rate"] == rate)]
    return None if own.empty else own.iloc[0]


def _read(name: str) -> pd.DataFrame:
    try:
        return pd.read_csv(FOLDER / name)
    except FileNotFoundError:
        raise UserError(f"{FOLDER / name} is missing; run this from the top of the project") from None
