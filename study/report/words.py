"""What the report says of itself: what was compared, how it was measured, what its figures mean."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from cxr.data import overlap
from cxr.statistics import significance
from cxr.statistics.evaluation import DRAWN
from cxr.statistics.needed import MOST_TRAININGS
from study import facts, in_words
from study.families import Family
from study.report import checklist
from study.results import Result
from study.side_by_side import by_label

# Characters of the networks' names in the lead; beyond that the tables name them.
LONGEST_LIST = 400

# Networks that a title names each; of more the first and the last.
FEW = 4

# Pairs whose verdicts hang on something that a sentence names each.
MOST_NAMED = 5

# A factor between speeds beyond which nothing is told.
MOST_TOLD = 100

# Trainings of each network from which p keeps its promise also where some networks are steadier than others.
ENOUGH_SEEDS = 5

# How the patients of the images are known, see cxr.data.names.Origin.
PATIENTS = {
    "file names": "Patients are those of the file names.",
    "table": "Patients are those of the table that names the images.",
    "unknown": "Nobody knows the patients of these images: where one has several, the intervals are too narrow, and "
    "the parts may share patients.",
}


def are_the_studys(all_families: list[Family]) -> bool:
    """Whether all were tested on images of the study."""
    return all(facts.is_kermany(family.first) for family in all_families)


def ways_to_cut(all_families: list[Family]) -> dict[str, str]:
    """In a few words, how the test part of each protocol among them was cut."""
    said = {
        "official": "Kaggle's test folder" if are_the_studys(all_families) else "the test part that the source has",
        "grouped": "all images, cut by patient",
        "pooled": "all images, cut at random",
        "series": "taken in another way than the others",
    }
    return {family.protocol: said[family.protocol] for family in all_families}


def title(all_families: list[Family]) -> str:
    """On what networks are compared, and which."""
    kinds = {facts.is_synthetic(family.first): None for family in all_families}
    subject = " and ".join("synthetic phantoms" if is_drawn else "chest radiographs" for is_drawn in kinds)
    labels = _labels(all_families)
    names = ", ".join(labels) if len(labels) <= FEW else f"{labels[0]} to {labels[-1]}, {len(labels)} networks"
    if len(labels) == 1:
        return f"A convolutional network on {subject}: {names}"
    return f"Convolutional networks on {subject}, compared: {names}"


def _labels(all_families: list[Family]) -> list[str]:
    """The networks' names, under whatever test part they stand."""
    return list(dict.fromkeys(label for labelled in by_label(all_families) for label in labelled))


def which(group: list[Family], groups: list[list[Family]]) -> str:
    """What tells a group's chapters from those of another, in brackets; empty where there is one group."""
    if len(groups) == 1:
        return ""
    first = group[0].first
    classes = "" if len({tuple(one[0].first.classes) for one in groups}) == 1 else f" of {' or '.join(first.classes)}"
    return f" ({first.data['images']} images at {first.params['images']['size']} px{classes})"


def lead(all_families: list[Family]) -> list[str]:
    """What was compared, and what spoils a test part or a comparison."""
    n_runs = sum(len(family.results) for family in all_families)
    labels = _labels(all_families)
    n, n_parts = len(labels), len(all_families)
    said = f"{facts.count(n_runs, 'training')} of {facts.count(n, 'network')}"
    said += f" under {n_parts} test parts" * (n_parts > 1)
    said += f": {names}." if len(names := ", ".join(labels)) < LONGEST_LIST else "."
    patients = " ".join(dict.fromkeys(PATIENTS[family.first.data["patients"]] for family in all_families))
    spoilt = [*_drawn(all_families), *_leaks(all_families), *_contradicted(all_families), *_rounding(all_families)]
    return [f"{said} {patients} No run chose anything on its test part. Not for clinical use.", *spoilt]


def _drawn(all_families: list[Family]) -> list[str]:
    """That some images are drawn and others are not; a report of phantoms alone says so above all."""
    parts = [family.test_part for family in all_families if facts.is_synthetic(family.first)]
    if len(parts) in (0, len(all_families)):
        return []
    return [f"Synthetic phantoms, in chapters of their own, say nothing of real radiographs: {'; '.join(parts)}."]


