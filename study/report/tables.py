"""The comparison as tables, one function for each."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from cxr.statistics.comparison import Difference
from cxr.statistics.estimate import Estimate
from cxr.statistics.ranks import Rank
from cxr.statistics.significance import Verdict
from study.facts import SHORTCUTS, millions
from study.families import Configuration, Family, Pair, train_mean
from study.notebook import notebook_run
from study.report.cells import NOTHING, Column, Row, Table, tabulated
from study.side_by_side import by_label

# The two rows that need no image, in every table of results.
WITHOUT_IMAGES = {"majority": "majority class", "metadata": "metadata alone, no image"}
NOTEBOOK = "the study's notebook"
FEWEST_TO_RANK = 3


def performance(family: Family, notebook: pd.DataFrame) -> Table:
    """What each configuration reaches on the test part, beside the study's own accuracy of these layers and rate."""
    columns: list[Column[Configuration]] = [
        Column("run", lambda run: run.name),
        Column("layers", lambda run: run.layers),
        Column("learning rate", lambda run: run.first.rate),
        Column("accuracy", lambda run: run.estimates["accuracy"]),
        Column("auroc", lambda run: run.estimates["auroc"]),
        Column("sensitivity", lambda run: run.estimates["sensitivity"]),
        Column("specificity", lambda run: run.estimates["specificity"]),
        Column("seeds", lambda run: run.measured.n_seeds, "d"),
    ]
    if has_notebook(family, notebook):
        columns.append(Column("notebook's accuracy", lambda run: notebook_accuracy(run, notebook)))
    configurations = tabulated(columns, family.configurations)
    asides = [Row({"run": title, **family.shortcuts[key]}, is_aside=True) for key, title in WITHOUT_IMAGES.items()]
    return Table(configurations.forms, configurations.rows + asides)


def balanced(family: Family) -> Table:
    """What each configuration reaches where both classes count the same, beside its accuracy."""
    columns: list[Column[Configuration]] = [
        Column("run", lambda run: run.name),
        Column("accuracy", lambda run: run.estimates["accuracy"]),
        Column("balanced accuracy", lambda run: run.estimates["balanced_accuracy"]),
        Column("Matthews' coefficient", lambda run: run.estimates["mcc"]),
    ]
    return tabulated(columns, family.configurations)


def fitting(family: Family) -> Table:
    """How far training and validation part, in the losses (nats)."""
    columns: list[Column[Configuration]] = [
        Column("run", lambda run: run.name),
        Column("gap at the end", lambda run: run.train_mean("loss_gap"), "+.3f"),
        Column("best epoch", lambda run: run.train_mean("best_epoch"), ".3g"),
        Column("gap there", lambda run: run.train_mean("loss_gap_best"), "+.3f"),
        Column("val loss rises from epoch", _rises_from),
        Column("val loss rises by", lambda run: run.train_mean("val_loss_rise")),
        Column("jitter of val loss", lambda run: run.train_mean("val_loss_jitter"), ".4f"),
        Column("training loss", lambda run: run.train_mean("loss")),
        Column("validation loss", lambda run: run.train_mean("val_loss")),
        Column("test loss", lambda run: run.test_loss),
    ]
    return tabulated(columns, family.configurations)


def _rises_from(configuration: Configuration) -> str:
    """The epoch from which the validation loss rises, mean over the trainings where it does, and how many these are."""
    rising, n = configuration.rises_from, len(configuration.results)
    if not rising:
        return NOTHING
    mean = f"{np.mean(rising):.3g}"
    return mean if len(rising) == n else f"{mean} ({len(rising)} of {n})"


def cost(family: Family) -> Table:
    """What each configuration costs, and on what: mean over its runs on that machine."""

    def mean(key: str) -> Callable[[Configuration], float]:
        return lambda run: train_mean(family.timed(run), key)

    columns: list[Column[Configuration]] = [
        Column("run", lambda run: run.name),
        Column("parameters", lambda run: run.first.train["parameters"], ",d"),
        Column("MFLOPs per image", lambda run: millions(run.train_mean("flops_per_image"))),
        Column("seconds", mean("seconds"), ",.0f"),
        Column("images per second", mean("images_per_second"), ",.0f"),
        Column("peak memory, MiB", mean("peak_memory_mib"), ",.0f"),
        Column("precision", lambda run: family.timed(run)[0].train["precision"]),
        Column("device", lambda run: family.timed(run)[0].train["device"]),
    ]
    return tabulated(columns, family.configurations)


def pairs(compared: list[Pair]) -> Table:
    """A row for each of these pairs of configurations."""
    columns: list[Column[Pair]] = [
        Column("second - first", lambda pair: pair.title),
        Column("accuracy", lambda pair: pair.comparison.accuracy.estimate, "+.3f"),
        Column("p", lambda pair: pair.comparison.accuracy.p, ".2g"),
        Column("p for all pairs", lambda pair: pair.comparison.accuracy.p_adjusted, ".2g"),
        Column("verdict", lambda pair: pair.comparison.accuracy.verdict),
        Column("would be told by", lambda pair: would_tell(pair.comparison.accuracy)),
        Column("only one right", _only_one_right),
        Column("auroc", lambda pair: pair.comparison.auroc.estimate, "+.3f"),
        Column("p of auroc for all pairs", lambda pair: pair.comparison.auroc.p_adjusted, ".2g"),
        Column("verdict on auroc", lambda pair: pair.comparison.auroc.verdict),
    ]
    return tabulated(columns, compared)


