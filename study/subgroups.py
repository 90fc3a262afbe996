"""How a configuration does on parts of its test part: etiologies, series of files, sizes, acquisitions."""

import io
import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr.data.names import identify
from cxr.data.split import SECOND_SERIES
from cxr.sources.source import KERMANY
from cxr.statistics.estimate import Estimate, estimate, sample
from study import facts
from study.families import Configuration
from study.results import Result

# With fewer the draws of a bootstrap are much alike, with one all the same: the interval would say that much is known.
FEWEST_PATIENTS = 10
SIZES = {3: ["1 small", "2 middle", "3 large"], 2: ["1 small", "2 large"]}


@dataclass(frozen=True)
class Subgroup:
    """A part of the test part: how many images and patients, and the figures that it has.

    A part of one class has a sensitivity or a specificity alone; its AUROC is against all test images of the other.
    The interval of a figure that rests on fewer than FEWEST_PATIENTS of a class is NaN.
    """

    name: str
    n_images: int
    n_patients: int
    estimates: dict[str, Estimate]


def subgroups(configuration: Configuration) -> list[Subgroup]:
    """Every subgroup that the results tell, mean over the seeds."""
    table = _with_facts(configuration.first)
    found = [column for column in ("etiology", "series", "size", "acquisition") if column in table]
    return [
        _measure(configuration, f"{column}: {name}", (table[column] == name).to_numpy())
        for column in found
        for name in sorted(table[column].dropna().unique())
    ]


def missing(result: Result) -> list[str]:
    """What subgroups cannot be told, each with why."""
    table = _with_facts(result)
    reasons = []
    if "etiology" not in table:
        reasons.append("etiology and series of files: the images are not named as Kermany's")
    if "size" not in table:
        reasons.append(f"image size as stored: the manifest is {facts.NOT_KEPT}")
    return [*reasons, "age, sex and other facts of the patients: the data set does not have them"]


def _with_facts(result: Result) -> pd.DataFrame:
    """The predictions with a column for each fact that is known of the images."""
    table = result.predictions.copy()
    if facts.is_kermany(result) or result.params["data"]["source"] == "phantom":
        table["etiology"] = [identify(path, KERMANY)["etiology"] for path in table["path"]]
        is_second = table["patient_group"].str.startswith(SECOND_SERIES)
        table["series"] = np.where(is_second, SECOND_SERIES, "IM")
        table.loc[table["label"] == 1, "series"] = None
    if content := result.beside("data/manifest.csv"):
        manifest = pd.read_csv(io.BytesIO(content)).set_index("path").loc[table["path"]]
        pixels = (manifest["width"] * manifest["height"]).to_numpy()
        # Thirds; where many images are of one size, fewer.
        part, edges = pd.qcut(pixels, 3, labels=False, duplicates="drop", retbins=True)
        if names := SIZES.get(len(edges) - 1):
            table["size"] = np.array(names)[part]
        if "acquisition" in manifest:
            table["acquisition"] = manifest["acquisition"].str.removeprefix("acquisition ").to_numpy()
    return table


def _measure(configuration: Configuration, name: str, is_in: NDArray[np.bool_]) -> Subgroup:
    """The figures of the images that are in the subgroup, with those of the other class where it has only one."""
    first = configuration.first
    labels = first.predictions["label"].to_numpy()
    own = set(labels[is_in])
    chosen = is_in | ~np.isin(labels, list(own)) if len(own) == 1 else is_in
    settings = first.params["evaluate"]
    drawn = []
    for result in configuration.results:
        table = result.predictions[chosen]
        drawn.append(
            sample(
                table["label"].to_numpy(),
                table["probability"].to_numpy(),
                result.test["threshold"],
                table["patient_group"].to_numpy(),
                settings["bootstrap_samples"],
                settings["seed"],
            )
        )
    names = [*(["sensitivity"] if 1 in own else []), *(["specificity"] if 0 in own else []), "auroc"]
    estimates = {key: estimate([one[key] for one in drawn]) for key in names}
    groups = first.predictions["patient_group"]
    n_of = {label: groups[chosen & (labels == label)].nunique() for label in (0, 1)}
    n_known_by = {"sensitivity": n_of[1], "specificity": n_of[0], "auroc": min(n_of.values())}
    for key, one in estimates.items():
        if n_known_by[key] < FEWEST_PATIENTS:
            estimates[key] = replace(one, low=math.nan, high=math.nan)
    return Subgroup(name, int(is_in.sum()), groups[is_in].nunique(), estimates)