def _leaks(all_families: list[Family]) -> list[str]:
    """What makes a test part's figures too good, one sentence for each that there is."""
    said = {family.test_part: overlap.leak(family.first.split) for family in all_families}
    return [f"{test_part}: {sentence}" for test_part, sentence in said.items() if sentence]


def _contradicted(all_families: list[Family]) -> list[str]:
    """That equal images have different labels, one sentence for each number of them."""
    numbers = dict.fromkeys(family.first.data.get("n_duplicates_across_labels", 0) for family in all_families)
    return [
        f"Both classes hold exact copies of {facts.count(n, 'image')}: one label of each is wrong; "
        "data/details/data.json names them among its duplicates."
        for n in numbers
        if n
    ]


def _rounding(all_families: list[Family]) -> list[str]:
    """Where runs of one test part were trained in different precisions, one sentence for each such part."""
    return [f"{family.test_part}: {said}" for family in all_families for said in in_words.precisions(family)]


def methods(all_families: list[Family]) -> list[str]:
    """What was run and what the figures mean, in sentences."""
    everything = [result for family in all_families for result in family.results]
    epochs, batches = (_words(result.params["train"][key] for result in everything) for key in ("epochs", "batch_size"))
    epochs += " epoch" if epochs == "1" else " epochs"
    optimizers = _words("AdamW" if result.params["train"]["weight_decay"] else "Adam" for result in everything)
    devices = _words(result.machine for result in everything)
    cuts = "; ".join(f"{family.test_part} {_shared(family.first)}" for family in all_families)
    return [
        f"{facts.count(len(everything), 'run')} of {epochs} with {optimizers} at batch size {batches}; the last "
        f"epoch counts. Tested on: {cuts}. Trained on: {devices}.",
        "Intervals are 95%. Where a run has several training seeds they cover other patients and other trainings, and "
        "sd is the deviation between its seeds; with a single seed, patients alone, drawn in whole groups by a "
        "bootstrap.",
    ]


def _words(values: Iterable[Any]) -> str:
    return " or ".join(map(str, sorted(set(values))))


def _shared(result: Result) -> str:
    """The patients of a test part, and how many of its images are of such as stand elsewhere too."""
    if result.data["patients"] == "unknown":
        return "(each image counts as a patient)"
    n = result.split["test"]["n_images_of_shared_groups"]
    shared = "none of them elsewhere" if n == 0 else f"{n:,} images of groups that are also in training or validation"
    return f"of {result.test['n_groups']:,} patient groups, {shared}"


def of_images(family: Family) -> list[str]:
    """On whose images the audit was made, where not all configurations have theirs prepared alike."""
    alike = [one.name for one in family.prepared_alike]
    others = [one.name for one in family.configurations if one.name not in alike]
    if not others:
        return []
    return [f"On the images as {alike[0]} has them. Prepared otherwise: {', '.join(others)}."]


def of_machines(family: Family) -> list[str]:
    """Which of the runs times and memory are of, where they were not all trained on one machine."""
    if len(family.machines) == 1:
        return []
    return ["Times and memory are those of the seeds that were trained on the device and in the precision named."]


def of_times(family: Family) -> str:
    """How far apart two speeds must lie to be told apart, in words."""
    if family.noise is None:
        return "No network here was trained twice on one machine: how far equal networks' times lie apart nobody knows."
    factor, degrees = family.noise.factor, f"{facts.count(family.noise.degrees, 'degree')} of freedom"
    if factor > MOST_TOLD:
        return f"With {degrees} for it, no difference in time can be told here."
    return (
        f"The speeds of two runs of equal networks differ by a factor of {factor:.2f} or more in 1 of 20 ({degrees}): "
        "which of two single runs trains faster cannot be told below it."
    )


def of_losses(family: Family) -> list[str]:
    """Which losses of the table are of another kind than the others, in words; nothing where all are alike."""
    kinds: dict[str, list[str]] = {}
    for configuration in family.configurations:
        kinds.setdefault(_loss_of(configuration.first.params), []).append(configuration.name)
    told = [f"of {', '.join(names)} {kind}" for kind, names in kinds.items() if kind]
    return [f"Losses that stand beside no other: {'; '.join(told)}."] if told else []


