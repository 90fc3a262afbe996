"""Measure a network's predictions on the test part."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics as curves

from cxr.statistics import metrics
from cxr.statistics.estimate import estimate, keyed, read, sample
from cxr.statistics.params import EvaluateParams
from cxr.statistics.threshold import choose_threshold

# The metrics that are drawn with their intervals, by what they are called there.
DRAWN = {"accuracy": "accuracy", "auroc": "AUROC", "sensitivity": "sensitivity", "specificity": "specificity"}


def measure(val: pd.DataFrame, test: pd.DataFrame, params: EvaluateParams) -> dict[str, float | int]:
    """The figures of data/details/test.json, from tables of predictions (path, patient_group, label, probability).

    All but protocol, flops_per_image and temperature, which the stage adds. The threshold is settled on validation
    alone; intervals are 95%, by patient-group bootstrap.
    """
    threshold = choose_threshold(params.threshold, *_arrays(val))
    return measure_at(threshold, test, params.bootstrap_samples, params.seed)


def measure_at(threshold: float, test: pd.DataFrame, n_samples: int, seed: int) -> dict[str, float | int]:
    """The same where the threshold is settled."""
    labels, probabilities = _arrays(test)
    groups = test["patient_group"].to_numpy()
    values = metrics.of_probabilities(labels, probabilities) | metrics.at_threshold(labels, probabilities, threshold)
    sampled = sample(labels, probabilities, threshold, groups, n_samples, seed)
    return {
        "n_images": len(test),
        "n_groups": test["patient_group"].nunique(),
        **{name: float(value) for name, value in values.items()},
        "threshold": threshold,
        **keyed({name: estimate([training]) for name, training in sampled.items()}),
    }


def performance(measured: dict[str, float | int]) -> pd.DataFrame:
    """A row for each metric that is drawn, of what `measure` has found: metric, value, low, high."""
    found = {title: read(measured, name) for name, title in DRAWN.items()}
    return pd.DataFrame(
        [{"metric": title, "value": one.value, "low": one.low, "high": one.high} for title, one in found.items()]
    )


def roc(test: pd.DataFrame) -> pd.DataFrame:
    """Points of the ROC curve: false_positive_rate, sensitivity, threshold."""
    false_positive_rate, sensitivity, threshold = curves.roc_curve(*_arrays(test))
    table = {"false_positive_rate": false_positive_rate, "sensitivity": sensitivity, "threshold": threshold}
    return pd.DataFrame(table).assign(threshold=lambda t: t["threshold"].clip(upper=1.0))


def precision_recall(test: pd.DataFrame) -> pd.DataFrame:
    """Points of the precision-recall curve, with the prevalence as the precision of chance."""
    labels, probabilities = _arrays(test)
    precision, recall, _ = curves.precision_recall_curve(labels, probabilities, drop_intermediate=True)
    return pd.DataFrame({"recall": recall, "precision": precision, "prevalence": labels.mean()})


def calibration(test: pd.DataFrame) -> pd.DataFrame:
    """Mean predicted probability and observed frequency per bin, with the bin's number of images."""
    return pd.DataFrame(metrics.calibration_bins(*_arrays(test)))


def confusion(test: pd.DataFrame, threshold: float, classes: list[str]) -> pd.DataFrame:
    """One row per test image: its actual and predicted class, by their names `classes`."""
    names = np.array(classes)
    labels, probabilities = _arrays(test)
    return pd.DataFrame({"actual": names[labels], "predicted": names[(probabilities >= threshold).astype(int)]})


def _arrays(table: pd.DataFrame) -> tuple[Any, Any]:
    return table["label"].to_numpy(), table["probability"].to_numpy()
