"""The comparison as tables: numbers, which become text when a table is drawn."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pandas as pd
from tabulate import tabulate

from cxr.statistics.comparison import Difference, Rank, Verdict
from cxr.statistics.estimate import Estimate, keyed
from study.facts import SHORTCUTS
from study.families import Configuration, Family, Pair, side_by_side, train_mean
from study.notebook import notebook_run

Cell = str | int | float | Estimate | None
Item = TypeVar("Item")

# The two rows that need no image, in every table of results.
WITHOUT_IMAGES = {"majority": "majority class", "metadata": "metadata alone, no image"}
NOTEBOOK = "the study's notebook"
NOTHING = "-"
FEWEST_TO_RANK = 3


@dataclass(frozen=True)
class Column(Generic[Item]):
    """A column of a table: its title, its cell of an item, and the format of its numbers."""

    title: str
    cell: Callable[[Item], Cell]
    form: str = ".3f"


@dataclass(frozen=True)
class Row:
    """Cells by column; an aside is no configuration, and drawn in italics."""

    cells: dict[str, Cell]
    is_aside: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under titles, each with the format of its column's numbers."""

    forms: dict[str, str]
    rows: list[Row]

    @property
    def titles(self) -> list[str]:
        return list(self.forms)

    def texts(self, row: Row) -> list[str]:
        """A row's cells as they are read; what is absent or undefined is a dash."""
        return [_text(row.cells.get(title), form) for title, form in self.forms.items()]

    def lines(self, row: Row) -> list[tuple[str, list[str]]]:
        """A row's cells, each as its column's title and the lines of a narrow cell."""
        return [(title, _lines(row.cells.get(title), form)) for title, form in self.forms.items()]


def _table(columns: list[Column[Item]], items: list[Item]) -> Table:
    rows = [Row({column.title: column.cell(item) for column in columns}) for item in items]
    return Table({column.title: column.form for column in columns}, rows)


def performance(family: Family, notebook: pd.DataFrame) -> Table:
    """What each configuration reaches on the test part, beside the study's own accuracy of these layers and rate."""
    columns: list[Column[Configuration]] = [
        Column("run", lambda run: run.name),
        Column("layers", lambda run: run.layers),
        Column("learning rate", lambda run: run.learning_rate, "g"),
        Column("accuracy", lambda run: run.estimates["accuracy"]),
        Column("auroc", lambda run: run.estimates["auroc"]),
        Column("sensitivity", lambda run: run.estimates["sensitivity"]),
        Column("specificity", lambda run: run.estimates["specificity"]),
        Column("seeds", lambda run: run.measured.n_seeds, "d"),
    ]
    if has_notebook(family, notebook):
        columns.append(Column("notebook's accuracy", lambda run: _of_notebook(run, notebook)))
    table = _table(columns, family.configurations)
    asides = [Row({"run": title, **family.shortcuts[key]}, is_aside=True) for key, title in WITHOUT_IMAGES.items()]
    return Table(table.forms, table.rows + asides)


def balanced(family: Family) -> Table:
    """What each configuration reaches where both classes count the same, beside its accuracy."""
    columns: list[Column[Configuration]] = [
        Column("run", lambda run: run.name),
        Column("accuracy", lambda run: run.estimates["accuracy"]),
        Column("balanced accuracy", lambda run: run.estimates["balanced_accuracy"]),
        Column("Matthews' coefficient", lambda run: run.estimates["mcc"]),
    ]
    return _table(columns, family.configurations)


def fitting(family: Family) -> Table:
    """How far training and validation part, in the losses (nats)."""
    columns: list[Column[Configuration]] = [
        Column("run", lambda run: run.name),
        Column("gap at the end", lambda run: run.train_mean("loss_gap"), "+.3f"),
        Column("best epoch", lambda run: run.train_mean("best_epoch"), ".3g"),
        Column("gap there", lambda run: run.train_mean("loss_gap_best"), "+.3f"),
        Column("val loss rises from epoch", lambda run: run.train_mean("val_loss_rises_from"), ".3g"),
        Column("by", lambda run: run.train_mean("val_loss_rise")),
        Column("jitter of val loss", lambda run: run.train_mean("val_loss_jitter"), ".4f"),
        Column("loss: train", lambda run: run.train_mean("loss")),
        Column("val", lambda run: run.train_mean("val_loss")),
        Column("test", lambda run: run.test_loss),
    ]
    return _table(columns, family.configurations)


