"""What is known of images and figures of a configuration, in sentences: for its model card and the checklists."""

import json
import math
from typing import Any

from cxr.data.names import in_prose
from cxr.sources import kaggle, mendeley
from cxr.sources.records import SOURCES
from cxr.statistics.estimate import Estimate
from study.families import Configuration, Family
from study.results import EXPLAINED, Result, complete

NOT_KEPT = "not kept"
# Sources whose record cannot know the licence.
OF_USER = ("directory", "table")
# What each classifier of the audit sees.
SHORTCUTS = {
    "majority": "nothing: majority class",
    "jpeg_quality": "JPEG quality (quantisation table)",
    "bytes_per_pixel": "bytes per pixel",
    "size": "width, height, aspect",
    "mode": "mode (grey or RGB)",
    "acquisition": "acquisition, as the table names it",
    "metadata": "all metadata together",
    "brightness": "mean and spread of brightness",
    "border": "the frame: outermost ring at 16x16",
    "thumbnail": "the image at 8x8",
}
# Metrics whose keys are no words.
IN_PROSE = {"auroc": "AUROC", "balanced_accuracy": "balanced accuracy", "mcc": "Matthews' coefficient"}
CITATION = (
    "Kermany, Zhang, Goldbaum: Labeled Optical Coherence Tomography (OCT) and Chest X-Ray Images for Classification, "
    "Mendeley Data, v2, doi 10.17632/rscbjbr9sj.2"
)


def count(n: int, noun: str) -> str:
    """A number with what it counts, in the plural where it is not one."""
    return f"{n:,} {noun}{'s' * (n != 1)}"


def millions(n: float) -> str | None:
    """A number in millions, whole from ten on, of less its first two digits; None where it is not known."""
    if math.isnan(n):
        return None
    return f"{n / 1e6:,.0f}" if n >= 10e6 else f"{n / 1e6:.2g}"


def is_kermany(result: Result) -> bool:
    """Whether the images are Kermany's radiographs: from their source, or as many under their names in each folder."""
    if result.data["images"] != "real" or result.data["patients"] != "file names":
        return False
    counts = (kaggle.SOURCE.counts, mendeley.SOURCE.counts)
    return result.params["data"]["source"] in ("kaggle", "mendeley") or result.data.get("counts") in counts


def is_synthetic(result: Result) -> bool:
    return bool(result.data["images"] == "synthetic")


def licence(result: Result) -> str:
    """The licence of the images."""
    if is_synthetic(result):
        return "none needed: the images are drawn"
    if is_kermany(result):
        return f"CC BY 4.0 ({CITATION})"
    source = result.params["data"]["source"]
    if source in OF_USER or source not in SOURCES:
        return "that of the user's own images, which the run does not know"
    return f"{SOURCES[source].licence} (source '{source}': {SOURCES[source].address})"


def images(result: Result) -> str:
    """How many images of what, and where they come from."""
    data = result.data
    if "n_images" not in data:
        return f"{data['images']} images; how many is {NOT_KEPT}"
    kind = "synthetic phantoms" if is_synthetic(result) else "images"
    number = f"{data['n_images']:,} {kind}"
    if data["patients"] != "unknown":
        number += f" of {data['n_groups']:,} patient groups"
    if is_kermany(result):
        place = "paediatric chest radiographs of one hospital (Guangzhou Women and Children's Medical Center)"
        return f"{number}: {place}; {CITATION}"
    return f"{number}, source '{result.params['data']['source']}'"


def stored_as(result: Result) -> str:
    """How the image files are stored."""
    data = result.data
    if "modes" not in data:
        return NOT_KEPT
    modes = ", ".join(f"{n:,} {mode}" for mode, n in data["modes"].items())
    return f"{modes}; {_ends(*data['width'])} pixels wide, {_ends(*data['height'])} high"


def _ends(least: int, largest: int) -> str:
    return f"{least}" if least == largest else f"{least} to {largest}"


def taken(result: Result) -> str:
    """How the images were taken, as far as a table says it, and how they are stored."""
    named = [f"{n:,} {name.removeprefix('acquisition ')}" for name, n in result.data.get("acquisition", {}).items()]
    stored = f"as stored: {stored_as(result)}"
    if not named:
        return f"not reported, because files do not say how they were taken; {stored}"
    return f"as the table names it: {', '.join(named)}; {stored}"


def reference_standard(result: Result) -> str:
    """Where the labels come from."""
    if is_synthetic(result):
        return "the label is what was drawn"
    if is_kermany(result):
        return (
            "the class of the image's folder as published; by its publishers (Kermany et al., Cell 2018, doi "
            "10.1016/j.cell.2018.02.010) read by two physicians, the test folder by a third as well"
        )
    return "the class that the user's folder or table gives"