def would_tell(difference: Difference) -> str | None:
    """The study that would tell a difference, in words; None where none is named."""
    needed = difference.needed
    if needed is None:
        return None
    least = "" if difference.covers_trainings else "at least "
    what = " (as practically equal)" if needed.verdict is Verdict.EQUAL else ""
    return f"{least}{needed.size.n_trainings} seeds, {needed.size.n_images:,} images{what}"


def _only_one_right(pair: Pair) -> str:
    counts = (pair.comparison.n_only_first_right, pair.comparison.n_only_second_right)
    # Three digits, and never 1.23e+03.
    return ", ".join(f"{n:.3g}" if n < 100 else f"{n:.0f}" for n in counts)


def ranks(family: Family) -> Table:
    """How often each configuration comes first, and the places that it takes."""
    columns: list[Column[tuple[Configuration, Rank]]] = [
        Column("run", lambda item: item[0].name),
        Column("accuracy", lambda item: item[0].estimates["accuracy"].value),
        Column("comes first", lambda item: item[1].first, ".0%"),
        Column("places, 95%", lambda item: f"{item[1].low} to {item[1].high}"),
    ]
    placed = zip(family.configurations, family.ranks, strict=True)
    return tabulated(columns, sorted(placed, key=lambda item: -item[0].estimates["accuracy"].value))


def audit(family: Family) -> Table:
    """What classifiers reach that never see the lungs."""
    columns: list[Column[tuple[str, dict[str, Estimate]]]] = [
        Column("what the classifier sees", lambda shortcut: SHORTCUTS.get(shortcut[0], shortcut[0])),
        Column("accuracy", lambda shortcut: shortcut[1]["accuracy"]),
        Column("auroc", lambda shortcut: shortcut[1]["auroc"]),
    ]
    return tabulated(columns, list(family.shortcuts.items()))


def protocols(all_families: list[Family]) -> Table:
    """Accuracy of each layers and learning rate, a column for each family; below, what needs no lungs."""
    first, setting = "accuracy of", "layers, learning rate"
    networks: dict[str, Row] = {}
    asides: dict[str, Row] = {}
    for family, by_name in zip(all_families, by_label(all_families), strict=True):
        for name, configuration in by_name.items():
            row = networks.setdefault(name, Row({first: name, setting: configuration.setting}))
            row.cells[family.test_part] = configuration.estimates["accuracy"]
        for key in ("majority", "metadata", "border", "thumbnail"):
            row = asides.setdefault(key, Row({first: SHORTCUTS[key]}, is_aside=True))
            row.cells[family.test_part] = family.shortcuts[key]["accuracy"]
    forms = dict.fromkeys([first, setting, *(family.test_part for family in all_families)], ".3f")
    return Table(forms, [*networks.values(), *asides.values()])


def agreement(all_families: list[Family], notebook: pd.DataFrame) -> Table:
    """How alike two test parts, or one and the notebook's, rank the settings that both have: Spearman's correlation.

    Without those that have too few settings, or no order of them, in common with any other: it may be empty.
    """
    labelled = by_label(all_families)
    accuracies: dict[str, dict[str, float]] = {
        family.test_part: {name: one.estimates["accuracy"].value for name, one in by_name.items()}
        for family, by_name in zip(all_families, labelled, strict=True)
    }
    of_notebook = {
        name: accuracy
        for by_name in labelled
        for name, configuration in by_name.items()
        if (accuracy := notebook_accuracy(configuration, notebook)) is not None
    }
    if of_notebook:
        accuracies[NOTEBOOK] = of_notebook
    correlation = pd.DataFrame(accuracies).corr("spearman", min_periods=FEWEST_TO_RANK)
    is_ranked = correlation.mask(np.eye(len(correlation), dtype=bool)).notna().any()
    correlation = correlation.loc[is_ranked, is_ranked]
    first = "order of accuracies"
    parts = [str(part) for part in correlation]
    rows = [
        Row({first: part, **dict(zip(parts, map(float, values), strict=True))})
        for part, values in zip(parts, correlation.to_numpy(), strict=True)
    ]
    return Table(dict.fromkeys([first, *parts], "+.2f"), rows)


def has_notebook(family: Family, notebook: pd.DataFrame) -> bool:
    """Whether the study has a figure of its own for any of these configurations."""
    return any(notebook_accuracy(configuration, notebook) is not None for configuration in family.configurations)


def notebook_accuracy(configuration: Configuration, notebook: pd.DataFrame) -> float | None:
    """The study's own accuracy with these layers and this rate; None where it has none."""
    run = notebook_run(configuration.first, notebook)
    return None if run is None else float(run["test_accuracy"])
