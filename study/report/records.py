"""The comparison as numbers alone, a row for each configuration, shortcut or pair: the CSV files beside the page."""

from typing import Any

import numpy as np
import pandas as pd

from cxr.statistics.comparison import Difference
from cxr.statistics.estimate import keyed
from study import places, results
from study.families import Configuration, Family, train_mean
from study.report.tables import notebook_accuracy

# Sections and keys of params.yaml that have a column of their own, or make no other configuration.
BESIDE = {*results.BESIDE, "model.layers", "train.learning_rate", "train.seed"}
BESIDE |= {f"evaluate.{key}" for key in results.OF_INTERVALS}


def configurations(all_families: list[Family], notebook: pd.DataFrame) -> pd.DataFrame:
    """The performance, fitting and cost of every configuration as numbers, the shortcuts of its test part below.

    Last stand the parameters in which they differ, but for BESIDE.
    """
    settings = [_settings(configuration) for family in all_families for configuration in family.configurations]
    keys = dict.fromkeys(key for values in settings for key in values)
    differing = [key for key in keys if len({results.hashable(values.get(key)) for values in settings}) > 1]
    return pd.DataFrame([row for family in all_families for row in _rows(family, notebook, differing)])


def _settings(configuration: Configuration) -> dict[str, Any]:
    """Its parameters as `section.key`, but for BESIDE."""
    params = configuration.first.params
    params = params | {"data": places.last_parts(params["data"])}
    flat = {f"{section}.{key}": value for section, values in params.items() for key, value in values.items()}
    return {key: value for key, value in flat.items() if not {key, key.partition(".")[0]} & BESIDE}


def _rows(family: Family, notebook: pd.DataFrame, settings: list[str]) -> list[dict[str, Any]]:
    keys = ["loss_gap", "best_epoch", "loss_gap_best", "val_loss_rise", "val_loss_jitter"]
    keys += ["loss", "val_loss", "parameters", "flops_per_image"]
    of_machine = ["seconds", "images_per_second", "peak_memory_mib"]
    rows: list[dict[str, Any]] = [
        {
            "test_part": family.test_part,
            "run": configuration.name,
            "layers": configuration.layers,
            "learning_rate": configuration.learning_rate,
            "n_seeds": configuration.measured.n_seeds,
            **keyed(configuration.estimates, with_sd=True),
            "test_loss": configuration.test_loss,
            "n_seeds_val_loss_rises": len(configuration.rises_from),
            "train_val_loss_rises_from": np.mean(configuration.rises_from) if configuration.rises_from else np.nan,
            **{f"train_{key}": configuration.train_mean(key) for key in keys},
            **{f"train_{key}": train_mean(family.timed(configuration), key) for key in of_machine},
            "precision": family.timed(configuration)[0].train["precision"],
            "device": family.timed(configuration)[0].train["device"],
            "notebook_accuracy": notebook_accuracy(configuration, notebook),
            **dict.fromkeys(settings),
            **{key: value for key, value in _settings(configuration).items() if key in settings},
        }
        for configuration in family.configurations
    ]
    return rows + [
        {"test_part": family.test_part, "run": key, **keyed(estimates)} for key, estimates in family.shortcuts.items()
    ]


def pairs(all_families: list[Family]) -> pd.DataFrame:
    """Every pair of configurations as numbers: second - first in accuracy and AUROC."""
    rows = [
        {
            "test_part": family.test_part,
            "first": pair.one.name,
            "second": pair.two.name,
            **_difference_record("accuracy", pair.comparison.accuracy),
            **_difference_record("auroc", pair.comparison.auroc),
            "only_first_right": pair.comparison.n_only_first_right,
            "only_second_right": pair.comparison.n_only_second_right,
        }
        for family in all_families
        for pair in family.pairs
    ]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=["test_part", "first", "second"])


def _difference_record(name: str, difference: Difference) -> dict[str, Any]:
    size = difference.needed and difference.needed.size
    return {
        **keyed({name: difference.estimate}),
        f"{name}_p": difference.p,
        f"{name}_p_all_pairs": difference.p_adjusted,
        f"{name}_verdict": str(difference.verdict),
        f"{name}_seeds_would_tell": size and size.n_trainings,
        f"{name}_images_would_tell": size and size.n_images,
    }