def preprocessing(result: Result) -> str:
    """What is done to an image before the network sees it."""
    params, seen = result.params["images"], result.params["evaluate"]
    steps = ["its middle square"] if params["is_square"] else []
    steps.append(f"reduced to {params['size']}x{params['size']} pixels of grey")
    steps += ["histogram equalised"] if params["is_equalised"] else []
    steps += [f"of which only the {params['shows']} is left"] if params["shows"] != "all" else []
    steps += [f"at test time the middle {seen['crop']:.0%} of width and height"] if seen["crop"] < 1 else []
    steps += ["mean with its mirror image"] if seen["flip"] else []
    return ", ".join(steps)


def partition(result: Result) -> str:
    """How the parts were cut, and how many images and patients each has."""
    cut = result.params["split"]
    place = "the one that the table names" if result.params["data"]["source"] == "table" else "the test folder"
    words = {
        "official": f"the test part is {place}, validation is cut from the rest by patient group",
        "grouped": "test and validation are cut by patient group",
        "pooled": "test and validation are cut at random by image, so that patients stand on both sides",
        "series": "the test part was taken in another way than the others (series of files, or acquisition)",
    }[cut["protocol"]]
    parts = [part for part in ("train", "val", "test") if "n_images" in result.split.get(part, {})]
    sizes = "; ".join(
        f"{part} {result.split[part]['n_images']:,} images, {result.split[part]['prevalence']:.1%} {positive(result)}"
        for part in parts
    )
    return f"{cut['protocol']}, seed {cut['seed']}: {words}. {sizes or f'Sizes: {NOT_KEPT}'}"


def disjoint(result: Result) -> str:
    """At what level training and test share nothing."""
    if result.data["patients"] == "unknown":
        return "unknown, for patients are not known; each image counts as one"
    n = result.split["test"]["n_images_of_shared_groups"]
    by = "file name" if result.data["patients"] == "file names" else "the user's table"
    if n == 0:
        return f"patient group (by {by}): none of the test part's stands in training or validation"
    return f"image only: {n:,} test images are of patient groups (by {by}) that stand in training or validation too"


def intervals(family: Family, configuration: Configuration) -> str:
    """How the uncertainty of one of its configurations is got."""
    result = family.first
    unit = "images, for patients are not known" if result.data["patients"] == "unknown" else "whole patient groups"
    n = f"{result.params['evaluate']['bootstrap_samples']:,} bootstrap draws of {unit}"
    if len(configuration.results) == 1:
        return f"95% intervals, from {n}; one training, so that they cover no other"
    return f"95% intervals that cover other trainings too, the seeds as readers (Obuchowski and Rockette), from {n}"


def told(estimate: Estimate) -> str:
    """A figure with its interval, and its deviation over seeds where there are several."""
    sd = f", sd {estimate.sd:.3f}" if estimate.sd == estimate.sd else ""
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f}){sd}"


def performance(configuration: Configuration) -> str:
    return ", ".join(f"{IN_PROSE.get(name, name)} {told(one)}" for name, one in configuration.estimates.items())


def without_lungs(result: Result) -> str:
    """The best that a classifier reaches which sees no lungs."""
    key, accuracy = result.best_without_lungs
    return f"{SHORTCUTS.get(key, key)}: accuracy {told(accuracy)}"


def explained(result: Result) -> dict[str, Any] | None:
    """data/details/explain.json; None where it is not kept, or is older than its newest figures."""
    values = beside(result, EXPLAINED)
    return values if values and "foreign" in values else None


def beside(result: Result, path: str) -> dict[str, Any] | None:
    """What another file of a run says, None where it is not kept. Raises UserError where it is damaged."""
    content = result.beside(path)
    with complete(result.name):
        return dict(json.loads(content)) if content else None


def saliency(result: Result) -> str:
    """What the maps of Grad-CAM say in figures."""
    if (found := explained(result)) is None:
        return NOT_KEPT
    share, drop = found["share_in_lungs"], found["probability_drop"]
    name = in_prose(result.classes[1])
    return (
        f"of a map's sum {_share(share['called_pneumonia'])} lies inside a coarse lung field in images called {name} "
        f"(chance: {_share(share['chance'])}); blanking the lungs lowers their probability by "
        f"{_number(drop['lungs'])}, blanking the frame by {_number(drop['frame'])}; rank correlation with "
        f"the maps of random weights {_number(found['agreement_random'])}"
    )


def foreign(result: Result) -> str:
    """How often the warning of foreign pictures is wrong and right."""
    if (found := explained(result)) is None:
        return NOT_KEPT
    measured = found["foreign"]
    hits = ", ".join(f"{name} {_share(share)}" for name, share in measured["hits"].items())
    return (
        f"warned of {_share(measured['false_alarms'])} of the {measured['n_images']:,} test images (false alarms); of "
        f"{measured['n_foreign']} made from them each: {hits}"
    )


def prevalence(result: Result) -> str:
    """The share of the positive class in each part."""
    shares = {part: result.split.get(part, {}).get("prevalence") for part in ("train", "val", "test")}
    return ", ".join(f"{part} {share:.1%}" for part, share in shares.items() if share is not None) or NOT_KEPT


def positive(result: Result) -> str:
    return in_prose(result.classes[1])


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}" if value in (0, 1) else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
