"""What the report says of families of results, chapter by chapter."""

from collections.abc import Iterable
from functools import partial

import pandas as pd

from cxr.data import overlap
from cxr.data.names import in_prose
from cxr.vocabulary import PROTOCOLS
from study import facts, in_words
from study.families import Family, side_by_side, together
from study.report import checklist, conclusions, figures, findings, pictures, tables
from study.report.pages import Chapter, Report, Section, Small
from study.results import Result

OF_THE_NOTEBOOK = (
    "The last column is the study's own figure for these layers and this rate: one run at 224 px, tested on its own "
    "1,172 images, drawn at random. It stands beside the comparison, not in it."
)

# Characters of the networks' names in the lead; beyond that the tables name them.
LONGEST_LIST = 400

# Networks that a title names each; of more the first and the last.
FEW = 4

# How the patients of the images are known, see cxr.data.names.Origin.
PATIENTS = {
    "file names": "Patients are those of the file names.",
    "table": "Patients are those of the table that names the images.",
    "unknown": "Nobody knows the patients of these images: where one has several, the intervals are too narrow, and "
    "the parts may share patients.",
}


def compose(all_families: list[Family], runs: pd.DataFrame, history: pd.DataFrame) -> Report:
    """The report of families of results; `runs` and `history` are the study's own figures."""
    groups = together(all_families)
    chapters = [_minute(group, _which(group, groups)) for group in groups]
    for group in groups:
        which = _which(group, groups)
        chapters += [*_conclusions(group, runs, which), *_ways_to_cut(group, runs, which)]
    chapters += [_chapter(family, runs, history) for family in all_families]
    for group in groups:
        chapters += _not_run(group, runs, _which(group, groups))
    chapters.append(checklist.chapter(all_families))
    chapters.append(Chapter("How it was measured", [Section(text=_methods(all_families))]))
    is_drawn = all(facts.is_synthetic(family.first) for family in all_families)
    return Report(_title(all_families), "synthetic" if is_drawn else "real", _lead(all_families), chapters)


def _title(all_families: list[Family]) -> str:
    """On what networks are compared, and which."""
    kinds = {facts.is_synthetic(family.first): None for family in all_families}
    subject = " and ".join("synthetic phantoms" if is_drawn else "chest radiographs" for is_drawn in kinds)
    labels = _labels(all_families)
    names = ", ".join(labels) if len(labels) <= FEW else f"{labels[0]} to {labels[-1]}, {len(labels)} networks"
    return f"Convolutional networks on {subject}, compared: {names}"


def _labels(all_families: list[Family]) -> list[str]:
    """The networks' names, under whatever test part they stand."""
    return list(dict.fromkeys(label for by_label in side_by_side(all_families) for label in by_label))


def _which(group: list[Family], groups: list[list[Family]]) -> str:
    """What tells a group's chapters from those of another, in brackets; empty where there is one group."""
    if len(groups) == 1:
        return ""
    first = group[0].first
    classes = "" if len({tuple(one[0].first.classes) for one in groups}) == 1 else f" of {' or '.join(first.classes)}"
    return f" ({first.data['images']} images at {first.params['images']['size']} px{classes})"


def _ways_to_cut(group: list[Family], runs: pd.DataFrame, which: str) -> list[Chapter]:
    """The ways to cut the test part beside each other; nothing where there is one."""
    if len(group) == 1:
        return []
    protocols, is_the_studys = dict.fromkeys(family.protocol for family in group), facts.is_kermany(group[0].first)
    said = {
        "official": "Kaggle's test folder" if is_the_studys else "the test part that the source has",
        "grouped": "all images pooled, cut by patient",
        "pooled": "all images pooled, cut at random by image, so that patients stand on both sides - "
        f"{'the way of the study, ' * is_the_studys}kept to show what it hides",
        "series": "the test part was taken in another way than the others",
    }
    cut = Section(
        text=[" ".join(f"{protocol}: {said[protocol]}." for protocol in protocols)], table=tables.protocols(group)
    )
    ranked = Section(
        "Do they rank the networks alike?",
        text=[
            "Spearman's rank correlation of the accuracies, over the settings that both have: +1 is the same order, 0 "
            "an unrelated one, -1 the reverse."
        ],
        table=tables.agreement(group, runs),
    )
    return [Chapter(f"Ways to cut the test part, side by side{which}", [cut, ranked])]


def _not_run(group: list[Family], runs: pd.DataFrame, which: str) -> list[Chapter]:
    """What is missing of the study; no chapter where nothing of it was run."""
    if not any(conclusions.has_runs_of_the_study(family, runs) for family in group):
        return []
    missing = conclusions.not_run(group, runs, PROTOCOLS) or ["Nothing of the study is missing."]
    return [Chapter(f"What was not run{which}", [Section(points=missing)])]


