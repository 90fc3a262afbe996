"""Cut a manifest into training, validation and test parts."""

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import train_test_split

from cxr.data.params import SplitParams
from cxr.errors import UserError
from cxr.vocabulary import SPLITS

# The names of normal images come in two series, IM-... and this.
SECOND_SERIES = "NORMAL2-IM"


def cut(manifest: pd.DataFrame, params: SplitParams) -> dict[str, pd.DataFrame]:
    """The parts `train`, `val` and `test`: rows of the manifest with their position in it as `row`.

    official  test is the official test split; validation is cut from the rest by patient group.
    grouped   everything pooled, test and validation cut by patient group.
    pooled    the study's protocol: test, then validation, cut at random by image. Patients are shared.
    series    a shifted validation, with the official test split left out: of the rest, test is one series of normal
              files (NORMAL2-IM) and viral pneumonia, or the rarest acquisition where a table names them; validation is
              cut from the others by patient group.

    All cuts are stratified by label (by etiology where cut by group) and independent of the order of the rows.
    Raises UserError where a part would be empty or lack a class, the test part has one patient of a class, or nothing
    is known of what a protocol cuts by.
    """
    manifest = manifest.assign(row=np.arange(len(manifest)))
    if params.protocol == "series":
        manifest = manifest[manifest["official_split"] != "test"]
    manifest = manifest.sort_values("path", ignore_index=True)
    is_test = _test_mask(manifest, params)
    rest = manifest[~is_test]
    is_val = _draw(rest, params.val_fraction, params, part=1)
    parts = {"train": rest[~is_val], "val": rest[is_val], "test": manifest[is_test]}
    for name, part in parts.items():
        if part["label"].nunique() < 2:
            raise UserError(f"the {name} part has no image of one class; use more images or other split fractions")
    if parts["test"].groupby("label")["patient_group"].nunique().min() < 2:
        raise UserError(
            "all test images of one class are of one patient, so that nothing is known of others; use more patients or "
            "another split, or data.patient none where it is not known whose images they are"
        )
    return parts


def _test_mask(manifest: pd.DataFrame, params: SplitParams) -> "pd.Series[bool]":
    if params.protocol == "official":
        is_test = manifest["official_split"] == "test"
        if not is_test.any():
            raise UserError(
                "no image is said to be of a test part, so that split.protocol official has none; fill in the column "
                "part of the table, or use split.protocol grouped, or pooled where patients are not known"
            )
        return is_test
    if params.protocol == "series":
        return _second_series(manifest)
    return _draw(manifest, params.test_fraction, params, part=2)


def _second_series(manifest: pd.DataFrame) -> "pd.Series[bool]":
    """Which images were taken in another way than the others."""
    if "acquisition" in manifest:
        # Of equally rare ones the first by name.
        counts = manifest["acquisition"].value_counts().sort_index()
        if len(counts) < 2:
            found = "those of one" if len(counts) else "none"
            raise UserError(
                "split.protocol series needs images of two acquisitions whose part is not test, and there are "
                f"{found}; correct the table's columns part and acquisition, or use another protocol"
            )
        return manifest["acquisition"] == counts.idxmin()
    is_second = manifest["patient_group"].str.startswith(SECOND_SERIES) | (manifest["etiology"] == "virus")
    if not is_second.any():
        raise UserError("split.protocol series needs Kermany's file names, or a table with a column acquisition")
    return is_second


def _draw(table: pd.DataFrame, fraction: float, params: SplitParams, part: int) -> "pd.Series[bool]":
    """Which images of `table` go to the smaller part."""
    if params.protocol == "pooled":
        return _draw_images(table, fraction, (params.seed * len(SPLITS) + part) % 2**32)
    return _draw_groups(table, fraction, np.random.default_rng([params.seed, part]))


def _draw_images(table: pd.DataFrame, fraction: float, seed: int) -> "pd.Series[bool]":
    """A random `fraction` of the images, stratified by label."""
    try:
        _, drawn = train_test_split(table.index, test_size=fraction, random_state=seed, stratify=table["label"])
    except ValueError as error:
        raise UserError(f"too few images to split: {error}") from None
    return pd.Series(table.index.isin(drawn), index=table.index)


def _draw_groups(table: pd.DataFrame, fraction: float, rng: np.random.Generator) -> "pd.Series[bool]":
    """Whole groups, in random order within each etiology, until `fraction` of its images is nearest."""
    unit = _units(table)
    sizes = (
        pd.DataFrame({"unit": unit, "etiology": table["etiology"]}).groupby("unit")["etiology"].agg(["first", "size"])
    )
    drawn: list[str] = []
    for _, stratum in sizes.groupby("first"):
        shuffled = stratum.sample(frac=1, random_state=rng)["size"]
        filled = shuffled.cumsum().to_numpy()
        target = fraction * filled[-1]
        n_drawn = int(np.abs(np.concatenate([[0], filled]) - target).argmin())
        drawn.extend(shuffled.index[:n_drawn])
    return unit.isin(drawn)


def _units(table: pd.DataFrame) -> "pd.Series[str]":
    """What may not be torn apart: the patient group, joined with others that hold an exact copy of its images.

    A unit is named after the first of its groups, so that it does not depend on the order of the rows.
    """
    groups, group_names = pd.factorize(table["patient_group"], sort=True)
    _, first_of_copies = np.unique(table["sha256"].to_numpy(), return_inverse=True)
    representative = pd.Series(groups).groupby(first_of_copies).transform("min").to_numpy()
    n = len(group_names)
    links = coo_array((np.ones(len(groups)), (groups, representative)), shape=(n, n))
    _, component = connected_components(links, directed=False)
    first_group = pd.Series(np.arange(n)).groupby(component).transform("min").to_numpy()
    return pd.Series(np.asarray(group_names)[first_group[groups]], index=table.index)