def cost(family: Family) -> Table:
    """What each configuration costs, and on what: mean over its runs on that machine."""

    def mean(key: str) -> Callable[[Configuration], float]:
        return lambda run: train_mean(family.timed(run), key)

    columns: list[Column[Configuration]] = [
        Column("run", lambda run: run.name),
        Column("parameters", lambda run: run.first.train["parameters"], ",d"),
        Column("MFLOPs per image", lambda run: run.train_mean("flops_per_image") / 1e6, ",.0f"),
        Column("seconds", mean("seconds"), ",.0f"),
        Column("images per second", mean("images_per_second"), ",.0f"),
        Column("peak memory, MiB", mean("peak_memory_mib"), ",.0f"),
        Column("precision", lambda run: family.timed(run)[0].train["precision"]),
        Column("device", lambda run: family.timed(run)[0].train["device"]),
    ]
    return _table(columns, family.configurations)


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
    return _table(columns, compared)


def would_tell(difference: Difference) -> str | None:
    """The study that would tell a difference, in words; None where none is named."""
    needed = difference.needed
    if needed is None:
        return None
    least = "" if difference.covers_trainings else "at least "
    what = " (as practically equal)" if needed.verdict is Verdict.EQUAL else ""
    return f"{least}{needed.size.n_trainings} seeds, {needed.size.n_images:,} images{what}"


def _only_one_right(pair: Pair) -> str:
    return f"{pair.comparison.n_only_first_right:.3g}, {pair.comparison.n_only_second_right:.3g}"


def ranks(family: Family) -> Table:
    """How often each configuration comes first, and the places that it takes."""
    columns: list[Column[tuple[Configuration, Rank]]] = [
        Column("run", lambda item: item[0].name),
        Column("accuracy", lambda item: item[0].estimates["accuracy"].value),
        Column("comes first", lambda item: item[1].first, ".0%"),
        Column("places, 95%", lambda item: f"{item[1].low} to {item[1].high}"),
    ]
    placed = zip(family.configurations, family.ranks, strict=True)
    return _table(columns, sorted(placed, key=lambda item: -item[0].estimates["accuracy"].value))


def audit(family: Family) -> Table:
    """What classifiers reach that never see the lungs."""
    columns: list[Column[tuple[str, dict[str, Estimate]]]] = [
        Column("what the classifier sees", lambda shortcut: SHORTCUTS.get(shortcut[0], shortcut[0])),
        Column("accuracy", lambda shortcut: shortcut[1]["accuracy"]),
        Column("auroc", lambda shortcut: shortcut[1]["auroc"]),
    ]
    return _table(columns, list(family.shortcuts.items()))


def protocols(all_families: list[Family]) -> Table:
    """Accuracy of each layers and learning rate, a column for each family; below, what needs no lungs."""
    first, setting = "accuracy of", "layers, learning rate"
    networks: dict[str, Row] = {}
    asides: dict[str, Row] = {}
    for family, by_name in zip(all_families, side_by_side(all_families), strict=True):
        for name, configuration in by_name.items():
            row = networks.setdefault(name, Row({first: name, setting: configuration.setting}))
            row.cells[family.test_part] = configuration.estimates["accuracy"]
        for key in ("majority", "metadata", "border", "thumbnail"):
            row = asides.setdefault(key, Row({first: SHORTCUTS[key]}, is_aside=True))
            row.cells[family.test_part] = family.shortcuts[key]["accuracy"]
    forms = dict.fromkeys([first, setting, *(family.test_part for family in all_families)], ".3f")
    return Table(forms, [*networks.values(), *asides.values()])


def agreement(all_families: list[Family], notebook: pd.DataFrame) -> Table:
    """How alike two test parts, or one and the notebook's, rank the settings that both have: Spearman's correlation."""
    accuracies: dict[str, dict[str, float]] = {
        family.test_part: {name: one.estimates["accuracy"].value for name, one in by_name.items()}
        for family, by_name in zip(all_families, side_by_side(all_families), strict=True)
    }
    of_notebook = {
        name: accuracy
        for by_name in side_by_side(all_families)
        for name, configuration in by_name.items()
        if (accuracy := _of_notebook(configuration, notebook)) is not None
    }
    if of_notebook:
        accuracies[NOTEBOOK] = of_notebook
    correlation = pd.DataFrame(accuracies).corr("spearman", min_periods=FEWEST_TO_RANK).to_numpy()
    first = "order of accuracies"
    rows = [
        Row({first: part, **dict(zip(accuracies, map(float, values), strict=True))})
        for part, values in zip(accuracies, correlation, strict=True)
    ]
    return Table(dict.fromkeys([first, *accuracies], "+.2f"), rows)


