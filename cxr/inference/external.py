"""Measure predictions on images that somebody else has labelled: another hospital's, or a folder in Kaggle's layout."""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pandas as pd

from cxr.data import sheets
from cxr.data.names import spelled
from cxr.errors import UserError
from cxr.inference.bundle import Description
from cxr.statistics.estimate import Estimate, estimate, sample

COMPARED = ("accuracy", "auroc", "sensitivity", "specificity")
# Columns that name the patient, the first that is there.
PATIENTS = ("patient_group", "patient")


def read(file: Path, classes: list[str]) -> pd.DataFrame:
    """A file of labels: path, label (the index of its class), patient_group, the path where the file has none.

    A column `patient`, as a `data.table` has it, is the patient_group too.

    Raises UserError where the file cannot be read, lacks a column or has it twice, names an image twice, spells a
    patient in two ways, or a line lacks something.
    """
    # A class may itself be called 0 or 1, and not be of that index: its name counts.
    known = {name: i for i, name in enumerate(classes)}
    known |= {str(i): i for i in range(len(classes)) if str(i) not in known}
    found: dict[str, tuple[str, int, str]] = {}
    usual: dict[str, str] = {}
    for where, row in _rows(file):
        patients = next((name for name in PATIENTS if name in row), "path")
        path, label, patient = row["path"], row["label"], row[patients]
        if label not in known:
            raise UserError(f"{where}: label '{label}' is none of {', '.join(known)}")
        if not patient.strip():
            raise UserError(f"{where}: no {patients}; fill it in everywhere or leave the column out")
        if path in found:
            raise UserError(f"{where}: {path} stands in it twice")
        # Two files may differ in capital letters, two patients do not.
        if patients != "path" and patient != usual.setdefault(spelled(patient), patient):
            raise UserError(f"{where}: {patients} '{patient}' is also spelled '{usual[spelled(patient)]}'")
        found[path] = path, known[label], patient
    return pd.DataFrame(found.values(), columns=["path", "label", "patient_group"])


def _rows(file: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Where each row stands, and its values by title."""
    needed = ("path", "label")
    check = partial(sheets.check_titles, name=str(file), needed=needed, read=(*needed, *PATIENTS))
    try:
        text = sheets.text(file, str(file))
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from None
    for line, row in sheets.rows(text, str(file), check):
        yield f"{file}, line {line}", row


def joined(table: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Predictions with their label and patient_group. Raises UserError where an image has none."""
    found = table.merge(labels, on="path", how="left")
    if absent := list(found.loc[found["label"].isna(), "path"]):
        raise UserError(f"no label for {len(absent)} images, among them {absent[0]}; write paths as they are predicted")
    return found


def by_folder(table: pd.DataFrame, classes: list[str]) -> pd.DataFrame | None:
    """Predictions labelled by their folders' names, where these are the classes, and all of them; else None.

    Every image counts as a patient of its own. Folders of another name beside those of all classes are told on stderr.
    """
    folders = [Path(path).parent.name for path in table["path"]]
    if not set(classes) <= set(folders):
        return None
    if others := [path for path, name in zip(table["path"], folders, strict=True) if name not in classes]:
        print(
            f"not measured: {len(others)} of {len(folders)} images lie in a folder that is none of "
            f"{', '.join(classes)}, the first is {others[0]}; name the classes' folders alone, or give --labels",
            file=sys.stderr,
        )
        return None
    return table.assign(label=[classes.index(name) for name in folders], patient_group=table["path"])


def measure(table: pd.DataFrame, description: Description) -> dict[str, Estimate]:
    """Accuracy, AUROC, sensitivity and specificity at the bundle's threshold with 95% intervals by patient group.

    `table` has label, patient_group and calibrated. Raises UserError where a class is not there, or of one patient.
    """
    labels = table["label"].to_numpy(int)
    if len(set(labels)) < 2:
        raise UserError("the labelled images are not of both classes; figures need both")
    if table.groupby("label")["patient_group"].nunique().min() < 2:
        raise UserError("all labelled images of one class are of one patient; intervals need others")
    sampled = sample(
        labels,
        table["calibrated"].to_numpy(float),
        description.threshold,
        table["patient_group"].to_numpy(),
        description.evaluate.bootstrap_samples,
        description.evaluate.seed,
    )
    return {name: estimate([sampled[name]]) for name in COMPARED}


def told(estimates: dict[str, Estimate], table: pd.DataFrame) -> str:
    """The figures in one line, and whose images they are of."""
    n_images, n_patients = len(table), table["patient_group"].nunique()
    # Where nobody has said who the patients are their number is not known, and not told.
    whose = f" of {n_patients} patients" if n_patients < n_images else ", each counted as a patient of its own"
    figures = ", ".join(f"{name} {one.value:.3f} ({one.low:.3f}-{one.high:.3f})" for name, one in estimates.items())
    return f"{n_images} images{whose}: {figures}"
