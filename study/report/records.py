"""The comparison as numbers alone, a row for each configuration, shortcut or pair: the CSV files beside the page."""

from typing import Any

import numpy as np
import pandas as pd

from cxr.statistics.comparison import Difference
from cxr.statistics.estimate import keyed
from study.families import Family, train_mean
from study.report.tables import notebook_accuracy


def configurations(family: Family, notebook: pd.DataFrame) -> pd.DataFrame:
    """The performance, fitting and cost of every configuration as numbers, the shortcuts below them."""
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
        }
        for configuration in family.configurations
    ]
    rows += [
        {"test_part": family.test_part, "run": key, **keyed(estimates)} for key, estimates in family.shortcuts.items()
    ]
    return pd.DataFrame(rows)


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