def _lead(all_families: list[Family]) -> list[str]:
    """What was compared, and what spoils a test part or a comparison."""
    n_runs = sum(len(configuration.results) for family in all_families for configuration in family.configurations)
    labels = _labels(all_families)
    n, n_parts = len(labels), len(all_families)
    said = f"{n_runs} training{'s' * (n_runs > 1)} of {n} network{'s' * (n > 1)}"
    said += f" under {n_parts} test parts" * (n_parts > 1)
    said += f": {names}." if len(names := ", ".join(labels)) < LONGEST_LIST else "."
    patients = " ".join(dict.fromkeys(PATIENTS[family.first.data["patients"]] for family in all_families))
    spoilt = [*_drawn(all_families), *_leaks(all_families), *_rounding(all_families)]
    return [f"{said} {patients} No run chose anything on its test part. Not for clinical use.", *spoilt]


def _drawn(all_families: list[Family]) -> list[str]:
    """That some images are drawn and others are not; a report of phantoms alone says so above all."""
    parts = [family.test_part for family in all_families if facts.is_synthetic(family.first)]
    if len(parts) in (0, len(all_families)):
        return []
    return [f"Synthetic phantoms, in chapters of their own, say nothing of real radiographs: {'; '.join(parts)}."]


def _methods(all_families: list[Family]) -> list[str]:
    """What was run and what the figures mean, in sentences."""
    everything = [
        result for family in all_families for configuration in family.configurations for result in configuration.results
    ]
    train = everything[0].params["train"]
    epochs = _words(result.params["train"]["epochs"] for result in everything)
    optimizers = _words("AdamW" if result.params["train"]["weight_decay"] else "Adam" for result in everything)
    devices = _words(result.machine for result in everything)
    cuts = "; ".join(f"{family.test_part} {_shared(family.first)}" for family in all_families)
    return [
        f"{len(everything)} runs of {epochs} epochs with {optimizers} at batch size {train['batch_size']}; the last "
        f"epoch counts. Tested on: {cuts}. Trained on: {devices}.",
        "Intervals are 95%. Where a run has several training seeds they cover other patients and other trainings, and "
        "sd is the deviation between its seeds; with a single seed, patients alone, drawn in whole groups by a "
        "bootstrap.",
    ]


def _words(values: Iterable[object]) -> str:
    return " or ".join(sorted({str(value) for value in values}))


def _shared(result: Result) -> str:
    """The patients of a test part, and how many of its images are of such as stand elsewhere too."""
    if result.data["patients"] == "unknown":
        return "(each image counts as a patient)"
    n = result.split["test"]["n_images_of_shared_groups"]
    shared = "none of them elsewhere" if n == 0 else f"{n} images of groups that are also in training or validation"
    return f"of {result.test['n_groups']} patient groups, {shared}"


def _leaks(all_families: list[Family]) -> list[str]:
    """What makes a test part's figures too good, one sentence for each that there is."""
    said = {family.test_part: overlap.leak(family.first.split) for family in all_families}
    return [f"{test_part}: {sentence}" for test_part, sentence in said.items() if sentence]


def _rounding(all_families: list[Family]) -> list[str]:
    """Where runs of one test part were trained in different precisions, one sentence for each such part."""
    return [f"{family.test_part}: {said}" for family in all_families for said in in_words.precisions(family)]


def _minute(group: list[Family], which: str) -> Chapter:
    """What a reader with one minute takes along."""
    drawn = [figures.side_by_side(group)] if len(group) > 1 else []
    shown = [*drawn, figures.operating_points(group)]
    return Chapter(f"In one minute{which}", [Section(points=findings.findings(group), figures=shown, is_lead=True)])


def _conclusions(all_families: list[Family], runs: pd.DataFrame, which: str) -> list[Chapter]:
    """The study's conclusions under every protocol, the evidence folded; none where nothing of the study was run."""
    of_study = [family for family in all_families if conclusions.has_runs_of_the_study(family, runs)]
    if not of_study:
        return []
    evidence = [
        Section(
            title=f"Evidence, tested on {family.test_part}",
            verdicts=conclusions.conclusions(family, runs),
        )
        for family in of_study
    ]
    return [Chapter(f"The study's conclusions{which}", [Section(table=conclusions.matrix(of_study, runs)), *evidence])]


