"""The comparison as tables: rows of strings by column, ready for Markdown or HTML."""

import math
from typing import Any

import pandas as pd

from study.families import Configuration, Family
from study.notebook import own_run

Rows = list[dict[str, str]]

# The two rows that need no image, in every table of results.
WITHOUT_IMAGES = {"majority": "majority class", "metadata": "metadata alone, no image"}
SHORTCUTS = {
    "majority": "nothing: majority class",
    "jpeg_quality": "JPEG quality (quantisation table)",
    "bytes_per_pixel": "bytes per pixel",
    "size": "width, height, aspect",
    "mode": "mode (grey or RGB)",
    "metadata": "all metadata together",
    "brightness": "mean and spread of brightness",
    "border": "the frame: outermost ring at 16x16",
    "thumbnail": "the image at 8x8",
}
NOTHING = "-"
FEWEST_TO_RANK = 3


def performance(family: Family, notebook: pd.DataFrame) -> Rows:
    """What each configuration reaches on the test part, beside the study's own accuracy of these layers and rate."""
    rows = [
        {
            "run": each.name,
            "layers": each.layers,
            "learning rate": f"{each.learning_rate:g}",
            **{name: _estimate(each.measured.figures, name) for name in ("accuracy", "auroc")},
            **{name: _estimate(each.measured.figures, name) for name in ("sensitivity", "specificity")},
            "seeds": str(each.measured.figures["n_seeds"]),
            "notebook's accuracy": _of_notebook(each, notebook),
        }
        for each in family.configurations
    ]
    for key, title in WITHOUT_IMAGES.items():
        figures = {name: _estimate(family.shortcuts[key], name) for name in ("accuracy", "auroc")}
        rows.append({**dict.fromkeys(rows[0], NOTHING), "run": f"*{title}*", **figures})
    return rows


def fitting(family: Family) -> Rows:
    """How far training and validation part, in the losses (nats)."""
    return [
        {
            "run": each.name,
            "gap at the end": _number(each.train("loss_gap"), "+.3f"),
            "best epoch": _number(each.train("best_epoch"), ".3g"),
            "gap there": _number(each.train("loss_gap_best"), "+.3f"),
            "val loss rises from epoch": _number(each.train("val_loss_rises_from"), ".3g"),
            "by": _number(each.train("val_loss_rise"), ".3f"),
            "jitter of val loss": _number(each.train("val_loss_jitter"), ".4f"),
            "loss: train": _number(each.train("loss"), ".3f"),
            "val": _number(each.train("val_loss"), ".3f"),
            "test": _number(each.test_loss, ".3f"),
        }
        for each in family.configurations
    ]


def cost(family: Family) -> Rows:
    """What each configuration costs, and on what."""
    return [
        {
            "run": each.name,
            "parameters": f"{each.first.train['parameters']:,}",
            "MFLOPs per image": _number(each.train("flops_per_image") / 1e6, ",.0f"),
            "seconds": _number(each.train("seconds"), ",.0f"),
            "images per second": _number(each.train("images_per_second"), ",.0f"),
            "peak memory, MiB": _number(each.train("peak_memory_mib"), ",.0f"),
            "precision": str(each.first.train["precision"]),
            "device": str(each.first.train["device"]),
        }
        for each in family.configurations
    ]


def pairs(family: Family) -> Rows:
    """A row for each pair of configurations."""
    return [
        {
            "second - first": pair.title,
            "accuracy": _estimate(pair.figures, "accuracy_difference", "+.3f"),
            "auroc": _estimate(pair.figures, "auroc_difference", "+.3f"),
            "only first / second right": "{n_only_first_right} / {n_only_second_right}".format(**pair.figures),
            "McNemar p": _number(pair.figures["p_mcnemar"], ".2g"),
            "p (Holm)": _number(pair.p_images, ".2g"),
            "p by seeds": _number(pair.figures["p_seeds"], ".2g"),
            "by seeds (Holm)": _number(pair.p_seeds, ".2g"),
            "images needed": _number(pair.figures["n_images_needed"], ",.0f"),
        }
        for pair in family.pairs
    ]