def _loss_of(params: dict[str, Any]) -> str:
    """In what a run's losses are not the plain cross-entropy of two classes; empty where they are."""
    train, of_test = params["train"], params["evaluate"]["temperature"] != "none"
    of_training = [
        *(["over the etiologies"] if train["target"] == "etiology" else []),
        *(["with smoothed labels"] if train["label_smoothing"] else []),
        *(["weighted by class in training"] if train["balance"] else []),
    ]
    said = [f"training and validation {', '.join(of_training)}"] if of_training else []
    return " and ".join([*said, *(["test at its temperature"] if of_test else [])])


def of_differences(family: Family) -> list[str]:
    """How a difference is told, in words."""
    margin = "" if family.margin is None else f", which is {family.margin:g}"
    return [
        "Second minus first, mean over the seeds of each, on the same images. With two seeds or more of both, the 95% "
        "interval and p cover other patients and other trainings: the seeds are the readers of a multi-reader study "
        "(Obuchowski and Rockette; Hillis). Where either has one seed they cover patients alone. p is 5% or less "
        "exactly where the interval leaves out 0; p for all pairs is Holm's, for the "
        f"{facts.count(len(family.pairs), 'pair')} compared here.",
        "Differ: p for all pairs is 5% or less. Practically equal: the difference is smaller than the margin"
        f"{margin}, by two one-sided tests for all pairs. These trainings differ: as differ, but of single trainings, "
        "which other seeds may turn round. Cannot be told: none of these; beside it, the cheapest number of seeds of "
        "each and of test images with which a difference of this size would be told in 4 of 5 studies, as one or, "
        f"where so marked, as practically equal; a dash where {MOST_TRAININGS} seeds are too few, whatever the images. "
        "Only one right: images that only the first or only the second gets right, mean over the pairings of seeds.",
        *_of_few_seeds(family),
        *_of_sharing(family, "accuracy"),
        *_of_sharing(family, "auroc"),
        in_words.difference(family),
    ]


def _of_few_seeds(family: Family) -> list[str]:
    """How far p can be trusted where networks have two to four seeds."""
    n = {len(configuration.results) for configuration in family.configurations} - {1}
    if not n or min(n) >= ENOUGH_SEEDS:
        return []
    return [
        f"Some networks have {min(n)} seeds. Where trainings of one network lie further apart than those of another, p "
        f"is too small with fewer than {ENOUGH_SEEDS}: in simulations with 2 or 3, 9 to 19 of 100 families of 28 pairs "
        "had a false difference, instead of 5."
    ]


def _of_sharing(family: Family, metric: str) -> list[str]:
    """Whether the networks share one deviation between their seeds, and which verdicts hang on that."""
    together = family.spread(metric)
    if np.count_nonzero(together.varies) < 2:
        return []
    now = [getattr(pair.comparison, metric).verdict for pair in family.pairs]
    otherwise = significance.tested(together.otherwise(), family.margin, family.n_patients)
    changed = [
        f"{pair.title} ({other.verdict})"
        for pair, verdict, other in zip(family.pairs, now, otherwise, strict=True)
        if verdict is not other.verdict
    ]
    name = DRAWN[metric]
    if together.is_pooled.any():
        how = f"In {name} the networks share one deviation between their seeds, since nothing denies it"
        instead = "With its own for each"
    else:
        how, instead = f"In {name} each network has its own deviation between its seeds", "With one for all"
    verdicts = facts.count(len(changed), "verdict") if changed else "no verdict"
    named = f": {', '.join(changed)}" if 0 < len(changed) <= MOST_NAMED else ""
    p_equal = f"p that they are one: {together.p_equal:.2g}, Bartlett"
    return [f"{how} ({p_equal}). {instead}, {verdicts} would be another{named}."]


def looks(family: Family) -> str:
    """What the maps of saliency cannot hide, in figures, and how foreign pictures are warned of."""
    result = checklist.best_validated(family).first
    return f"In figures: {facts.saliency(result)}. Foreign pictures: {facts.foreign(result)}."