def records(family: Family, notebook: pd.DataFrame) -> pd.DataFrame:
    """The performance, fitting and cost of every configuration as numbers, the shortcuts below them."""
    keys = ["loss_gap", "best_epoch", "loss_gap_best", "val_loss_rises_from", "val_loss_rise", "val_loss_jitter"]
    keys += ["loss", "val_loss", "parameters", "flops_per_image"]
    of_machine = ["seconds", "images_per_second", "peak_memory_mib"]
    rows: list[dict[str, Any]] = [
        {
            "test_part": family.test_part,
            "run": configuration.name,
            "layers": configuration.layers,
            "learning_rate": configuration.learning_rate,
            "n_seeds": configuration.measured.n_seeds,
            **keyed(configuration.estimates, with_sd=True),
            "test_loss": configuration.test_loss,
            **{f"train_{key}": configuration.train_mean(key) for key in keys},
            **{f"train_{key}": train_mean(family.timed(configuration), key) for key in of_machine},
            "precision": family.timed(configuration)[0].train["precision"],
            "device": family.timed(configuration)[0].train["device"],
            "notebook_accuracy": _of_notebook(configuration, notebook),
        }
        for configuration in family.configurations
    ]
    rows += [
        {"test_part": family.test_part, "run": key, **keyed(estimates)} for key, estimates in family.shortcuts.items()
    ]
    return pd.DataFrame(rows)


def pair_records(all_families: list[Family]) -> pd.DataFrame:
    """Every pair of configurations as numbers: second - first in accuracy and AUROC."""
    rows = [
        {
            "test_part": family.test_part,
            "first": pair.one.name,
            "second": pair.two.name,
            **_difference_record("accuracy", pair.comparison.accuracy),
            **_difference_record("auroc", pair.comparison.auroc),
            "only_first_right": pair.comparison.n_only_first_right,
            "only_second_right": pair.comparison.n_only_second_right,
        }
        for family in all_families
        for pair in family.pairs
    ]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=["test_part", "first", "second"])


def _difference_record(name: str, difference: Difference) -> dict[str, Any]:
    size = difference.needed and difference.needed.size
    return {
        **keyed({name: difference.estimate}),
        f"{name}_p": difference.p,
        f"{name}_p_all_pairs": difference.p_adjusted,
        f"{name}_verdict": str(difference.verdict),
        f"{name}_seeds_would_tell": size and size.n_trainings,
        f"{name}_images_would_tell": size and size.n_images,
    }


def markdown(table: Table) -> str:
    """A table as Markdown; the first cell of an aside is in italics."""
    drawn = []
    for row in table.rows:
        first, *others = (text.replace("|", "\\|") for text in table.texts(row))
        drawn.append([f"*{first}*" if row.is_aside else first, *others])
    return tabulate(drawn, table.titles, tablefmt="github", disable_numparse=True)


def has_notebook(family: Family, notebook: pd.DataFrame) -> bool:
    """Whether the study has a figure of its own for any of these configurations."""
    return any(_of_notebook(configuration, notebook) is not None for configuration in family.configurations)


def _of_notebook(configuration: Configuration, notebook: pd.DataFrame) -> float | None:
    """The study's own accuracy with these layers and this rate; None where it has none."""
    run = notebook_run(configuration.first, notebook)
    return None if run is None else float(run["test_accuracy"])


def _text(cell: Cell, form: str) -> str:
    """A cell as it is read in one line."""
    value, *beside = _lines(cell, form)
    return " ".join([value, ", ".join(beside)]) if beside else value


def _lines(cell: Cell, form: str) -> list[str]:
    """A cell as it is read: an estimate, its interval, its deviation over seeds where there are several; or a word."""
    if isinstance(cell, str):
        return [cell]
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return [NOTHING]
    if not isinstance(cell, Estimate):
        return [format(cell, form)]
    value, low, high = (format(number, form) for number in (cell.value, cell.low, cell.high))
    return [value, f"({low} to {high})", *([] if math.isnan(cell.sd) else [f"sd {cell.sd:{form}}"])]
