"""What the report says of families of results, chapter by chapter."""

from functools import partial

import pandas as pd

from cxr.data.names import in_prose
from cxr.vocabulary import PROTOCOLS
from study import facts
from study.families import Family, together
from study.report import checklist, conclusions, figures, findings, pictures, tables, words
from study.report.pages import Chapter, Report, Section, Small

OF_THE_NOTEBOOK = (
    "The last column is the study's own figure for these layers and this rate: one run of 30 epochs at 224 px, tested "
    "on its own 1,172 images, drawn at random. It stands beside the comparison, not in it."
)


def compose(all_families: list[Family], runs: pd.DataFrame, history: pd.DataFrame) -> Report:
    """The report of families of results; `runs` and `history` are the study's own figures."""
    groups = together(all_families)
    named = [(group, words.which(group, groups)) for group in groups]
    chapters = [_minute(group, which) for group, which in named]
    for group, which in named:
        chapters += [*_conclusions(group, runs, which), *_ways_to_cut(group, runs, which)]
    chapters += [_chapter(family, runs, history) for family in all_families]
    for group, which in named:
        chapters += _not_run(group, runs, which)
    chapters.append(checklist.chapter(all_families))
    chapters.append(Chapter("How it was measured", [Section(text=words.methods(all_families))]))
    is_drawn = all(facts.is_synthetic(family.first) for family in all_families)
    return Report(words.title(all_families), "synthetic" if is_drawn else "real", words.lead(all_families), chapters)


def _ways_to_cut(group: list[Family], runs: pd.DataFrame, which: str) -> list[Chapter]:
    """The ways to cut the test part beside each other; nothing where there is one."""
    if len(group) == 1:
        return []
    said = words.ways_to_cut(group)
    if "pooled" in said:
        studys = "the way of the study, " * words.are_the_studys(group)
        said["pooled"] += f", so that patients stand on both sides - {studys}kept to show what it hides"
    agreement = tables.agreement(group, runs)
    cut = Section(
        text=[" ".join(f"{protocol}: {way}." for protocol, way in said.items())], table=tables.protocols(group)
    )
    ranked = Section(
        "Do they rank the networks alike?",
        text=[
            "Spearman's rank correlation of the accuracies, over the settings that both have: +1 is the same order, 0 "
            "an unrelated one, -1 the reverse."
        ],
        table=agreement,
    )
    sections = [cut, ranked] if agreement.rows else [cut]
    return [Chapter(f"Ways to cut the test part, side by side{which}", sections)]


def _not_run(group: list[Family], runs: pd.DataFrame, which: str) -> list[Chapter]:
    """What is missing of the study; no chapter where nothing of it was run."""
    if not any(conclusions.has_runs_of_the_study(family, runs) for family in group):
        return []
    missing = conclusions.not_run(group, runs, PROTOCOLS) or ["Nothing of the study is missing."]
    return [Chapter(f"What was not run{which}", [Section(points=missing)])]


def _minute(group: list[Family], which: str) -> Chapter:
    """What a reader with one minute takes along, and some of the images."""
    drawn = [figures.side_by_side(group)] if len(group) > 1 else []
    shown = [*drawn, figures.operating_points(group)]
    found = Section(points=findings.findings(group), figures=shown, is_lead=True)
    return Chapter(f"In one minute{which}", [found, *_samples(group)])


def _samples(group: list[Family]) -> list[Section]:
    """Images drawn at random, of the first family that has a picture of them: all have the same."""
    found = (pictures.section(family, "The images", "samples") for family in group)
    return next((section for section in found if section), [])


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
                "jitter: how uneven the validation loss runs. Means over the seeds; where the validation loss rises in "
                "some of them alone, brackets say in how many."
                + (" Dotted: the notebook's own curves." if tables.has_notebook(family, runs) else ""),
                *words.of_losses(family),
            ],
            table=tables.fitting(family),
            small=_small(family, partial(figures.curves, runs=runs, history=history)),
        ),
        *pictures.section(family, "What the training saw", "augmented"),
        Section(
            "Cost",
            text=[
                "Time includes validation. Compare times within one machine and session only.",
                *words.of_machines(family),
                words.of_times(family),
            ],
            table=tables.cost(family),
        ),
    ]
    if family.pairs:
        sections += [
            Section(
                "Differences",
                text=words.of_differences(family),
                table=tables.pairs(family.drawn_pairs),
                fold=f"{facts.count(len(family.drawn_pairs), 'pair')}, one by one",
            ),
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
                "Dashed: perfect. Larger dots: more images. Error: how far the two lie apart, mean over the images."
            ],
            small=_small(family, figures.calibration),
        ),
        Section(
            "What needs no lungs",
            text=[
                "Boosted trees that learn the label from what shows no lungs, on the same training and test parts. "
                "Where one comes near a network, the network's figure proves little.",
                *words.of_images(family),
            ],
            table=tables.audit(family),
        ),
        *pictures.section(family, "Where the network looks", "saliency", words.looks(family)),
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


def _small(family: Family, draw: figures.Draw) -> Small:
    """A figure for each configuration, and one of all."""
    return Small([draw(family, [run]) for run in family.drawn], draw(family, family.drawn))