def _chapter(family: Family, runs: pd.DataFrame, history: pd.DataFrame) -> Chapter:
    """All of one test part."""
    sections = [
        *_of_many(family),
        *pictures.section(family, "The images", "samples"),
        Section(
            "Accuracy",
            text=[OF_THE_NOTEBOOK] if tables.has_notebook(family, runs) else [],
            table=tables.performance(family, runs),
            figures=[figures.accuracies(family)],
        ),
        Section(
            "Where both classes count the same",
            text=[
                "Balanced accuracy: mean of sensitivity and specificity; naming one class always gives 0.5. Matthews' "
                "coefficient: correlation of labels and calls; naming one class always gives 0."
            ],
            table=tables.balanced(family),
        ),
        Section(
            "Training and validation",
            text=[
                "Losses are cross-entropies in nats; gap: validation - training; best epoch: lowest validation loss; "
                "jitter: how uneven the validation loss runs."
                + (" Dotted: the notebook's own curves." if tables.has_notebook(family, runs) else "")
            ],
            table=tables.fitting(family),
            small=_small(family, partial(figures.curves, runs=runs, history=history)),
        ),
        *pictures.section(family, "What the training saw", "augmented"),
        Section(
            "Cost",
            text=[
                "Time includes validation. Compare times within one machine and session only.",
                *_of_machines(family),
                _of_times(family),
            ],
            table=tables.cost(family),
        ),
    ]
    if family.pairs:
        sections += [
            Section("Differences", text=_of_differences(family), table=tables.pairs(family.drawn_pairs)),
            Section(figures=[figures.forest(family)]),
            Section(
                "Places",
                text=[
                    "By accuracy, over draws of patients and of trainings (of patients alone where a run has one "
                    "seed): how often a run comes first, and the places that it takes in 95% of the draws."
                ],
                table=tables.ranks(family),
            ),
        ]
    sections += [
        Section("ROC", figures=[figures.roc(family)]),
        Section(
            "Confusion",
            text=["Images of the test part by what they are and what they are called."],
            small=_small(family, figures.confusion),
        ),
        *pictures.section(family, "The most confident errors", "errors"),
        Section(
            "Calibration",
            text=[
                f"Observed frequency of {in_prose(family.first.classes[1])} by predicted probability, in ten bins. "
                "Dashed: perfect."
            ],
            small=_small(family, figures.calibration),
        ),
        Section(
            "What needs no lungs",
            text=[
                "Boosted trees that learn the label from what shows no lungs, on the same training and test parts. "
                "Where one comes near a network, the network's figure proves little.",
                *_of_images(family),
            ],
            table=tables.audit(family),
        ),
        *pictures.section(family, "Where the network looks", "saliency", _looks(family)),
    ]
    return Chapter(f"Tested on {family.test_part}", sections)


def _of_many(family: Family) -> list[Section]:
    """Which configurations are drawn where there are too many for a page; nothing where all are."""
    n, n_drawn = len(family.configurations), len(family.drawn)
    if n == n_drawn:
        return []
    text = (
        f"Curves, confusion, calibration, ROC and differences are shown of the {n_drawn} of {n} networks that do best "
        f"on validation. All other tables have all {n}; pairs.csv beside this page has all {len(family.pairs):,} pairs."
    )
    return [Section(text=[text])]


def _of_images(family: Family) -> list[str]:
    """On whose images the audit was made, where not all configurations have theirs prepared alike."""
    alike = [one.name for one in family.prepared_alike]
    others = [one.name for one in family.configurations if one.name not in alike]
    if not others:
        return []
    return [f"On the images as {alike[0]} has them. Prepared otherwise: {', '.join(others)}."]


def _of_machines(family: Family) -> list[str]:
    """Which of the runs times and memory are of, where they were not all trained on one machine."""
    if len(family.machines) == 1:
        return []
    return ["Times and memory are those of the seeds that were trained on the device and in the precision named."]


def _of_times(family: Family) -> str:
    """How far apart two speeds must lie to be told apart, in words."""
    if family.noise is None:
        return "No network here was trained twice: how far equal networks' times lie apart nobody knows."
    return (
        f"The speeds of two runs of equal networks differ by a factor of {family.noise.factor:.2f} or more in 1 of 20 "
        f"({family.noise.degrees} degrees of freedom): which of two single runs trains faster cannot be told below it."
    )


def _of_differences(family: Family) -> list[str]:
    """How a difference is told, in words."""
    margin = "" if family.margin is None else f", which is {family.margin:g}"
    return [
        "Second minus first, mean over the seeds of each, on the same images. With two seeds or more of both, the 95% "
        "interval and p cover other patients and other trainings: the seeds are the readers of a multi-reader study "
        "(Obuchowski and Rockette; Hillis). Where either has one seed they cover patients alone. p is 5% or less "
        "exactly where the interval leaves out 0; p for all pairs is Holm's, for the "
        f"{len(family.pairs)} pairs compared here.",
        "Differ: p for all pairs is 5% or less. Practically equal: the difference is smaller than the margin"
        f"{margin}, by two one-sided tests for all pairs. These trainings differ: as differ, but of single trainings, "
        "which other seeds may turn round. Cannot be told: none of these; beside it, the cheapest number of seeds of "
        "each and of test images with which a difference of this size would be told in 4 of 5 studies. Only one right: "
        "images that only the first or only the second gets right, mean over the pairings of seeds.",
    ]


def _looks(family: Family) -> str:
    """What the maps of saliency cannot hide, in figures, and how foreign pictures are warned of."""
    result = checklist.best_validated(family).first
    return f"In figures: {facts.saliency(result)}. Foreign pictures: {facts.foreign(result)}."


def _small(family: Family, draw: figures.Draw) -> Small:
    """A figure for each configuration, and one of all."""
    return Small([draw(family, [run]) for run in family.drawn], draw(family, family.drawn))
