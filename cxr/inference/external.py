"""Measure predictions on images that somebody else has labelled: another hospital's, or a folder in Kaggle's layout."""

from pathlib import Path
from typing import Any

import pandas as pd

from cxr.errors import UserError
from cxr.statistics.estimate import Estimate, estimate, sample

COMPARED = ("accuracy", "auroc", "sensitivity", "specificity")


def labelled(table: pd.DataFrame, file: Path | None, classes: list[str]) -> pd.DataFrame | None:
    """Predictions with `label` and `patient_group`, from a file of labels or from the names of the images' folders.

    Without a file, images that all lie in folders named after the classes are labelled by them; else None. Without
    patient groups every image counts as a patient of its own.

    Raises UserError where the file lacks a column or an image, or a label is none.
    """
    if file is None:
        folders = [Path(path).parent.name for path in table["path"]]
        if not len(table) or not set(folders) <= set(classes):
            return None
        return table.assign(label=[classes.index(name) for name in folders], patient_group=table["path"])
    try:
        labels = pd.read_csv(file, dtype=str)
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read: {error}") from None
    if missing := {"path", "label"} - set(labels.columns):
        raise UserError(f"{file} lacks the column {', '.join(sorted(missing))}")
    known = dict(zip(classes, range(len(classes)), strict=True)) | {str(i): i for i in range(len(classes))}
    for line, label in enumerate(labels["label"], start=2):
        if label not in known:
            raise UserError(f"{file}, line {line}: label '{label}' is none of {', '.join(known)}")
    joined = table.merge(labels, on="path", how="left", validate="one_to_one")
    if absent := list(joined.loc[joined["label"].isna(), "path"]):
        raise UserError(f"{file} has no label for {len(absent)} images, among them {absent[0]}")
    groups = joined["patient_group"] if "patient_group" in joined else joined["path"]
    return joined.assign(label=joined["label"].map(known), patient_group=groups)


def measure(table: pd.DataFrame, description: dict[str, Any]) -> dict[str, Estimate]:
    """Accuracy, AUROC, sensitivity and specificity at the bundle's threshold with 95% intervals by patient group.

    Raises UserError where only one class is there.
    """
    labels = table["label"].to_numpy(int)
    if len(set(labels)) < 2:
        raise UserError("all images have one label; figures need both classes")
    settings = description["evaluate"]
    sampled = sample(
        labels,
        table["calibrated"].to_numpy(float),
        description["threshold"],
        table["patient_group"].to_numpy(),
        settings["bootstrap_samples"],
        settings["seed"],
    )
    return {name: estimate([sampled[name]]) for name in COMPARED}


def told(estimates: dict[str, Estimate], table: pd.DataFrame) -> str:
    """The figures in one line."""
    figures = ", ".join(f"{name} {one.value:.3f} ({one.low:.3f}-{one.high:.3f})" for name, one in estimates.items())
    return f"{len(table)} images of {table['patient_group'].nunique()} patients: {figures}"
