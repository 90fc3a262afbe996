"""The tables of docs/results/recipe.md show what the kept runs reach."""

import json
from typing import Any

import pandas as pd

from tests.markdown import ROOT, short, table

PAGE = "docs/results/recipe.md"
KEPT = ROOT / "docs" / "results" / "recipe"
# What is changed, as the page says it, and the kept run.
RUNS = {
    "nothing (seed 0)": "runs/recipe-seed0",
    "tested on the whole image, without its mirror image": "ablations/recipe-whole-image",
    "crops of .35 to 1": "ablations/recipe-mild-crop",
    "no crops": "ablations/recipe-no-crop",
    "no brightness, contrast, gamma": "ablations/recipe-no-light",
    "no augmentation at all": "ablations/recipe-no-augmentation",
    "target pneumonia alone, no etiology": "ablations/recipe-pneumonia",
    "classes not balanced": "ablations/recipe-unbalanced",
    "no running average of the weights": "ablations/recipe-no-averaging",
    "not mirrored in training": "ablations/recipe-no-flip",
    "30 epochs": "ablations/recipe-short",
    "16-32-64-128 filters, 307,000 weights": "ablations/recipe-narrow",
    "64 pixels": "ablations/recipe-64px",
    "160 pixels": "ablations/recipe-160px",
    "no label smoothing": "ablations/recipe-no-smoothing",
    "no weight decay": "ablations/recipe-no-decay",
    "equalised images": "ablations/recipe-equalised",
    "the frame: the outermost sixteenth on each side": "ablations/recipe-frame",
    "8x8 pixels": "ablations/recipe-thumbnail",
    "the lungs without the frame (all but the above)": "ablations/recipe-middle",
    "everything (seed 0)": "runs/recipe-seed0",
}


def of(run: str, file: str = "test") -> dict[str, Any]:
    """Figures of a kept run."""
    return dict(json.loads((ROOT / "docs" / "results" / run / f"{file}.json").read_text()))


def named(changed: str) -> str:
    """The kept run of a row."""
    return f"recipe/{RUNS[changed]}"


def reached(figures: dict[str, Any]) -> list[str]:
    accuracy_and_auroc = [short(figures[name], 4) for name in ("accuracy", "auroc")]
    return accuracy_and_auroc + [short(figures[name]) for name in ("sensitivity", "specificity")]


def test_the_seeds() -> None:
    seeds = table(PAGE, "seed", "validation accuracy / AUROC / loss")[:5]
    assert [row[0] for row in seeds] == list("01234")
    for i, row in enumerate(seeds):
        test = of(f"recipe/runs/recipe-seed{i}")
        interval = {name: [short(test[f"{name}_{end}"]) for end in ("low", "high")] for name in ("accuracy", "auroc")}
        told = [f"{short(test[name], 4)} ({'-'.join(ends)})" for name, ends in interval.items()]
        others = [short(test[name]) for name in ("sensitivity", "specificity", "loss", "ece")]
        assert row[2:8] == told + others


def test_the_ablations() -> None:
    rows = [
        row
        for row in table(PAGE, "changed", "validation accuracy / loss")
        if row[1] and not row[1].startswith("the same training:")
    ]
    assert len(rows) >= 16
    for changed, validation, *cells in rows:
        run = named(changed)
        test, train = of(run), of(run, "train")
        costs = [short(test["ece"]), short(test["brier"]), f"{test['flops_per_image'] / 1e6:.0f}"]
        assert cells[:7] == reached(test) + costs, changed
        if validation != "the same training":
            assert validation.split(" (")[0] == f"{short(train['val_accuracy'])} / {short(train['val_loss'])}", changed
            assert cells[7] == f"{train['seconds']:,.0f}", changed
        assert train["precision"] == "bfloat16", changed


def test_what_sees_no_lungs() -> None:
    rows = table(PAGE, "shown", "validation accuracy")
    assert len(rows) == 4
    for shown, validation, *cells in rows:
        run = named(shown)
        assert [validation, *cells] == [short(of(run, "train")["val_accuracy"]), *reached(of(run))], shown


def test_the_studys_stacks() -> None:
    rows = table(PAGE, "run", "validation accuracy")
    assert len(rows) == 8
    for what, validation, *cells in rows:
        run = what.split()[0]
        before, after = f"112px/runs/{run}", f"recipe/stacks/{run}-augmented"
        names = ("accuracy", "auroc", "sensitivity", "specificity", "ece")
        assert cells == [f"{short(of(before)[name])} → {short(of(after)[name])}" for name in names], run
        trained = [short(of(one, "train")["val_accuracy"]) for one in (before, after)]
        assert validation == " → ".join(trained), run


def test_the_shifted_validations() -> None:
    shifts = pd.read_csv(KEPT / "shifts.csv")
    rows = table(PAGE, "changed", "whole images")
    assert len(rows) >= 11
    for changed, *cells in rows:
        asked = shifts[shifts["run"] == RUNS[changed].split("/")[1]]
        assert cells == [
            *(middle(asked, part) for part in (100, 94, 88)),
            corrupted(asked),
            both(of(named(changed)), 4),
        ]


def test_the_series_held_out() -> None:
    shifts = pd.read_csv(KEPT / "series" / "shifts.csv")
    rows = table(PAGE, "changed", "own series, as evaluated")
    assert len(rows) == 6
    for changed, *cells in rows:
        official = RUNS.get(changed, RUNS["nothing (seed 0)"])
        name = f"{official.split('/')[1].removesuffix('-seed0')}-series"
        asked, test = shifts[shifts["run"] == name], of(f"recipe/series/{name}")
        held_out = [
            f"{short(test[figure])} ({short(test[f'{figure}_low'])}-{short(test[f'{figure}_high'])})"
            for figure in ("accuracy", "auroc")
        ]
        held_out += [short(test[figure]) for figure in ("sensitivity", "specificity")]
        assert cells == [middle(asked, 94), corrupted(asked), *held_out, both(of(f"recipe/{official}"), 4)], changed


def middle(asked: pd.DataFrame, part: int) -> str:
    """Accuracy and AUROC of the validation images of which the middle `part` per cent are shown."""
    [row] = asked[(asked["shift"] == "middle") & (asked["strength"] == part)].to_dict("records")
    return both(row)


def corrupted(asked: pd.DataFrame) -> str:
    """Their means over the thirteen corruptions."""
    shifted = asked[~asked["shift"].isin(["none", "middle"])]
    assert len(shifted) == 13
    return both(dict(shifted[["accuracy", "auroc"]].mean()))


def both(figures: dict[str, Any], digits: int = 3) -> str:
    return f"{short(figures['accuracy'], digits)} / {short(figures['auroc'], 4)}"