def audit(family: Family) -> Rows:
    """What classifiers reach that never see the lungs."""
    return [
        {
            "what the classifier sees": SHORTCUTS.get(key, key),
            "accuracy": _estimate(figures, "accuracy"),
            "auroc": _estimate(figures, "auroc"),
        }
        for key, figures in family.shortcuts.items()
    ]


def protocols(all_families: list[Family]) -> Rows:
    """Accuracy of each layers and learning rate, a column for each family; below, what needs no lungs."""
    columns = [family.test_part for family in all_families]
    rows: dict[str, dict[str, str]] = {}
    for family in all_families:
        for name, each in family.by_setting.items():
            row = rows.setdefault(name, dict.fromkeys(columns, NOTHING))
            row[family.test_part] = _estimate(each.measured.figures, "accuracy")
        for key in ("majority", "metadata", "border", "thumbnail"):
            row = rows.setdefault(f"*{SHORTCUTS[key]}*", dict.fromkeys(columns, NOTHING))
            row[family.test_part] = _estimate(family.shortcuts[key], "accuracy")
    order = sorted(rows, key=lambda name: name.startswith("*"))
    return [{"accuracy of": name, **rows[name]} for name in order]


def agreement(all_families: list[Family], notebook: pd.DataFrame) -> Rows:
    """How alike two test parts, or one and the notebook's, rank the settings that both have: Spearman's correlation."""
    accuracies = {
        family.test_part: {name: each.measured.figures["accuracy"] for name, each in family.by_setting.items()}
        for family in all_families
    }
    accuracies["the study's notebook"] = {
        name: own["test_accuracy"]
        for family in all_families
        for name, each in family.by_setting.items()
        if (own := own_run(each.first, notebook)) is not None
    }
    correlation = pd.DataFrame(accuracies).corr("spearman", min_periods=FEWEST_TO_RANK).to_numpy()
    return [
        {"order of accuracies": one} | {two: _number(value, "+.2f") for two, value in zip(accuracies, row, strict=True)}
        for one, row in zip(accuracies, correlation, strict=True)
    ]


def records(family: Family, notebook: pd.DataFrame) -> pd.DataFrame:
    """The performance, fitting and cost of every configuration as numbers, the shortcuts below them."""
    keys = ["loss_gap", "best_epoch", "loss_gap_best", "val_loss_rises_from", "val_loss_rise", "val_loss_jitter"]
    keys += ["loss", "val_loss", "parameters", "flops_per_image", "seconds", "images_per_second", "peak_memory_mib"]
    rows: list[dict[str, Any]] = [
        {
            "test_part": family.test_part,
            "run": each.name,
            "layers": each.layers,
            "learning_rate": each.learning_rate,
            **each.measured.figures,
            "test_loss": each.test_loss,
            **{f"train_{key}": each.train(key) for key in keys},
            "precision": each.first.train["precision"],
            "device": each.first.train["device"],
            "notebook_accuracy": _of_notebook(each, notebook).replace(NOTHING, ""),
        }
        for each in family.configurations
    ]
    rows += [{"test_part": family.test_part, "run": key, **figures} for key, figures in family.shortcuts.items()]
    return pd.DataFrame(rows)


def markdown(rows: Rows) -> str:
    """Rows as a Markdown table with padded columns."""
    table = [[cell.replace("|", "\\|") for cell in row] for row in [list(rows[0]), *(list(r.values()) for r in rows)]]
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in table
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def _of_notebook(each: Configuration, notebook: pd.DataFrame) -> str:
    own = own_run(each.first, notebook)
    return NOTHING if own is None else f"{own['test_accuracy']:.3f}"


def _estimate(figures: dict[str, Any], key: str, form: str = ".3f") -> str:
    """A figure with its interval, and its standard deviation over seeds where there are several."""
    value, low, high = (format(figures[name], form) for name in (key, f"{key}_low", f"{key}_high"))
    spread = figures.get(f"{key}_sd", math.nan)
    return f"{value} ({low} to {high})" + ("" if math.isnan(spread) else f", sd {spread:{form}}")


def _number(value: float, form: str) -> str:
    return NOTHING if math.isnan(value) else format(value, form)
